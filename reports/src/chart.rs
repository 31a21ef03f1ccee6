//! Charts: scales, axes, series and theme are shared; each chart file defines only what it shows.
//!
//! Every chart is an [`Svg`] with `role="img"`, a title and a text description. Charts read no
//! files: values in, SVG out.

mod axis;
mod canvas;
mod label;
mod plot;
mod scale;
mod series;
mod theme;

pub(crate) mod latency_time;
pub(crate) mod panel;
pub(crate) mod percentiles;
pub(crate) mod resources;
pub(crate) mod rows;
pub(crate) mod slope;
pub(crate) mod split_bar;
pub(crate) mod throughput_time;

pub(crate) use canvas::Svg;
pub(crate) use label::Unit;
pub(crate) use plot::{Plot, Shade};
pub(crate) use scale::Scale;
pub(crate) use series::{Keep, Points, Series, Shape, thin};
pub(crate) use theme::Hue;
