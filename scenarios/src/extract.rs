//! Taking values from an answer: compiled at validation, applied as a pure function of the answer.
//!
//! The answer is hostile: values are cut at 4,096 characters, at most 2,000 candidates are looked at, and a value that
//! holds control characters is passed over.

use regex::Regex;
use scraper::{Html, Selector};
use thiserror::Error;

use crate::values::{Value, VarId, Visit};

const MAX_VALUE: usize = 4096;
pub(crate) const MAX_CANDIDATES: usize = 2000;

/// What extraction may look at.
pub trait Answer {
    /// First value of a response header, by lower-case name.
    fn header(&self, name: &str) -> Option<&str>;
    /// A cookie of the visitor, after this answer.
    fn cookie(&self, name: &str) -> Option<String>;
    /// The decoded body as text.
    fn body(&self) -> &str;
}

/// Where a value is found.
#[derive(Debug, Clone)]
pub enum Source {
    /// Elements that match a selector: an attribute, or the text.
    Css {
        /// Which elements.
        selector: Box<Selector>,
        /// Which attribute; the element's text when absent.
        attr: Option<String>,
    },
    /// A JSON pointer, split at the one `*` that stands for every element.
    Json {
        /// The pointer, up to the star.
        head: String,
        /// The pointer after the star.
        tail: Option<String>,
    },
    /// The first group of an expression, or all of it.
    Regex(Regex),
    /// A response header.
    Header(String),
    /// A cookie.
    Cookie(String),
}

/// One value to take.
#[derive(Debug, Clone)]
pub struct Extract {
    pub(crate) name: String,
    pub(crate) var: VarId,
    pub(crate) source: Source,
    pub(crate) pick: Which,
    pub(crate) required: bool,
}

/// Which of all that match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// The first.
    First,
    /// Any.
    Random,
    /// All of them, as a list for `for_each`.
    All,
}

/// A required value was not in the answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` was not found in the answer")]
pub struct Miss(pub String);

impl Extract {
    /// True when the body must be decoded for it.
    pub fn needs_body(&self) -> bool {
        !matches!(self.source, Source::Header(_) | Source::Cookie(_))
    }

    /// Takes the values of all extracts of a step; HTML and JSON are parsed once at most.
    pub fn apply(extracts: &[Self], answer: &dyn Answer, visit: &mut Visit) -> Result<(), Miss> {
        let (mut html, mut json) = (None, None);
        for extract in extracts {
            let found = match &extract.source {
                Source::Css { selector, attr } => {
                    let html = html.get_or_insert_with(|| Html::parse_document(answer.body()));
                    css(html, selector, attr.as_deref())
                }
                Source::Json { head, tail } => {
                    let json = json.get_or_insert_with(|| {
                        serde_json::from_str(answer.body()).unwrap_or(serde_json::Value::Null)
                    });
                    pointer(json, head, tail.as_deref())
                }
                Source::Regex(regex) => regex
                    .captures_iter(answer.body())
                    .take(MAX_CANDIDATES)
                    .filter_map(|groups| groups.get(1).or_else(|| groups.get(0)))
                    .filter_map(|group| text(group.as_str()))
                    .collect(),
                Source::Header(name) => answer.header(name).and_then(text).into_iter().collect(),
                Source::Cookie(name) => answer.cookie(name).as_deref().and_then(text).into_iter().collect(),
            };
            if found.is_empty() && extract.required {
                return Err(Miss(extract.name.clone()));
            }
            extract.keep(found, visit);
        }
        Ok(())
    }

    /// Keeps what was found, or forgets what was known when nothing was.
    fn keep(&self, mut found: Vec<Value>, visit: &mut Visit) {
        if self.pick == Which::All {
            return visit.values.set_list(self.var, found);
        }
        if found.is_empty() {
            return visit.values.set(self.var, None);
        }
        let at = if self.pick == Which::Random { visit.below(found.len() as u64) as usize } else { 0 };
        visit.values.set(self.var, Some(found.swap_remove(at)));
    }
}

fn css(html: &Html, selector: &Selector, attr: Option<&str>) -> Vec<Value> {
    html.select(selector)
        .take(MAX_CANDIDATES)
        .filter_map(|element| match attr {
            Some(attr) => element.value().attr(attr).and_then(text),
            None => text(element.text().collect::<String>().trim()),
        })
        .collect()
}

fn pointer(json: &serde_json::Value, head: &str, tail: Option<&str>) -> Vec<Value> {
    let Some(at_head) = json.pointer(head) else { return Vec::new() };
    let Some(tail) = tail else { return scalar(at_head).into_iter().collect() };
    let elements: Vec<&serde_json::Value> = match at_head {
        serde_json::Value::Array(list) => list.iter().take(MAX_CANDIDATES).collect(),
        serde_json::Value::Object(map) => map.values().take(MAX_CANDIDATES).collect(),
        _ => Vec::new(),
    };
    elements.into_iter().filter_map(|element| element.pointer(tail).and_then(scalar)).collect()
}

fn scalar(json: &serde_json::Value) -> Option<Value> {
    match json {
        serde_json::Value::String(string) => text(string),
        serde_json::Value::Number(number) => {
            Some(number.as_i64().map_or_else(|| Value::Text(number.to_string()), Value::Number))
        }
        serde_json::Value::Bool(truth) => Some(Value::Text(truth.to_string())),
        _ => None,
    }
}

fn text(found: &str) -> Option<Value> {
    let fits = !found.is_empty() && found.len() <= MAX_VALUE && !found.chars().any(char::is_control);
    fits.then(|| Value::Text(found.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Page(&'static str);

    impl Answer for Page {
        fn header(&self, name: &str) -> Option<&str> {
            (name == "location").then_some("/orders/7/")
        }
        fn cookie(&self, name: &str) -> Option<String> {
            (name == "csrftoken").then(|| "c00".to_owned())
        }
        fn body(&self) -> &str {
            self.0
        }
    }

    fn take(source: Source, body: &'static str) -> Result<Option<Value>, Miss> {
        let extract =
            Extract { name: "it".into(), var: VarId(0), source, pick: Which::First, required: true };
        let mut visit = Visit::new(1, 1);
        Extract::apply(&[extract], &Page(body), &mut visit)?;
        Ok(visit.values.get(VarId(0)).cloned())
    }

    fn css_source(selector: &str, attr: Option<&str>) -> Source {
        let selector = Box::new(Selector::parse(selector).expect("selector"));
        Source::Css { selector, attr: attr.map(str::to_owned) }
    }

    const FORM: &str = r#"<form id=f><input type="hidden" name="csrfmiddlewaretoken" value="t0k"></form><a href="/b/1/">One</a>"#;

    #[test]
    fn each_source_finds_its_value() {
        let found = |value: &str| Ok(Some(Value::Text(value.to_owned())));
        let token = css_source("#f input[name=csrfmiddlewaretoken]", Some("value"));
        assert_eq!(take(token, FORM), found("t0k"));
        assert_eq!(take(css_source("a", None), FORM), found("One"));
        let regex = Source::Regex(Regex::new(r#"href="/b/(\d+)/""#).expect("regex"));
        assert_eq!(take(regex, FORM), found("1"));
        assert_eq!(take(Source::Header("location".into()), ""), found("/orders/7/"));
        assert_eq!(take(Source::Cookie("csrftoken".into()), ""), found("c00"));
        let json = Source::Json { head: "/results".into(), tail: Some("/id".into()) };
        let books = r#"{"results":[{"id":3},{"title":"no id"},{"id":4}]}"#;
        assert_eq!(take(json, books), Ok(Some(Value::Number(3))));
    }

    #[test]
    fn a_random_pick_reaches_every_candidate() {
        let json = Extract {
            name: "id".into(),
            var: VarId(0),
            pick: Which::Random,
            required: true,
            source: Source::Json { head: String::new(), tail: Some(String::new()) },
        };
        let mut visit = Visit::new(5, 1);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            Extract::apply(std::slice::from_ref(&json), &Page("[1,2,3]"), &mut visit).expect("found");
            if let Some(Value::Number(n)) = visit.values.get(VarId(0)) {
                seen.insert(*n);
            }
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn all_that_match_are_a_list_and_an_empty_one_is_none() {
        let source = Source::Json { head: String::new(), tail: Some("/id".into()) };
        let all = Extract { name: "ids".into(), var: VarId(3), source, pick: Which::All, required: false };
        let mut visit = Visit::new(5, 1);
        let body = Page(r#"[{"id":3},{"id":"x"},{}]"#);
        Extract::apply(std::slice::from_ref(&all), &body, &mut visit).expect("found");
        let list = visit.values.list(VarId(3)).expect("a list");
        assert_eq!(*list, [Value::Number(3), Value::Text("x".into())]);
        assert!(visit.values.has(VarId(3)) && visit.values.get(VarId(3)).is_none());
        Extract::apply(std::slice::from_ref(&all), &Page("[]"), &mut visit).expect("not required");
        assert!(!visit.values.has(VarId(3)));
        let required = Extract { required: true, ..all };
        assert!(Extract::apply(&[required], &Page("[]"), &mut visit).is_err());
    }

    #[test]
    fn what_is_not_there_is_missed_by_name() {
        let miss = take(css_source("p", None), FORM).expect_err("no p");
        assert_eq!(miss.to_string(), "`it` was not found in the answer");
        let json = Source::Json { head: "/id".into(), tail: None };
        assert!(take(json, "<html>not json").is_err());
        let hostile = Source::Regex(Regex::new("(?s)x(.*)").expect("regex"));
        assert!(take(hostile, "xa\r\nSet-Cookie: evil").is_err());
    }
}
