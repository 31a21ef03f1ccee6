//! One format a file; each reads the [`View`](crate::view::View) (or the summary) and computes nothing.

mod html;
mod json;
pub(crate) mod markdown;
pub(crate) mod terminal;

pub use html::html;
pub use json::json;
pub use markdown::markdown;
pub use terminal::terminal;
