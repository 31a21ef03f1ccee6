//! Token sink for html5ever's tokenizer: collects links and text from tags without building a tree.
//!
//! A tree would cost more than everything else, and hostile markup can make it grow without bound; links do not need
//! one. Raw text elements are reported to the tokenizer as the HTML standard's tree construction does (§13.2.6).

use std::cell::RefCell;

use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{Tag, TagKind, Token, TokenSink, TokenSinkResult};
use kneepoint_model::text::clip_bytes;

use super::css;
use super::form_tokens::is_token_field;
use super::links::{MAX_LINKS, push_link};

/// Most text that is kept for the marker search, in bytes.
const MAX_TEXT: usize = 1 << 20;

/// Everything collected so far.
#[derive(Debug, Default)]
pub(super) struct CollectedPage {
    pub(super) title: String,
    pub(super) base: Option<String>,
    pub(super) links: Vec<String>,
    pub(super) assets: Vec<String>,
    pub(super) unsafe_links: Vec<String>,
    pub(super) has_post_form: bool,
    pub(super) tokens: Vec<String>,
    pub(super) prose: String,
    pub(super) code_samples: String,
    style: String,
    inside: TextContext,
    has_title: bool,
    samples_open: u32,
    svg_open: u32,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum TextContext {
    #[default]
    Text,
    Title,
    Style,
    Ignored,
}

/// Sink that collects from the token stream.
#[derive(Debug, Default)]
pub(super) struct TagReader(RefCell<CollectedPage>);

impl TagReader {
    /// Takes the collected data out of the reader.
    pub(super) fn finish(&self) -> CollectedPage {
        self.0.take()
    }
}

impl TokenSink for TagReader {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut found = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => found.push_text(&text),
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                if let Some(raw) = found.open_tag(&tag) {
                    return TokenSinkResult::RawData(raw);
                }
            }
            Token::TagToken(tag) => found.close_tag(&tag.name),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl CollectedPage {
    fn push_text(&mut self, text: &str) {
        let into = match self.inside {
            TextContext::Title => &mut self.title,
            TextContext::Style => &mut self.style,
            TextContext::Ignored => return,
            TextContext::Text if self.samples_open > 0 => &mut self.code_samples,
            TextContext::Text => &mut self.prose,
        };
        let space = MAX_TEXT.saturating_sub(into.len());
        into.push_str(clip_bytes(text, space));
    }

    fn open_tag(&mut self, tag: &Tag) -> Option<RawKind> {
        self.collect_links(tag);
        if self.prose.len() < MAX_TEXT {
            self.prose.push('\n');
        }
        // HTML elements inside a drawing end the drawing (HTML standard §13.2.6.5).
        if matches!(&*tag.name, "body" | "div" | "p" | "ul" | "ol" | "table" | "h1" | "h2" | "h3" | "img") {
            self.svg_open = 0;
        }
        let raw = match &*tag.name {
            "svg" | "math" if !tag.self_closing => {
                self.svg_open += 1;
                return None;
            }
            _ if self.svg_open > 0 => return None,
            "title" => {
                (if self.has_title { TextContext::Ignored } else { TextContext::Title }, RawKind::Rcdata)
            }
            "textarea" => (TextContext::Ignored, RawKind::Rcdata),
            "style" => (TextContext::Style, RawKind::Rawtext),
            "script" => (TextContext::Ignored, RawKind::ScriptData),
            "iframe" | "noembed" | "noframes" | "xmp" => (TextContext::Ignored, RawKind::Rawtext),
            "pre" | "code" | "samp" | "template" => {
                self.samples_open += 1;
                return None;
            }
            _ => return None,
        };
        self.inside = raw.0;
        Some(raw.1)
    }

    fn close_tag(&mut self, name: &str) {
        match name {
            "svg" | "math" => self.svg_open = self.svg_open.saturating_sub(1),
            "pre" | "code" | "samp" | "template" => self.samples_open = self.samples_open.saturating_sub(1),
            "title" if self.inside == TextContext::Title => self.has_title = true,
            "style" if self.inside == TextContext::Style => {
                for url in css::css_urls(&std::mem::take(&mut self.style)) {
                    push_link(&mut self.assets, &url);
                }
            }
            _ => {}
        }
        self.inside = TextContext::Text;
    }

    fn collect_links(&mut self, tag: &Tag) {
        let get = |name: &str| tag.attrs.iter().find(|a| &*a.name.local == name).map(|a| &*a.value);
        match &*tag.name {
            "a" | "area" => {
                let acts = ["data-method", "data-confirm", "hx-delete"].into_iter().any(|n| get(n).is_some());
                let list = if acts { &mut self.unsafe_links } else { &mut self.links };
                if let Some(href) = get("href") {
                    push_link(list, href);
                }
            }
            "base" if self.base.is_none() => {
                self.base = get("href").filter(|href| href.len() <= 2_048).map(str::to_owned);
            }
            "link" => self.collect_link_element(get("rel").unwrap_or_default(), get("href")),
            "iframe" | "frame" => get("src").into_iter().for_each(|src| push_link(&mut self.links, src)),
            "script" | "img" | "source" | "video" | "audio" | "embed" | "track" | "image" => {
                for href in ["src", "poster"].into_iter().filter_map(get) {
                    push_link(&mut self.assets, href);
                }
                get("srcset")
                    .into_iter()
                    .flat_map(srcset_urls)
                    .for_each(|src| push_link(&mut self.assets, src));
            }
            "form" => {
                self.has_post_form |= get("method").is_some_and(|m| m.trim().eq_ignore_ascii_case("post"));
            }
            "input" if get("name").is_some_and(is_token_field) && self.tokens.len() < MAX_LINKS => {
                let value = get("value").filter(|value| !value.is_empty() && value.len() <= 4_096);
                self.tokens.extend(value.map(str::to_owned));
            }
            "meta" if get("http-equiv").is_some_and(|kind| kind.eq_ignore_ascii_case("refresh")) => {
                if let Some(url) = get("content").and_then(refresh_url) {
                    push_link(&mut self.links, url);
                }
            }
            _ => {}
        }
        if let Some(style) = get("style").filter(|style| style.contains("url(")) {
            for url in css::css_urls(style) {
                push_link(&mut self.assets, &url);
            }
        }
    }

    fn collect_link_element(&mut self, rel: &str, href: Option<&str>) {
        let Some(href) = href else { return };
        let rel = rel.to_ascii_lowercase();
        let has = |words: &[&str]| rel.split_ascii_whitespace().any(|word| words.contains(&word));
        if has(&[
            "stylesheet",
            "icon",
            "apple-touch-icon",
            "preload",
            "modulepreload",
            "manifest",
            "mask-icon",
        ]) {
            push_link(&mut self.assets, href);
        } else if has(&["next", "prev", "alternate", "canonical"]) {
            push_link(&mut self.links, href);
        }
    }
}

fn srcset_urls(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').filter_map(|candidate| candidate.split_whitespace().next())
}

fn refresh_url(content: &str) -> Option<&str> {
    let (_, target) = content.split_once(';')?;
    let (name, url) = target.split_once('=')?;
    name.trim().eq_ignore_ascii_case("url").then(|| url.trim().trim_matches(['"', '\'']))
}
