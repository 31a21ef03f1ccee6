//! Recognizes links that change data: GET should be safe (RFC 9110 §9.2.1), but sites that log out or delete by a
//! link exist.
//!
//! Skipping a harmless page is better than deleting a row, so a harmless page with such a word in its path is skipped
//! too.

use std::sync::LazyLock;

use regex::Regex;
use url::Url;

use crate::address::path_of;

/// True when following the link might change data or end the session.
pub(crate) fn has_side_effects(url: &Url) -> bool {
    static WORD: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(concat!(
            r"(?i)(?:^|[/_.\-?&=+;:,!~@$])(?:",
            r"log[-_]?out|log[-_]?off|sign[-_]?out|sign[-_]?off|delete|del|remove|destroy|erase|unsubscribe|",
            r"deactivate|cancel|revoke|purge|terminate|drop|truncate|flush|reset|",
            r"add[-_]to[-_](?:cart|basket|bag|wishlist)",
            r")(?:$|[/_.\-?&=+;:,!~@$0-9])",
        ))
        .expect("a constant pattern compiles")
    });
    static STEM: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)/(?:logout|signout|delete|remove|destroy|unsubscribe)")
            .expect("a constant pattern compiles")
    });
    static ACTION: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)[?&;](?:action|do|op|cmd|command|_?method|delete|remove)(?:=|&|$)")
            .expect("a constant pattern compiles")
    });
    let path = path_of(url);
    WORD.is_match(&path) || STEM.is_match(&path) || ACTION.is_match(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_unsafe(path: &str) -> bool {
        has_side_effects(&Url::parse("http://h.test").unwrap().join(path).unwrap())
    }

    #[test]
    fn links_with_side_effects_are_recognized() {
        for path in [
            "/logout",
            "/accounts/logout/",
            "/log-out?next=/",
            "/Sign_Out.php",
            "/books/3/delete/",
            "/admin/books/book/3/delete/",
            "/delete/3",
            "/item-remove",
            "/removeItem?id=3",
            "/newsletter/unsubscribe/abc",
            "/index.php?action=drop",
            "/list?x=1&do=archive",
            "/?page=logout",
            "/order/3/cancel",
            "/shop/add-to-cart/5",
        ] {
            assert!(is_unsafe(path), "{path}");
        }
    }

    #[test]
    fn ordinary_pages_are_visited() {
        for path in [
            "/",
            "/accounts/login/",
            "/books/17/?page=2",
            "/blog/dialog-output/",
            "/catalogue/?order=title&dir=asc",
            "/undeleted-scenes/",
            "/cancellations/",
            "/presets/",
        ] {
            assert!(!is_unsafe(path), "{path}");
        }
    }
}
