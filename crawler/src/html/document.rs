//! A document, read: the bounded facts that the crawl keeps of an HTML page.

use std::time::Duration;

use kneepoint_scenarios::tokenize;

use super::marks;
use super::reader::Reader;

/// An honest page of the largest size takes a tenth of this; a hostile one (a tag with a million attributes) is left.
const PATIENCE: Duration = Duration::from_secs(1);

/// What an HTML page says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Document {
    /// The title, white space folded; `None` when there is none or it is empty.
    pub(crate) title: Option<String>,
    /// `<base href>`.
    pub(crate) base: Option<String>,
    /// Addresses of other pages, as written.
    pub(crate) links: Vec<String>,
    /// Addresses of style sheets, scripts, images and fonts, as written.
    pub(crate) assets: Vec<String>,
    /// Addresses that the page itself marks as doing something (`data-method="delete"`).
    pub(crate) careful: Vec<String>,
    /// A form that posts.
    pub(crate) has_post_form: bool,
    /// Values of form tokens; secrets, never to leave this crate.
    pub(crate) tokens: Vec<String>,
    /// What shows through.
    pub(crate) marker: Option<&'static str>,
}

/// Reads a page; never fails, because browsers never do.
pub(crate) fn read(html: &str) -> Document {
    let found = tokenize(html, Reader::default(), PATIENCE).finish();
    Document {
        title: fold(&found.title),
        base: found.base,
        links: found.links,
        assets: found.assets,
        careful: found.careful,
        has_post_form: found.has_post_form,
        marker: marks::marker(&found.running, &found.samples),
        tokens: found.tokens,
    }
}

/// Characters that change the direction of writing can make a line on a console say what it does not.
const fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn fold(title: &str) -> Option<String> {
    let words: Vec<&str> = title.split_whitespace().collect();
    let folded: String =
        words.join(" ").chars().filter(|c| !c.is_control() && !turns(*c)).take(200).collect();
    (!folded.is_empty()).then_some(folded)
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
        let document = read(html);
        assert_eq!(document.title.as_deref(), Some("Books & more"));
        assert_eq!(document.base.as_deref(), Some("/shop/"));
        assert_eq!(document.links, ["?page=2", "book/1", "map", "frame.html"]);
        assert_eq!(document.assets, ["a.css", "a.js", "bg.png", "i.png", "i2.png", "i3.png", "d.png"]);
        assert_eq!(document.careful, ["/book/1"]);
        assert!(document.has_post_form);
        assert_eq!(document.tokens, ["abcdefghij"]);
        assert_eq!(document.marker, None);
    }

    #[test]
    fn what_shows_through_is_seen_in_text_but_not_in_scripts() {
        assert_eq!(read("<p>Dear {{ name }}</p>").marker, Some("{{ "));
        assert_eq!(read("<script>t = '{{ name }}'</script><pre>{{ name }}</pre>").marker, None);
        assert_eq!(
            read("<pre>Traceback (most recent call last):").marker,
            Some("Traceback (most recent call last)")
        );
    }

    #[test]
    fn a_title_that_is_empty_is_none() {
        assert_eq!(read("<title> \n </title>").title, None);
        assert_eq!(read("<p>no title").title, None);
        assert_eq!(read(&format!("<title>{}</title>", "é".repeat(500))).title.unwrap().chars().count(), 200);
    }

    #[test]
    fn a_hostile_page_is_left_in_time() {
        let nested = "<div>".repeat(400_000);
        let many = |each: fn(u32) -> String, count: u32| (0..count).map(each).collect::<Vec<_>>().concat();
        let blown = many(|n| format!("<b id={n}>"), 100_000);
        let attributes = format!("<a {}", many(|n| format!("x{n} "), 200_000));
        for html in [nested, blown, attributes] {
            let start = Instant::now();
            read(&html);
            assert!(start.elapsed() < PATIENCE * 4, "{}…", &html[..20]);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_and_bounded(bytes in proptest::collection::vec(any::<u8>(), 0..3_000)) {
            let document = read(&String::from_utf8_lossy(&bytes));
            prop_assert!(document.links.len() <= MAX_LINKS && document.assets.len() <= MAX_LINKS);
        }

        #[test]
        fn any_markup_is_read(html in r#"(<[a-z/!]{0,8}( (href|src|style|content|name)=["']?[a-z:/?(){% "']{0,12})?>?|\{\{ ?|[a-z ]{0,5}){0,40}"#) {
            read(&html);
        }
    }
}
