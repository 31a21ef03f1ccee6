//! Loads pages as a browser does: the document first, then its style sheets, scripts and images, in parallel.
//!
//! `page_links` finds what a document links to, `asset_selection` selects what is requested, `http_cache` and `browser_cache`
//! decide what the user's browser still has; `load_page` loads it with an `asset_request` for each asset, `page_load` records
//! the time of the whole.
//!
//! Out of scope: links in style sheets (`@import`, `url()`), requests of scripts, frames, video and audio.

mod asset_request;
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
