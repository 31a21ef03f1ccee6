//! URL normalization: canonical URLs, the key that identifies a page, and the path template that similar pages share.
//!
//! Canonical means: no fragment, no credentials, no default port, no dot segments (RFC 3986 §6.2.2), percent escapes
//! in upper case and only where they are needed. The order of the query is kept as the site wrote it; the key sorts
//! it.

use std::sync::LazyLock;

use regex::Regex;
use url::Url;

/// Returns the canonical form of a URL; idempotent.
pub fn canonicalize(url: &Url) -> Url {
    let mut clean = url.clone();
    clean.set_fragment(None);
    // URLs without a host cannot carry credentials, so a failure here leaves nothing to remove.
    let _ = clean.set_username("");
    let _ = clean.set_password(None);
    if !clean.cannot_be_a_base() {
        let path = normalize_escapes(clean.path());
        clean.set_path(&path);
    }
    let query = clean.query().filter(|query| !query.is_empty()).map(normalize_escapes);
    clean.set_query(query.as_deref());
    clean
}

/// Path and query as sent in the request line.
pub(crate) fn path_of(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

/// Key under which a URL of the site is visited once: the path, and the query's pairs sorted and without
/// repetitions.
pub(crate) fn dedup_key(url: &Url) -> String {
    let Some(query) = url.query() else { return url.path().to_owned() };
    let mut pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_unstable();
    pairs.dedup();
    if pairs.is_empty() { url.path().to_owned() } else { format!("{}?{}", url.path(), pairs.join("&")) }
}

/// Masks numbers, identifiers and slugs of a path, so that pages of one view share a template.
///
/// `/books/17/` and `/books/18/` both give `/books/<n>/`. The query is dropped.
pub fn path_template(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    path.split('/').map(mask_segment).collect::<Vec<_>>().join("/")
}

fn mask_segment(segment: &str) -> String {
    static NUMBER: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"[0-9]+").expect("a constant pattern compiles"));
    static HEX: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)^(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{16,64})$")
            .expect("a constant pattern compiles")
    });
    if HEX.is_match(segment) {
        return "<id>".to_owned();
    }
    // Two hyphens or more: a slug made from a title, different for every row.
    if segment.matches('-').count() >= 2 && !segment.contains('.') {
        let digits_only = segment.chars().all(|c| c.is_ascii_digit() || c == '-');
        return if digits_only { "<n>".to_owned() } else { "<slug>".to_owned() };
    }
    NUMBER.replace_all(segment, "<n>").into_owned()
}

/// Writes percent escapes in upper case and decodes those of unreserved characters (RFC 3986 §2.3).
fn normalize_escapes(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let escape = (byte == b'%').then(|| bytes.get(at + 1..at + 3)).flatten().and_then(decode_hex);
        match escape {
            Some(value) if value.is_ascii_alphanumeric() || b"-._~".contains(&value) => out.push(value),
            Some(value) => out.extend_from_slice(format!("%{value:02X}").as_bytes()),
            None => out.push(byte),
        }
        at += if escape.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn decode_hex(digits: &[u8]) -> Option<u8> {
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    std::str::from_utf8(digits).ok().and_then(|text| u8::from_str_radix(text, 16).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clean(text: &str) -> String {
        canonicalize(&Url::parse(text).unwrap()).to_string()
    }

    #[test]
    fn spellings_of_one_address_become_one() {
        let cases = [
            ("HTTP://Example.TEST:80/a/../b/./c#part", "http://example.test/b/c"),
            ("http://u:secret@h.test/", "http://h.test/"),
            ("http://h.test/%7Euser/%e4?", "http://h.test/~user/%E4"),
            ("http://h.test/?b=2&a=%2f", "http://h.test/?b=2&a=%2F"),
            ("http://h.test/%6Cogout", "http://h.test/logout"),
            ("http://h.test/100%", "http://h.test/100%"),
        ];
        for (given, expected) in cases {
            assert_eq!(clean(given), expected, "{given}");
        }
    }

    #[test]
    fn the_key_forgets_the_order_of_the_query_and_repetitions() {
        let url = |text: &str| Url::parse(text).unwrap();
        assert_eq!(dedup_key(&url("http://h/x?b=2&a=1&b=2")), dedup_key(&url("http://h/x?a=1&b=2")));
        assert_ne!(dedup_key(&url("http://h/x?a=1")), dedup_key(&url("http://h/x?a=2")));
        assert_eq!(dedup_key(&url("http://h/x?&")), "/x");
    }

    #[test]
    fn pages_of_one_view_have_one_shape() {
        assert_eq!(path_template("/books/17/?page=2"), "/books/<n>/");
        assert_eq!(path_template("/isbn/978-3-16-148410-0/"), "/isbn/<n>/");
        assert_eq!(path_template("/b/the-great-gatsby/"), "/b/<slug>/");
        assert_eq!(path_template("/o/6f9619ff-8b86-d011-b42d-00cf4fc964ff"), "/o/<id>");
        assert_eq!(path_template("/static/app.min.js"), "/static/app.min.js");
    }

    proptest! {
        #[test]
        fn canonical_twice_is_canonical_once(tail in "[ -~é%/.?&=#]{0,60}") {
            if let Ok(url) = Url::parse(&format!("http://host.test:8080/{tail}")) {
                let once = canonicalize(&url);
                let twice = canonicalize(&once);
                prop_assert_eq!(twice.as_str(), once.as_str());
                // The stored text must parse back to the same URL.
                prop_assert_eq!(Url::parse(once.as_str()).unwrap(), once.clone());
                prop_assert!(once.fragment().is_none());
            }
        }

        #[test]
        fn escapes_never_change_what_the_server_decodes(path in "([a-zA-Z0-9~/]|%[0-9a-fA-F]{2}){0,40}") {
            prop_assert_eq!(decode(&normalize_escapes(&path)), decode(&path));
        }

        #[test]
        fn a_shape_is_its_own_shape(path in "(/[a-z0-9-]{0,12}){0,5}") {
            let shape = path_template(&path);
            prop_assert_eq!(path_template(&shape), shape);
        }
    }

    fn decode(text: &str) -> Vec<u8> {
        let bytes = text.as_bytes();
        let (mut out, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let escaped = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%').and_then(decode_hex);
            out.push(escaped.unwrap_or(bytes[at]));
            at += if escaped.is_some() { 3 } else { 1 };
        }
        out
    }
}
