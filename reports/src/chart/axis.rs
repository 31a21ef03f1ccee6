//! Axes: few grid lines, muted tick labels that never overlap.

use crate::chart::canvas::{Anchor, Canvas};
use crate::chart::theme::Ink;
use crate::chart::{Scale, Unit};

/// Scale, unit and tick density of one axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Axis {
    /// Maps values to positions.
    pub(crate) scale: Scale,
    /// Determines tick steps and labels.
    pub(crate) unit: Unit,
    /// Approximate number of ticks.
    pub(crate) ticks: usize,
}

/// The inner rectangle of a plot, edges in page units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Inner {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

impl Inner {
    /// X position of a value in page units.
    pub(crate) fn x(&self, axis: &Axis, value: f64) -> f64 {
        self.left + axis.scale.place(value) * (self.right - self.left)
    }
    /// Y position of a value in page units.
    pub(crate) fn y(&self, axis: &Axis, value: f64) -> f64 {
        self.bottom - axis.scale.place(value) * (self.bottom - self.top)
    }
}

/// Approximate width of a label in page units.
pub(crate) fn label_width(label: &str) -> f64 {
    label.chars().count() as f64 * 6.0
}

/// Horizontal grid lines, and tick labels to the left of the plot.
pub(crate) fn draw_y(canvas: &Canvas<'_>, inner: &Inner, axis: &Axis) {
    let mut free_below = f64::INFINITY;
    for (value, label) in axis.scale.ticks(axis.ticks, axis.unit) {
        let y = inner.y(axis, value);
        canvas.line(&[(inner.left, y), (inner.right, y)], Ink::Grid, 0.75);
        if y <= free_below {
            canvas.text(&label, (inner.left - 6.0, y), Anchor::Right, Ink::Muted);
            free_below = y - 12.0;
        }
    }
}

/// Tick labels below the plot, with ticks or vertical grid lines.
pub(crate) fn draw_x(canvas: &Canvas<'_>, inner: &Inner, axis: &Axis, grid: bool) {
    let mut free_from = f64::NEG_INFINITY;
    for (value, label) in axis.scale.ticks(axis.ticks, axis.unit) {
        let x = inner.x(axis, value);
        let top = if grid { inner.top } else { inner.bottom };
        canvas.line(&[(x, top), (x, inner.bottom + 4.0)], Ink::Grid, 0.75);
        let half = label_width(&label) / 2.0;
        if x - half >= free_from {
            canvas.text(&label, (x, inner.bottom + 8.0), Anchor::Top, Ink::Muted);
            free_from = x + half + 8.0;
        }
    }
}
