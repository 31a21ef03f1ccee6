//! The chart grammar: scales, axes, series and a theme, written once; each chart says only what it shows.
//!
//! Every chart is an [`Svg`] with `role="img"`, a title and one sentence that says what there is to see. Charts never
//! read files and never decide what matters: values in, picture out.

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
pub(crate) use series::{Keep, Series, Shape, thin};
pub(crate) use theme::Hue;
