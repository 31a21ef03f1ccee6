//! Finds the links of a page that a browser loads: read by html5ever's tokenizer, without a tree, within bounds.
//!
//! The crawler reads pages too, but for every address that could be a page or a file; a browser loads fewer. The two share only
//! the tokenizer. Sources: HTML standard §13.2.6 for elements whose text is no markup, §4.6.7 for the kinds of links, §4.8.4
//! for pictures, §4.12.1 for scripts.

use std::cell::RefCell;
use std::collections::HashSet;
use std::time::Duration;

use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{Tag, TagKind, Token, TokenSink, TokenSinkResult};
use kneepoint_model::text::clip_bytes;
use kneepoint_scenarios::tokenize_html;

use super::srcset;

/// Assets beyond this number are only counted.
pub(super) const MAX_ASSETS: usize = 200;
/// Longer addresses are not kept.
const MAX_ADDRESS_LEN: usize = 2_048;
/// Bytes of a document that are read.
const MAX_HTML_LEN: usize = 4 << 20;
/// The largest honest page takes less; reading of a hostile one (a tag with a million attributes) is stopped.
const READ_TIMEOUT: Duration = Duration::from_millis(200);

/// Addresses as they are written in the page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PageLinks {
    /// Value of `<base href>`.
    pub(super) base: Option<String>,
    /// Style sheets, scripts, images and preloaded files, once each, in order.
    pub(super) assets: Vec<String>,
    /// Number of addresses that were not kept: too many, or too long.
    pub(super) dropped: u64,
}

/// Reads a page. Never fails, as browsers never do.
pub(super) fn read_links(html: &str) -> PageLinks {
    let mut found =
        tokenize_html(clip_bytes(html, MAX_HTML_LEN), TagReader::default(), READ_TIMEOUT).0.take();
    if let Some(icon) = found.icon.take() {
        found.keep(&icon);
    }
    found.links
}

#[derive(Debug, Default)]
struct LinkCollector {
    links: PageLinks,
    known: HashSet<String>,
    /// Of several icons the last one is used (§4.6.7.8).
    icon: Option<String>,
    /// Inside `<picture>`: whether one of its sources was taken already.
    picture: Option<bool>,
    /// The content of a template is not part of the page.
    template_depth: u32,
    svg_depth: u32,
}

/// Passes the tags of the tokenizer to a [`LinkCollector`].
#[derive(Debug, Default)]
struct TagReader(RefCell<LinkCollector>);

impl TokenSink for TagReader {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let Token::TagToken(tag) = token else { return TokenSinkResult::Continue };
        let mut found = self.0.borrow_mut();
        if tag.kind == TagKind::EndTag {
            found.close_tag(&tag.name);
            return TokenSinkResult::Continue;
        }
        match found.open_tag(&tag) {
            Some(raw) => TokenSinkResult::RawData(raw),
            None => TokenSinkResult::Continue,
        }
    }
}

impl LinkCollector {
    /// Adds an address, unless it is known already or names nothing that is requested from a site.
    fn keep(&mut self, address: &str) {
        let address = address.trim();
        if address.is_empty() || address.starts_with('#') || is_inline(address) {
            return;
        }
        if address.len() > MAX_ADDRESS_LEN || self.links.assets.len() >= MAX_ASSETS {
            self.links.dropped += u64::from(!self.known.contains(address));
            return;
        }
        if self.known.insert(address.to_owned()) {
            self.links.assets.push(address.to_owned());
        }
    }

    fn keep_if_any(&mut self, address: Option<&str>) {
        if let Some(address) = address {
            self.keep(address);
        }
    }

    fn open_tag(&mut self, tag: &Tag) -> Option<RawKind> {
        if self.template_depth == 0 {
            self.collect(tag);
        }
        // HTML inside a drawing ends the drawing (§13.2.6.5).
        if matches!(&*tag.name, "body" | "div" | "p" | "ul" | "ol" | "table" | "h1" | "h2" | "h3" | "img") {
            self.svg_depth = 0;
        }
        match &*tag.name {
            "svg" | "math" if !tag.self_closing => self.svg_depth += 1,
            _ if self.svg_depth > 0 => {}
            "template" => self.template_depth += 1,
            "picture" => self.picture = Some(false),
            "title" | "textarea" => return Some(RawKind::Rcdata),
            "script" => return Some(RawKind::ScriptData),
            // A browser that runs scripts ignores noscript.
            "style" | "iframe" | "noembed" | "noframes" | "noscript" | "xmp" => {
                return Some(RawKind::Rawtext);
            }
            _ => {}
        }
        None
    }

    fn close_tag(&mut self, name: &str) {
        match name {
            "svg" | "math" => self.svg_depth = self.svg_depth.saturating_sub(1),
            "template" => self.template_depth = self.template_depth.saturating_sub(1),
            "picture" => self.picture = None,
            _ => {}
        }
    }

    fn collect(&mut self, tag: &Tag) {
        let get = |name: &str| tag.attrs.iter().find(|a| &*a.name.local == name).map(|a| &*a.value);
        match &*tag.name {
            "base" if self.links.base.is_none() => {
                self.links.base = get("href").filter(|href| href.len() <= MAX_ADDRESS_LEN).map(str::to_owned);
            }
            "link" => self.collect_link(get("rel").unwrap_or_default(), get("href")),
            "script" if is_script(get("type")) && get("nomodule").is_none() => {
                self.keep_if_any(get("src"));
            }
            // Whether `media` fits the screen is not known here: then the image itself is taken.
            "source" if self.picture == Some(false) && get("media").is_none() && is_picture(get("type")) => {
                if let Some(address) = srcset::select(get("srcset"), None) {
                    self.picture = Some(true);
                    self.keep(address);
                }
            }
            "img" if self.picture != Some(true) => {
                self.keep_if_any(srcset::select(get("srcset"), get("src")));
            }
            "input" if get("type").is_some_and(|kind| kind.eq_ignore_ascii_case("image")) => {
                self.keep_if_any(get("src"));
            }
            "video" => self.keep_if_any(get("poster")),
            "image" | "use" if self.svg_depth > 0 => {
                self.keep_if_any(get("href").or_else(|| get("xlink:href")));
            }
            _ => {}
        }
    }

    fn collect_link(&mut self, rel: &str, href: Option<&str>) {
        let Some(href) = href else { return };
        let has = |word: &str| rel.split_ascii_whitespace().any(|token| token.eq_ignore_ascii_case(word));
        if has("icon") {
            self.icon = Some(href.to_owned());
        } else if has("stylesheet") && !has("alternate") || has("preload") || has("modulepreload") {
            self.keep(href);
        }
    }
}

fn is_inline(address: &str) -> bool {
    ["data:", "blob:", "about:", "javascript:"]
        .into_iter()
        .any(|scheme| address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

/// Other types are data that the browser does not request.
fn is_script(kind: Option<&str>) -> bool {
    let kind = kind.unwrap_or_default().trim().to_ascii_lowercase();
    kind.is_empty()
        || kind == "module"
        || kind.ends_with("/javascript")
        || kind.ends_with("/ecmascript")
        || kind == "application/x-javascript"
}

/// Types that current browsers can show.
fn is_picture(kind: Option<&str>) -> bool {
    let kind = kind.unwrap_or_default().trim().to_ascii_lowercase();
    let known = ["avif", "webp", "png", "jpeg", "gif", "svg+xml", "bmp", "x-icon", "vnd.microsoft.icon"];
    kind.is_empty() || kind.strip_prefix("image/").is_some_and(|kind| known.contains(&kind))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn links_that_a_browser_loads_are_found_and_no_others() {
        let html = r##"<!doctype html><base href="/shop/"><base href="/other/"><title><img src=title.png></title>
            <link rel="shortcut icon" href=old.ico><link REL=icon href=new.svg><link rel=stylesheet href=a.css>
            <link rel="alternate stylesheet" href=dark.css><link rel=preload as=font href=f.woff2>
            <link rel=modulepreload href=m.js><link rel=canonical href=/x><link rel=next href=/2><link rel=stylesheet>
            <link rel=preconnect href=//cdn.test>
            <script src=a.js>var x = "<img src=script.png>"</script><script type=module src=b.mjs></script>
            <script type="application/json" src=data.json></script><script nomodule src=old.js></script>
            <style>body { background: url(bg.png) } @import "more.css"</style>
            <!-- <img src=comment.png> --><noscript><img src=noscript.png></noscript>
            <template><img src=template.png><template><img src=t2.png></template></template>
            <textarea><img src=text.png></textarea><iframe src=frame.html><img src=fallback.png></iframe>
            <a href=/page>page</a><img src=i.png><img src=i.png alt=again><img src=" j.png " srcset="j2.png 2x">
            <img src="data:image/png;base64,AAAA"><img src=""><img><img src="#x"><img src="JavaScript:1">
            <picture><source type=image/jxl srcset=p.jxl><source media="(min-width: 9px)" srcset=wide.png>
            <source type=image/webp srcset="p.webp, p2.webp 2x"><source srcset=late.png><img src=p.png></picture>
            <picture><source type=image/jxl srcset=q.jxl><img src=q.png></picture><source srcset=stray.png>
            <video src=film.mp4 poster=poster.jpg><source src=film.webm></video><audio src=song.ogg></audio>
            <input type=IMAGE src=button.png><input src=no-button.png><embed src=e.swf><object data=o.svg></object>
            <svg><title>t</title><style>x</style><image href=inside.png /><use xlink:href="sprite.svg#a" /><use href="#b"/></svg>
            <image src=not-drawn.png href=not-drawn2.png><p><img src=last.png>"##;
        let links = read_links(html);
        assert_eq!(links.base.as_deref(), Some("/shop/"));
        let expected = [
            "a.css",
            "f.woff2",
            "m.js",
            "a.js",
            "b.mjs",
            "i.png",
            "j.png",
            "p.webp",
            "q.png",
            "poster.jpg",
            "button.png",
            "inside.png",
            "sprite.svg#a",
            "last.png",
            "new.svg",
        ];
        assert_eq!(links.assets, expected);
        assert_eq!(links.dropped, 0);
    }

    #[test]
    fn too_many_and_too_long_are_counted() {
        let many =
            (0..300).map(|n| format!("<img src=/{n}.png><img src=/{n}.png>")).collect::<Vec<_>>().concat();
        let links = read_links(&many);
        assert_eq!(links.assets.len(), MAX_ASSETS);
        assert!(links.dropped >= 100, "{}", links.dropped);
        let long = format!("<img src='/{}'>", "x".repeat(3_000));
        assert_eq!(read_links(&long), PageLinks { dropped: 1, ..PageLinks::default() });
    }

    #[test]
    fn reading_a_hostile_page_is_stopped_in_time() {
        let many = |each: fn(u32) -> String, count: u32| (0..count).map(each).collect::<Vec<_>>().concat();
        let attributes = format!("<a {}", many(|n| format!("x{n} "), 200_000));
        for html in ["<picture>".repeat(400_000), many(|n| format!("<svg id={n}>"), 200_000), attributes] {
            let start = Instant::now();
            read_links(&html);
            assert!(start.elapsed() < READ_TIMEOUT * 10, "{}…", &html[..20]);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_and_bounded(bytes in prop::collection::vec(any::<u8>(), 0..3_000)) {
            let links = read_links(&String::from_utf8_lossy(&bytes));
            prop_assert!(links.assets.len() <= MAX_ASSETS);
        }

        #[test]
        fn any_markup_is_read_and_each_address_kept_once(
            html in r#"(<[a-z/!]{0,8}( (href|src|srcset|rel|type|content)=["']?[a-z:/?(){% "',]{0,12})?>?|</?(svg|template|picture|script|img src=a|link rel=icon href=b)>|[a-z ]{0,5}){0,40}"#
        ) {
            let links = read_links(&html);
            let once: HashSet<&String> = links.assets.iter().collect();
            prop_assert_eq!(once.len(), links.assets.len());
            prop_assert!(links.assets.iter().all(|address| !address.trim().is_empty() && address.len() <= MAX_ADDRESS_LEN));
        }
    }
}
