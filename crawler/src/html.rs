//! What a document says: links, assets, title, forms, and what shows through that should not. Pure functions of text.

mod css;
mod document;
mod json;
mod links;
mod marks;
mod reader;
mod tokens;

pub(crate) use css::urls as css_urls;
pub(crate) use document::{Document, read};
pub(crate) use json::{links as json_links, rows as json_rows};
pub(crate) use marks::is_debug_page;
pub(crate) use tokens::masked;
