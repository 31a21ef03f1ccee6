//! Reports: one view model, one renderer per format, one set of chart types.
//!
//! [`ReportView::build`] turns facts, analysis and summary into a view whose values are already formatted with their
//! units; [`render`] writes that view as HTML, Markdown or terminal text and computes nothing. The ladder and the
//! experiment report follow the same split and share blocks, charts and templates.

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
pub use view::ReportView;
