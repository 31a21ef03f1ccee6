//! Readers of HTML, CSS and JSON: links, assets, title, forms and error markers. Pure functions of text.

mod css;
mod document;
mod form_tokens;
mod json;
mod links;
mod markers;
mod tag_reader;

pub(crate) use css::css_urls;
pub(crate) use document::{Document, read_html};
pub(crate) use form_tokens::mask_tokens;
pub(crate) use json::{count_json_rows, json_links};
pub(crate) use markers::is_debug_page;
