//! Colours: plotters draws in sentinel colours, and one pass over the SVG text replaces them by CSS variables, so that a
//! chart follows the light, dark and print styles.
//!
//! The palette is in `render/templates/style.css`: Okabe and Ito's colour-blind-safe set. Each hue also has a dash pattern,
//! so that colour is never the only difference between two lines.

use plotters::style::RGBColor;

/// Drawing units per page unit: coordinates are integers, so a factor of four gives quarter-pixel precision.
pub(crate) const FINE: i32 = 4;

/// One of the eight series colours; 0 is the text colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hue(pub(crate) u8);

/// Colour of a drawn element, by purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Colour of a series.
    Hue(Hue),
    /// Tick labels and other secondary text.
    Muted,
    /// Grid lines and ticks.
    Grid,
    /// Shading of a load phase.
    Shade,
    /// Bars that mark failed requests.
    Alarm,
}

impl Ink {
    /// The placeholder colour passed to plotters.
    pub(crate) const fn sentinel(self) -> RGBColor {
        match self {
            Self::Hue(Hue(0)) => RGBColor(0, 0, 0),
            Self::Hue(Hue(n)) => RGBColor(1, 2, n),
            Self::Muted => RGBColor(1, 3, 1),
            Self::Grid => RGBColor(1, 3, 2),
            Self::Shade => RGBColor(1, 3, 3),
            Self::Alarm => RGBColor(1, 3, 4),
        }
    }
}

/// Dash pattern of a series line, in drawing units; `None` is solid.
const fn dashes(hue: u8) -> Option<&'static str> {
    match hue {
        2 => Some("28 12"),
        3 => Some("8 10"),
        4 => Some("28 10 8 10"),
        5 => Some("44 12"),
        6 => Some("16 8"),
        7 => Some("44 10 8 10 8 10"),
        8 => Some("4 8"),
        _ => None,
    }
}

/// Replaces sentinel colours by CSS variables. Attribute values are quoted and quotes in text content are escaped, so
/// untrusted text cannot match a sentinel.
pub(crate) fn restyle(svg: &str) -> String {
    let mut out = svg
        .replace("\"#000000\"", "\"currentColor\"")
        .replace("\"#010301\"", "\"var(--muted)\"")
        .replace("\"#010302\"", "\"var(--grid)\"")
        .replace("\"#010303\"", "\"var(--shade)\"")
        .replace("\"#010304\"", "\"var(--alarm)\"")
        .replace(" opacity=\"1\"", "")
        .replace(" stroke=\"none\"", "")
        .replace(" font-family=\"sans-serif\"", "");
    for hue in 1..=8u8 {
        let sentinel = format!("#0102{hue:02X}");
        let stroke = match dashes(hue) {
            Some(pattern) => format!("stroke=\"var(--s{hue})\" stroke-dasharray=\"{pattern}\""),
            None => format!("stroke=\"var(--s{hue})\""),
        };
        out = out
            .replace(&format!("stroke=\"{sentinel}\""), &stroke)
            .replace(&format!("\"{sentinel}\""), &format!("\"var(--s{hue})\""));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sentinel_is_left_and_ink_is_the_text_colour() {
        let drawn = r##"<line stroke="#010202"/><rect fill="#010203"/><text fill="#000000">&quot;#010202&quot;</text>"##;
        let styled = restyle(drawn);
        assert_eq!(
            styled,
            r#"<line stroke="var(--s2)" stroke-dasharray="28 12"/><rect fill="var(--s3)"/><text fill="currentColor">&quot;#010202&quot;</text>"#
        );
    }
}
