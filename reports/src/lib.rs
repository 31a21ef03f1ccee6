//! Say: one view model, one renderer per format, one chart grammar.
//!
//! The sentence: [`Report::build`] turns facts, analysis and summary into a [`View`] (everything in it already has its
//! unit and its words); [`render`] writes the view as HTML, Markdown or terminal text and computes nothing.

mod chart;
mod error;
mod experiment;
mod flame;
mod format;
pub mod ladder;
pub mod render;
pub mod view;

pub use error::ReportError;
pub use experiment::ExperimentReport;
pub use flame::Flame;
pub use view::{Report, View};
