//! Pages as a browser loads them: the document first, then its style sheets, scripts and images, side by side.
//!
//! `reader` says what a document names, `choice` what of it is asked for, `fresh` and `store` what the user's browser
//! still has; `view` does it, `record` keeps the time of the whole. Only `view` touches a socket.
//!
//! Out of scope: what style sheets name (`@import`, `url()`), what scripts load, frames, films and sounds.

mod asset_selection;
mod browser_cache;
#[cfg(test)]
mod fuzz;
mod http_cache;
mod load_page;
mod page_links;
mod page_load;
mod srcset;

pub(crate) use browser_cache::BrowserCache;
pub(crate) use load_page::load_page;
