//! A plot with two axes, shaded phases and series; the base of every chart with axes.

use crate::chart::axis::{self, Axis, Inner, label_width};
use crate::chart::canvas::{Anchor, Canvas, Svg, draw_svg};
use crate::chart::series::{Series, Shape};
use crate::chart::theme::Ink;

/// A shaded range of the x axis: a phase of the run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shade {
    pub(crate) from: f64,
    pub(crate) until: f64,
    /// Drawn if the range is wide enough; may be empty.
    pub(crate) name: String,
    /// Lighter shading, for the warm-up of a phase.
    pub(crate) faint: bool,
}

/// All input of one plot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plot {
    /// Width and height in page units.
    pub(crate) size: (f64, f64),
    /// Space for tick labels on the left, in page units.
    pub(crate) gutter: f64,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    /// Draw vertical grid lines.
    pub(crate) x_grid: bool,
    pub(crate) shades: Vec<Shade>,
    /// Areas between two series of equal length: (upper, lower), by index.
    pub(crate) bands: Vec<(usize, usize)>,
    /// Series, drawn in order.
    pub(crate) series: Vec<Series>,
}

impl Plot {
    /// Draws the plot; `desc` becomes the SVG description.
    pub(crate) fn draw(&self, title: &str, desc: &str) -> Svg {
        let top = if self.shades.iter().any(|shade| !shade.name.is_empty()) { 20.0 } else { 8.0 };
        let inner = Inner { left: self.gutter, top, right: self.size.0 - 14.0, bottom: self.size.1 - 24.0 };
        draw_svg(self.size, title, desc, |canvas| {
            self.draw_shades(canvas, &inner);
            axis::draw_y(canvas, &inner, &self.y);
            axis::draw_x(canvas, &inner, &self.x, self.x_grid);
            for &(upper, lower) in &self.bands {
                self.draw_band(canvas, &inner, upper, lower);
            }
            for series in &self.series {
                self.draw_series(canvas, &inner, series);
            }
        })
    }

    fn draw_shades(&self, canvas: &Canvas<'_>, inner: &Inner) {
        for shade in &self.shades {
            let (from, until) = (inner.x(&self.x, shade.from), inner.x(&self.x, shade.until));
            canvas.rect(
                (from, inner.top),
                (until, inner.bottom),
                Ink::Shade,
                if shade.faint { 0.45 } else { 1.0 },
            );
            if label_width(&shade.name) + 6.0 <= until - from {
                canvas.text(&shade.name, (f64::midpoint(from, until), 5.0), Anchor::Top, Ink::Muted);
            }
        }
    }

    fn draw_band(&self, canvas: &Canvas<'_>, inner: &Inner, upper: usize, lower: usize) {
        let (Some(upper), Some(lower)) = (self.series.get(upper), self.series.get(lower)) else { return };
        for (above, below) in upper.runs.iter().zip(&lower.runs) {
            let outline: Vec<(f64, f64)> =
                above.iter().chain(below.iter().rev()).map(|&point| self.place(inner, point)).collect();
            canvas.area(&outline, Ink::Hue(upper.hue), 0.14);
        }
    }

    fn draw_series(&self, canvas: &Canvas<'_>, inner: &Inner, series: &Series) {
        let ink = Ink::Hue(series.hue);
        for run in &series.runs {
            let points: Vec<(f64, f64)> = run.iter().map(|&point| self.place(inner, point)).collect();
            let (Some(first), Some(last)) = (points.first(), points.last()) else { continue };
            match series.shape {
                Shape::Line => canvas.line(&points, ink, 1.75),
                Shape::Area => {
                    let mut outline = points.clone();
                    outline.extend([(last.0, inner.bottom), (first.0, inner.bottom)]);
                    canvas.area(&outline, ink, 0.16);
                    canvas.line(&points, ink, 1.5);
                }
                Shape::Alarm => {
                    for point in points.iter().filter(|point| point.1 < inner.bottom - 0.1) {
                        // A single error among thousands of requests must stay visible.
                        let top = point.1.min(inner.bottom - 9.0);
                        canvas.rect((point.0 - 1.5, top), (point.0 + 1.5, inner.bottom), Ink::Alarm, 0.9);
                    }
                }
                Shape::Dots => {
                    canvas.line(&points, ink, 1.5);
                    for &point in &points {
                        canvas.dot(point, 3.0, ink);
                    }
                }
            }
            if points.len() == 1 && series.shape != Shape::Alarm {
                canvas.dot(*first, 2.0, ink);
            }
        }
    }

    fn place(&self, inner: &Inner, point: (f64, f64)) -> (f64, f64) {
        (inner.x(&self.x, point.0), inner.y(&self.y, point.1))
    }
}
