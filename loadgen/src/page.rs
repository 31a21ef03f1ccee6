//! Pages as a browser loads them: the document first, then its style sheets, scripts and images, side by side.
//!
//! `reader` says what a document names, `choice` what of it is asked for, `fresh` and `store` what the visitor's browser
//! still has; `view` does it, `record` keeps the time of the whole. Only `view` touches a socket.
//!
//! Out of scope: what style sheets name (`@import`, `url()`), what scripts load, frames, films and sounds.

mod choice;
mod fresh;
#[cfg(test)]
mod fuzz;
mod reader;
mod record;
mod srcset;
mod store;
mod view;

pub(crate) use record::PageHit;
pub(crate) use store::BrowserCache;
pub(crate) use view::view;
