//! Renderers, one file per format. Each reads the [`ReportView`](crate::view::ReportView), the summary or the load phases,
//! and computes nothing.

mod csv;
pub(crate) mod html;
mod json;
pub(crate) mod markdown;
mod openmetrics;
pub(crate) mod terminal;

pub use csv::{endpoints_csv, seconds_csv};
pub use html::html;
pub use json::json;
pub use markdown::markdown;
pub use openmetrics::openmetrics;
pub use terminal::terminal;
