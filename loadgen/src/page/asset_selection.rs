//! Selects the assets of a page that are requested: every address of this site, once; the others are counted. Pure.

use std::collections::HashSet;

use http::uri::PathAndQuery;

use super::page_links::PageLinks;
use crate::user::links::SiteOrigin;

/// The assets of a page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AssetSelection {
    /// Paths within the site, in the order of the document.
    pub(super) paths: Vec<PathAndQuery>,
    /// Linked, but not requested: of another site, too many, or invalid.
    pub(super) left_out: u64,
}

/// Resolves the links of the page at this path.
pub(super) fn select_assets(site: &SiteOrigin, at: &str, links: &PageLinks) -> AssetSelection {
    let base = site.base_url_of(at, links.base.as_deref());
    let mut selection = AssetSelection { left_out: links.dropped, ..AssetSelection::default() };
    let mut known = HashSet::new();
    for address in &links.assets {
        let path = site.resolve_from(&base, address).ok().and_then(|path| path.parse::<PathAndQuery>().ok());
        match path {
            Some(path) => {
                if known.insert(path.clone()) {
                    selection.paths.push(path);
                }
            }
            None => selection.left_out += 1,
        }
    }
    selection
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn selected(base: Option<&str>, assets: &[&str]) -> (Vec<String>, u64) {
        let site = SiteOrigin::new(&Url::parse("http://127.0.0.1:8000/").expect("url"), Some("shop.test"));
        let links = PageLinks {
            base: base.map(str::to_owned),
            assets: assets.iter().map(|asset| (*asset).to_owned()).collect(),
            dropped: 2,
        };
        let selection = select_assets(&site, "/books/7/?page=2", &links);
        (selection.paths.iter().map(ToString::to_string).collect(), selection.left_out)
    }

    #[test]
    fn one_address_is_selected_once_however_it_is_written() {
        let assets =
            ["../a.css", "/books/a.css", "http://shop.test/books/a.css", "/books/a.css#x", "a.css?v=2"];
        assert_eq!(selected(None, &assets), (vec!["/books/a.css".into(), "/books/7/a.css?v=2".into()], 2));
    }

    #[test]
    fn addresses_of_other_sites_are_counted_and_never_selected() {
        let assets =
            ["//cdn.test/a.js", "https://other.test/b.js", "ftp://shop.test/c", "http://[bad", "/ok.js"];
        assert_eq!(selected(None, &assets), (vec!["/ok.js".into()], 6));
        // A page may set the base of its relative links to another site.
        assert_eq!(
            selected(Some("//cdn.test/x/"), &["a.js", "http://shop.test/b.js"]),
            (vec!["/b.js".into()], 3)
        );
        assert_eq!(selected(Some("/shop/"), &["a.js"]), (vec!["/shop/a.js".into()], 2));
    }
}
