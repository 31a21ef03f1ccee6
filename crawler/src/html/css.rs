//! Extracts the URLs of a style sheet: `url(...)` and `@import "..."`.

use std::sync::LazyLock;

use regex::Regex;

use super::links::{MAX_LINKS, push_link};

/// URLs of a style sheet in order, without repetitions; inline data is skipped.
pub(crate) fn css_urls(css: &str) -> Vec<String> {
    static URL: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?i)url\(\s*(?:"([^"\n]+)"|'([^'\n]+)'|([^"'()\s]+))\s*\)|@import\s+(?:"([^"\n]+)"|'([^'\n]+)')"#)
            .expect("a constant pattern compiles")
    });
    let mut found = Vec::new();
    for captures in URL.captures_iter(css) {
        if found.len() >= MAX_LINKS {
            break;
        }
        if let Some(url) = captures.iter().skip(1).flatten().next() {
            push_link(&mut found, url.as_str());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_are_found_and_inline_data_is_not() {
        let css = r#"@import "base.css"; @import url('print.css') print;
            a { background: URL( img/a.png ) } b { src: url("f.woff2") format("woff2"), url(data:font/woff;base64,AAAA) }
            c { background: url(img/a.png) } d { background: url() }"#;
        assert_eq!(css_urls(css), ["base.css", "print.css", "img/a.png", "f.woff2"]);
    }
}
