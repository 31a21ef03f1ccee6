//! A row chart: one named row per compared item on a common scale, with stacked bars, an interval as a whisker, dots, and
//! a label at the end.

use kneepoint_model::text::sanitize;

use crate::chart::axis::{self, Axis, Inner, label_width};
use crate::chart::canvas::{Anchor, Svg, draw_svg};
use crate::chart::theme::{Hue, Ink};
use crate::chart::{Scale, Unit};

/// Content of one row; every part is optional.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Row {
    /// Label on the left.
    pub(crate) name: String,
    /// Parts of a stacked bar, starting at zero.
    pub(crate) bar: Vec<(Hue, f64)>,
    /// Lower and upper end of an interval; without an upper end it is open to the right.
    pub(crate) whisker: Option<(f64, Option<f64>)>,
    /// Dots, joined by a line.
    pub(crate) dots: Vec<(Hue, f64)>,
    /// Label on the right.
    pub(crate) label: String,
}

/// A row chart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rows {
    /// Rows from top to bottom.
    pub(crate) list: Vec<Row>,
    /// Maps values to positions.
    pub(crate) scale: Scale,
    /// Unit of the scale.
    pub(crate) unit: Unit,
}

const WIDTH: f64 = 1080.0;
const HEIGHT: f64 = 26.0;
const TOP: f64 = 6.0;
/// Maximum length, in characters, of the label on the right.
const MAX_LABEL: usize = 44;

impl Rows {
    /// Rows on a linear scale from zero to the largest value.
    pub(crate) fn from_zero(rows: Vec<Row>, unit: Unit) -> Self {
        let top = rows.iter().map(Row::top).fold(0.0, f64::max);
        Self { list: rows, scale: Scale::from_zero(top, unit), unit }
    }

    /// Rows on a logarithmic scale around the dots.
    pub(crate) fn decades(rows: Vec<Row>, unit: Unit) -> Self {
        let dots = || rows.iter().flat_map(|row| &row.dots).map(|dot| dot.1).filter(|v| *v > 0.0);
        let scale = Scale::decades(dots().fold(f64::INFINITY, f64::min), dots().fold(0.0, f64::max));
        Self { list: rows, scale, unit }
    }

    /// Draws the chart; `desc` becomes the SVG description.
    pub(crate) fn draw(&self, title: &str, desc: &str) -> Svg {
        let height = TOP + HEIGHT * self.list.len() as f64;
        let widths = |text: fn(&Row) -> &String| self.list.iter().map(move |row| label_width(text(row)));
        let left = widths(|row| &row.name).fold(60.0, f64::max).min(180.0) + 10.0;
        let right =
            widths(|row| &row.label).fold(0.0, f64::max).min(label_width("x") * MAX_LABEL as f64 + 6.0)
                + 16.0;
        let inner = Inner { left, top: TOP, right: WIDTH - right, bottom: height };
        let axis = Axis { scale: self.scale, unit: self.unit, ticks: 6 };
        draw_svg((WIDTH, height + 24.0), title, desc, |canvas| {
            axis::draw_x(canvas, &inner, &axis, true);
            for (at, row) in self.list.iter().enumerate() {
                let middle = TOP + HEIGHT * (at as f64 + 0.5);
                canvas.text(&sanitize(&row.name, 28), (left - 8.0, middle), Anchor::Right, Ink::Hue(Hue(0)));
                let mut from = 0.0;
                for (hue, value) in &row.bar {
                    let (start, end) = (inner.x(&axis, from), inner.x(&axis, from + value));
                    if end - start >= 0.25 {
                        canvas.rect((start, middle - 7.0), (end, middle + 7.0), Ink::Hue(*hue), 1.0);
                    }
                    from += value;
                }
                if let Some((low, high)) = row.whisker {
                    let (low, high) = (inner.x(&axis, low), high.map(|high| inner.x(&axis, high)));
                    let end = high.unwrap_or(inner.right);
                    canvas.line(&[(low, middle), (end, middle)], Ink::Hue(Hue(0)), 1.5);
                    // An open end has no bar across it.
                    for x in [Some(low), high].into_iter().flatten() {
                        canvas.line(&[(x, middle - 4.5), (x, middle + 4.5)], Ink::Hue(Hue(0)), 1.5);
                    }
                }
                let dots: Vec<(f64, f64)> =
                    row.dots.iter().map(|dot| (inner.x(&axis, dot.1), middle)).collect();
                canvas.line(&dots, Ink::Muted, 1.25);
                for (place, (hue, _)) in dots.iter().zip(&row.dots) {
                    canvas.dot(*place, 4.5, Ink::Hue(*hue));
                }
                let label = sanitize(&row.label, MAX_LABEL);
                canvas.text(&label, (inner.right + 10.0, middle), Anchor::Left, Ink::Muted);
            }
        })
    }
}

impl Row {
    fn top(&self) -> f64 {
        let bar: f64 = self.bar.iter().map(|part| part.1).sum();
        let whisker = self.whisker.map_or(0.0, |(low, high)| high.unwrap_or(low * 1.15));
        self.dots.iter().map(|dot| dot.1).fold(bar.max(whisker), f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, value: f64, high: Option<f64>) -> Row {
        Row {
            name: name.into(),
            bar: vec![(Hue(1), value)],
            whisker: Some((value, high)),
            label: format!("{value}/s"),
            ..Row::default()
        }
    }

    #[test]
    fn every_row_is_named_and_bars_fit_the_scale() {
        let rows = Rows::from_zero(vec![row("a", 100.0, Some(120.0)), row("<b>", 400.0, None)], Unit::Count);
        assert!(matches!(rows.scale, Scale::Linear(_, top) if top >= 460.0));
        let svg = rows.draw("t", "d");
        assert!(svg.as_str().contains("&lt;b&gt;") && svg.as_str().contains("100/s"));
        assert_eq!(svg.as_str().matches("<rect").count(), 2);
    }

    #[test]
    fn a_chart_without_rows_or_values_is_drawn() {
        assert!(Rows::decades(Vec::new(), Unit::Latency).draw("t", "d").as_str().contains("<title>t"));
        let empty = Rows::from_zero(vec![Row { name: "a".into(), ..Row::default() }], Unit::Count);
        assert!(!empty.draw("t", "d").as_str().contains("<rect"));
    }
}
