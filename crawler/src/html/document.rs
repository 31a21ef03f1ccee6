//! The bounded facts that the crawl keeps of an HTML page.

use std::time::Duration;

use kneepoint_model::text;
use kneepoint_scenarios::tokenize_html;

use super::markers;
use super::tag_reader::TagReader;

/// A real page of the largest size takes a tenth of this; the limit stops hostile ones (a tag with a million
/// attributes).
const TOKENIZE_TIMEOUT: Duration = Duration::from_secs(1);

/// Facts of one HTML page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Document {
    /// Title with white space collapsed; `None` when it is missing or empty.
    pub(crate) title: Option<String>,
    /// Value of `<base href>`.
    pub(crate) base: Option<String>,
    /// Links to other pages, as written.
    pub(crate) links: Vec<String>,
    /// Style sheets, scripts, images and fonts, as written.
    pub(crate) assets: Vec<String>,
    /// Links that the page marks as changing data (`data-method="delete"`); never followed.
    pub(crate) unsafe_links: Vec<String>,
    /// The page has a form with method POST.
    pub(crate) has_post_form: bool,
    /// Values of form tokens; secrets that must not leave this crate.
    pub(crate) tokens: Vec<String>,
    /// First error marker found in the text.
    pub(crate) marker: Option<&'static str>,
}

/// Reads a page; like a browser it never fails.
pub(crate) fn read_html(html: &str) -> Document {
    let found = tokenize_html(html, TagReader::default(), TOKENIZE_TIMEOUT).finish();
    Document {
        title: fold_title(&found.title),
        base: found.base,
        links: found.links,
        assets: found.assets,
        unsafe_links: found.unsafe_links,
        has_post_form: found.has_post_form,
        marker: markers::find_marker(&found.prose, &found.code_samples),
        tokens: found.tokens,
    }
}

/// On one line, without characters that disguise text on a console; joiners stay, because some scripts need them.
fn fold_title(title: &str) -> Option<String> {
    let line =
        text::collapse_whitespace(title).replace(|c: char| c.is_control() || text::switches_direction(c), "");
    let clipped = text::clip(&line, 200);
    (!clipped.is_empty()).then(|| clipped.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::super::links::MAX_LINKS;
    use super::*;

    #[test]
    fn links_assets_title_and_forms_are_found() {
        let html = r##"<!doctype html><base href="/shop/"><title> Books
            &amp; more </title><link rel=stylesheet href=a.css><link rel="next" href="?page=2">
            <link rel=preconnect href=//cdn.test><script src="a.js">var x = "<a href=/not-a-link>"</script>
            <style>body { background: url(bg.png) }</style>
            <a href="book/1">one</a><a href='book/1'>again</a><a name=x>none</a><area href=map>
            <img src=i.png srcset="i2.png 2x, i3.png 3x"><img src="data:image/png;base64,AAAA">
            <div style="background:url('d.png')"></div><iframe src=frame.html></iframe>
            <a href=/book/1 data-method=delete>x</a>
            <form method=POST action=/buy><input type=hidden name=csrfmiddlewaretoken value=abcdefghij></form>
            <svg><title>icon</title><use href="#x"/></svg>"##;
        let document = read_html(html);
        assert_eq!(document.title.as_deref(), Some("Books & more"));
        assert_eq!(document.base.as_deref(), Some("/shop/"));
        assert_eq!(document.links, ["?page=2", "book/1", "map", "frame.html"]);
        assert_eq!(document.assets, ["a.css", "a.js", "bg.png", "i.png", "i2.png", "i3.png", "d.png"]);
        assert_eq!(document.unsafe_links, ["/book/1"]);
        assert!(document.has_post_form);
        assert_eq!(document.tokens, ["abcdefghij"]);
        assert_eq!(document.marker, None);
    }

    #[test]
    fn markers_are_found_in_text_but_not_in_scripts() {
        assert_eq!(read_html("<p>Dear {{ name }}</p>").marker, Some("{{ "));
        assert_eq!(read_html("<script>t = '{{ name }}'</script><pre>{{ name }}</pre>").marker, None);
        assert_eq!(
            read_html("<pre>Traceback (most recent call last):").marker,
            Some("Traceback (most recent call last)")
        );
    }

    #[test]
    fn a_title_that_is_empty_is_none() {
        assert_eq!(read_html("<title> \n </title>").title, None);
        assert_eq!(read_html("<p>no title").title, None);
        assert_eq!(
            read_html(&format!("<title>{}</title>", "é".repeat(500))).title.unwrap().chars().count(),
            200
        );
    }

    #[test]
    fn a_hostile_page_is_abandoned_in_time() {
        let nested = "<div>".repeat(400_000);
        let many = |each: fn(u32) -> String, count: u32| (0..count).map(each).collect::<Vec<_>>().concat();
        let blown = many(|n| format!("<b id={n}>"), 100_000);
        let attributes = format!("<a {}", many(|n| format!("x{n} "), 200_000));
        for html in [nested, blown, attributes] {
            let start = Instant::now();
            read_html(&html);
            assert!(start.elapsed() < TOKENIZE_TIMEOUT * 4, "{}…", &html[..20]);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_and_bounded(bytes in proptest::collection::vec(any::<u8>(), 0..3_000)) {
            let document = read_html(&String::from_utf8_lossy(&bytes));
            prop_assert!(document.links.len() <= MAX_LINKS && document.assets.len() <= MAX_LINKS);
        }

        #[test]
        fn any_markup_is_read(html in r#"(<[a-z/!]{0,8}( (href|src|style|content|name)=["']?[a-z:/?(){% "']{0,12})?>?|\{\{ ?|[a-z ]{0,5}){0,40}"#) {
            read_html(&html);
        }
    }
}
