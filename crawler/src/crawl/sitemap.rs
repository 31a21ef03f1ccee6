//! Parses sitemap.xml (sitemaps.org): pages or further sitemap files; tolerant and bounded.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::target::MAX_URL;

/// Most URLs taken from one file; the format itself allows 50,000.
const MAX_ENTRIES: usize = 10_000;

/// URLs listed in one file, as written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SitemapEntries {
    pub(crate) pages: Vec<String>,
    /// URLs of further sitemap files.
    pub(crate) files: Vec<String>,
}

/// Parses a file up to the first syntax error.
pub(crate) fn parse(text: &str) -> SitemapEntries {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let (mut listed, mut parent, mut loc) = (SitemapEntries::default(), Parent::Other, None::<String>);
    while listed.pages.len() + listed.files.len() < MAX_ENTRIES {
        match reader.read_event() {
            Ok(Event::Start(tag)) => match tag.local_name().into_inner() {
                "loc" => loc = Some(String::new()),
                "url" => parent = Parent::Page,
                "sitemap" => parent = Parent::File,
                // `<image:loc>` and similar elements hold URLs too, but not of pages.
                _ => parent = if parent == Parent::Other { Parent::Other } else { parent.deeper() },
            },
            Ok(Event::Text(text)) => append(&mut loc, &text.into_inner()),
            Ok(Event::CData(text)) => append(&mut loc, &text.into_inner()),
            Ok(Event::GeneralRef(reference)) => {
                let character = reference.resolve_char_ref().ok().flatten();
                let text = character.map(String::from).or_else(|| resolve_entity(&reference.into_inner()));
                append(&mut loc, text.as_deref().unwrap_or_default());
            }
            Ok(Event::End(tag)) => match tag.local_name().into_inner() {
                "loc" => push_entry(&mut listed, parent, loc.take()),
                "url" | "sitemap" => parent = Parent::Other,
                _ => parent = parent.shallower(),
            },
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    listed
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parent {
    Other,
    Page,
    File,
    InsidePage(u32),
    InsideFile(u32),
}

impl Parent {
    const fn deeper(self) -> Self {
        match self {
            Self::Other => Self::Other,
            Self::Page => Self::InsidePage(1),
            Self::File => Self::InsideFile(1),
            Self::InsidePage(depth) => Self::InsidePage(depth.saturating_add(1)),
            Self::InsideFile(depth) => Self::InsideFile(depth.saturating_add(1)),
        }
    }
    const fn shallower(self) -> Self {
        match self {
            Self::InsidePage(0 | 1) => Self::Page,
            Self::InsideFile(0 | 1) => Self::File,
            Self::InsidePage(depth) => Self::InsidePage(depth - 1),
            Self::InsideFile(depth) => Self::InsideFile(depth - 1),
            other => other,
        }
    }
}

fn append(loc: &mut Option<String>, text: &str) {
    if let Some(loc) = loc.as_mut().filter(|loc| loc.len() + text.len() <= MAX_URL + 64) {
        loc.push_str(text);
    }
}

fn resolve_entity(reference: &str) -> Option<String> {
    let text = match reference {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => return None,
    };
    Some(text.to_owned())
}

fn push_entry(listed: &mut SitemapEntries, parent: Parent, loc: Option<String>) {
    let Some(loc) = loc.map(|loc| loc.trim().to_owned()).filter(|loc| !loc.is_empty()) else { return };
    match parent {
        Parent::Page => listed.pages.push(loc),
        Parent::File => listed.files.push(loc),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pages_and_files_are_told_apart() {
        let text = r#"<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="x">
            <url><loc> http://h/a?x=1&amp;y=&#50; </loc><lastmod>2024-01-01</lastmod>
              <image:image><image:loc>http://h/i.png</image:loc></image:image></url>
            <url><loc><![CDATA[http://h/b]]></loc></url></urlset>"#;
        assert_eq!(parse(text).pages, ["http://h/a?x=1&y=2", "http://h/b"]);
        let index = "<sitemapindex><sitemap><loc>http://h/s1.xml</loc></sitemap></sitemapindex>";
        assert_eq!(parse(index), SitemapEntries { pages: vec![], files: vec!["http://h/s1.xml".into()] });
    }

    #[test]
    fn a_file_that_breaks_off_gives_what_was_whole() {
        let text = "<urlset><url><loc>http://h/a</loc></url><url><loc>http://h/b";
        assert_eq!(parse(text).pages, ["http://h/a"]);
        assert_eq!(parse("<html><body>404"), SitemapEntries::default());
    }

    #[test]
    fn entities_do_not_blow_up() {
        let text = r#"<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><urlset><url><loc>http://h/&b;</loc></url></urlset>"#;
        assert_eq!(parse(text).pages, ["http://h/"]);
    }

    proptest! {
        #[test]
        fn garbage_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            parse(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn odd_markup_is_survived(text in "(</?(url|loc|sitemap|x:y)/?>|&[a-z#0-9]{0,4};?|<!\\[CDATA\\[|\\]\\]>|<!--|[a-z:/]{0,6}){0,60}") {
            let listed = parse(&text);
            prop_assert!(listed.pages.iter().chain(&listed.files).all(|loc| !loc.is_empty()));
        }
    }
}
