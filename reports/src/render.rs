//! One format a file; each reads the [`View`](crate::view::View) (or the summary) and computes nothing.

mod csv;
mod html;
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
