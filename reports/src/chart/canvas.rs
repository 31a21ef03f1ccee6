//! The only file that uses plotters: a canvas of lines, areas and text that becomes an accessible SVG.
//!
//! Drawing into memory does not fail; each `expect` states that invariant.

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea as _};
use plotters::element::{Circle, PathElement, Polygon, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, IntoFont as _, RGBAColor, ShapeStyle};
use serde::Serialize;

use crate::chart::theme::{FINE, Ink, restyle};

/// Font size of chart text in page units.
const FONT_SIZE: f64 = 11.0;

/// A finished SVG whose text content is escaped, so templates may insert it unescaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Svg(String);

impl Svg {
    /// The SVG element as markup.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Anchor point of a text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anchor {
    /// Right edge, at half height.
    Right,
    /// Left edge, at half height.
    Left,
    /// Middle of the upper edge.
    Top,
}

/// A drawing surface in page units; the origin is the upper left corner.
pub(crate) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

impl Canvas<'_> {
    /// Draws a line through the points.
    pub(crate) fn line(&self, points: &[(f64, f64)], ink: Ink, width: f64) {
        let points: Vec<(i32, i32)> = distinct(points);
        if points.len() < 2 {
            return;
        }
        let stroke = ((width * f64::from(FINE)).round() as u32).max(1);
        self.put(&PathElement::new(
            points,
            ShapeStyle { color: solid(ink), filled: false, stroke_width: stroke },
        ));
    }

    /// Draws a filled polygon.
    pub(crate) fn area(&self, outline: &[(f64, f64)], ink: Ink, opacity: f64) {
        let outline: Vec<(i32, i32)> = distinct(outline);
        if outline.len() > 2 {
            self.put(&Polygon::new(outline, ink.sentinel().mix(opacity).filled()));
        }
    }

    /// Draws a filled rectangle between two corners.
    pub(crate) fn rect(&self, from: (f64, f64), to: (f64, f64), ink: Ink, opacity: f64) {
        self.put(&Rectangle::new([to_grid(from), to_grid(to)], ink.sentinel().mix(opacity).filled()));
    }

    /// Draws a filled circle.
    pub(crate) fn dot(&self, at: (f64, f64), radius: f64, ink: Ink) {
        self.put(&Circle::new(to_grid(at), (radius * f64::from(FINE)) as i32, solid(ink).filled()));
    }

    /// Draws one line of text.
    pub(crate) fn text(&self, text: &str, at: (f64, f64), anchor: Anchor, ink: Ink) {
        let (h, v) = match anchor {
            Anchor::Right => (HPos::Right, VPos::Center),
            Anchor::Left => (HPos::Left, VPos::Center),
            Anchor::Top => (HPos::Center, VPos::Top),
        };
        // The SVG backend divides font sizes by 1.24.
        let font = ("sans-serif", FONT_SIZE * 1.24 * f64::from(FINE)).into_font();
        let style = font.color(&ink.sentinel()).pos(Pos::new(h, v));
        self.area.draw_text(text, &style, to_grid(at)).expect("drawing into memory does not fail");
    }

    fn put<E>(&self, element: &E)
    where
        for<'b> &'b E: plotters::element::PointCollection<'b, (i32, i32)>,
        E: for<'c> plotters::element::Drawable<SVGBackend<'c>>,
    {
        self.area.draw(element).expect("drawing into memory does not fail");
    }
}

/// Draws an SVG of `size` (page units) with title and description.
pub(crate) fn draw_svg(size: (f64, f64), title: &str, desc: &str, paint: impl FnOnce(&Canvas<'_>)) -> Svg {
    let (width, height) = to_grid(size);
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (width as u32, height as u32)).into_drawing_area();
        let canvas = Canvas { area };
        paint(&canvas);
        canvas.area.present().expect("drawing into memory does not fail");
    }
    let inner = text.split_once('>').map_or("", |(_, rest)| rest).trim();
    let inner = inner.strip_suffix("</svg>").unwrap_or(inner);
    Svg(format!(
        "<svg role=\"img\" viewBox=\"0 0 {width} {height}\" preserveAspectRatio=\"xMidYMid meet\"><title>{}</title><desc>{}</desc>{}</svg>",
        escape(title),
        escape(desc),
        restyle(&inner.replace('\n', ""))
    ))
}

fn solid(ink: Ink) -> RGBAColor {
    ink.sentinel().to_rgba()
}

fn to_grid((x, y): (f64, f64)) -> (i32, i32) {
    let scale = |v: f64| (v * f64::from(FINE)).round() as i32;
    (scale(x), scale(y))
}

/// Points on the drawing grid, without repeated points and points in the middle of a horizontal line.
fn distinct(points: &[(f64, f64)]) -> Vec<(i32, i32)> {
    let mut out: Vec<(i32, i32)> = Vec::with_capacity(points.len());
    for &point in points {
        let point = to_grid(point);
        if let [.., a, b] = out[..]
            && a.1 == b.1
            && b.1 == point.1
            && (b.0 - a.0).signum() == (point.0 - b.0).signum()
        {
            out.pop();
        }
        if out.last() != Some(&point) {
            out.push(point);
        }
    }
    out
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::theme::Hue;

    #[test]
    fn untrusted_text_is_escaped() {
        let svg = draw_svg((100.0, 20.0), "<b>", "\"x\"", |canvas| {
            canvas.text("<script>", (0.0, 0.0), Anchor::Right, Ink::Muted);
            canvas.line(&[(0.0, 0.0), (5.0, 5.0)], Ink::Hue(Hue(1)), 1.5);
        });
        let text = svg.as_str();
        assert!(!text.contains("<script") && !text.contains("<b>"), "{text}");
        assert!(text.contains("var(--s1)") && !text.contains("xmlns"), "{text}");
    }

    #[test]
    fn horizontal_runs_are_two_points() {
        let flat: Vec<(f64, f64)> = (0..50).map(|x| (f64::from(x), 3.0)).collect();
        assert_eq!(distinct(&flat), [(0, 12), (196, 12)]);
    }
}
