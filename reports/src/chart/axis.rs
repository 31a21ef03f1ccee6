//! Axes: few grid lines, words in muted ink, never two words on top of each other.

use crate::chart::canvas::{Canvas, Hold};
use crate::chart::theme::Ink;
use crate::chart::{Scale, Unit};

/// One axis of a plot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Axis {
    /// From values to places.
    pub(crate) scale: Scale,
    /// What its numbers are.
    pub(crate) unit: Unit,
    /// About how many ticks.
    pub(crate) ticks: usize,
}

/// The plot's inner rectangle in page units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Inner {
    /// Left edge.
    pub(crate) left: f64,
    /// Upper edge.
    pub(crate) top: f64,
    /// Right edge.
    pub(crate) right: f64,
    /// Lower edge.
    pub(crate) bottom: f64,
}

impl Inner {
    /// Page x of a value.
    pub(crate) fn x(&self, axis: &Axis, value: f64) -> f64 {
        self.left + axis.scale.place(value) * (self.right - self.left)
    }
    /// Page y of a value.
    pub(crate) fn y(&self, axis: &Axis, value: f64) -> f64 {
        self.bottom - axis.scale.place(value) * (self.bottom - self.top)
    }
}

/// Rough width of a word in the chart's type.
pub(crate) fn width_of(words: &str) -> f64 {
    words.chars().count() as f64 * 6.0
}

/// Grid lines and words to the left of the plot.
pub(crate) fn draw_y(canvas: &Canvas<'_>, inner: &Inner, axis: &Axis) {
    let mut free_below = f64::INFINITY;
    for (value, words) in axis.scale.ticks(axis.ticks, axis.unit) {
        let y = inner.y(axis, value);
        canvas.line(&[(inner.left, y), (inner.right, y)], Ink::Grid, 0.75);
        if y <= free_below {
            canvas.words(&words, (inner.left - 6.0, y), Hold::Right, Ink::Muted);
            free_below = y - 12.0;
        }
    }
}

/// Words below the plot, and small ticks.
pub(crate) fn draw_x(canvas: &Canvas<'_>, inner: &Inner, axis: &Axis, grid: bool) {
    let mut free_from = f64::NEG_INFINITY;
    for (value, words) in axis.scale.ticks(axis.ticks, axis.unit) {
        let x = inner.x(axis, value);
        let top = if grid { inner.top } else { inner.bottom };
        canvas.line(&[(x, top), (x, inner.bottom + 4.0)], Ink::Grid, 0.75);
        let half = width_of(&words) / 2.0;
        if x - half >= free_from {
            canvas.words(&words, (x, inner.bottom + 8.0), Hold::Top, Ink::Muted);
            free_from = x + half + 8.0;
        }
    }
}
