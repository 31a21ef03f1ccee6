//! Colours: plotters draws in sentinel colours, and one pass over the text turns them into CSS variables, so that a
//! chart follows light, dark and print without being drawn again.
//!
//! The palette itself is in `render/templates/style.css`: Okabe and Ito's colour-blind-safe set, each hue with a dash
//! pattern of its own, so that no line is told apart by colour alone.

use plotters::style::RGBColor;

/// Units of the drawing per unit of the page: coordinates are whole numbers, so four give a quarter of a pixel.
pub(crate) const FINE: i32 = 4;

/// One of the eight series colours; 0 is the ink of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hue(pub(crate) u8);

/// What is drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// A series.
    Hue(Hue),
    /// Text of axes.
    Muted,
    /// Grid lines.
    Grid,
    /// Shading of a phase.
    Shade,
    /// Marks of errors.
    Alarm,
}

impl Ink {
    /// The colour that plotters is told.
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

/// Dash pattern of a series line, in units of the drawing; solid for the first.
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

/// Sentinels to variables. Attribute values are quoted and text content has its quotes escaped, so no text of the site
/// can be mistaken for a sentinel.
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
