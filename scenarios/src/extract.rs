//! Extraction of values from a response: compiled at validation, applied as a pure function of the response.
//!
//! The response is untrusted input: values of more than 4,096 bytes or with control characters are skipped, and at most
//! 2,000 candidates are considered.

use regex::Regex;
use scraper::{Html, Selector};
use thiserror::Error;

use crate::user_context::UserContext;
use crate::value::Value;
use crate::values::VarId;

const MAX_VALUE_BYTES: usize = 4096;
pub(crate) const MAX_CANDIDATES: usize = 2000;

/// The response as extraction reads it.
pub trait ExtractInput {
    /// First value of a response header, by lower-case name.
    fn header(&self, name: &str) -> Option<&str>;
    /// A cookie of the user, after the response was applied to the jar.
    fn cookie(&self, name: &str) -> Option<String>;
    /// The decoded body as text; empty when there is none.
    fn body(&self) -> &str;
}

/// Where in a response a value is found.
#[derive(Debug, Clone)]
pub enum ExtractSource {
    /// Elements that match a selector: an attribute, or the text.
    Css {
        /// The elements to consider.
        selector: Box<Selector>,
        /// The attribute to read; `None` reads the text of the element.
        attr: Option<String>,
    },
    /// A JSON pointer, split at its one `*`, which stands for every element.
    Json {
        /// The pointer before the star, or all of it.
        head: String,
        /// The pointer after the star; `None` without a star.
        tail: Option<String>,
    },
    /// The first group of the expression, or the whole match when it has no group.
    Regex(Regex),
    /// The name of a response header, in lower case.
    Header(String),
    /// The name of a cookie.
    Cookie(String),
}

/// One `extract` entry of a step.
#[derive(Debug, Clone)]
pub struct Extract {
    pub(crate) name: String,
    pub(crate) var: VarId,
    pub(crate) source: ExtractSource,
    pub(crate) pick: ExtractPick,
    pub(crate) required: bool,
}

/// Which of the matches are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExtractPick {
    /// The first match in document order.
    First,
    /// One match, chosen with equal probability.
    Random,
    /// Every match, as a list for `for_each`.
    All,
}

/// A required value was not in the response; holds the name of the extract.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` was not found in the response")]
pub struct MissingExtract(pub String);

impl Extract {
    /// True when it reads the body, which must be decoded for that.
    pub fn needs_body(&self) -> bool {
        !matches!(self.source, ExtractSource::Header(_) | ExtractSource::Cookie(_))
    }

    /// Extracts the values of all entries of a step into the context; HTML and JSON are parsed at most once.
    pub fn apply(
        extracts: &[Self],
        response: &dyn ExtractInput,
        context: &mut UserContext,
    ) -> Result<(), MissingExtract> {
        let (mut html, mut json) = (None, None);
        for extract in extracts {
            let found = match &extract.source {
                ExtractSource::Css { selector, attr } => {
                    let html = html.get_or_insert_with(|| Html::parse_document(response.body()));
                    select_css(html, selector, attr.as_deref())
                }
                ExtractSource::Json { head, tail } => {
                    let json = json.get_or_insert_with(|| {
                        serde_json::from_str(response.body()).unwrap_or(serde_json::Value::Null)
                    });
                    resolve_pointer(json, head, tail.as_deref())
                }
                ExtractSource::Regex(regex) => regex
                    .captures_iter(response.body())
                    .take(MAX_CANDIDATES)
                    .filter_map(|groups| groups.get(1).or_else(|| groups.get(0)))
                    .filter_map(|group| accept_text(group.as_str()))
                    .collect(),
                ExtractSource::Header(name) => {
                    response.header(name).and_then(accept_text).into_iter().collect()
                }
                ExtractSource::Cookie(name) => {
                    response.cookie(name).as_deref().and_then(accept_text).into_iter().collect()
                }
            };
            if found.is_empty() && extract.required {
                return Err(MissingExtract(extract.name.clone()));
            }
            extract.store(found, context);
        }
        Ok(())
    }

    /// Stores what was found; when nothing was found, removes the previous value.
    fn store(&self, mut found: Vec<Value>, context: &mut UserContext) {
        if self.pick == ExtractPick::All {
            return context.values.set_list(self.var, found);
        }
        if found.is_empty() {
            return context.values.set(self.var, None);
        }
        let at = if self.pick == ExtractPick::Random {
            context.draw_below(found.len() as u64) as usize
        } else {
            0
        };
        context.values.set(self.var, Some(found.swap_remove(at)));
    }
}

fn select_css(html: &Html, selector: &Selector, attr: Option<&str>) -> Vec<Value> {
    html.select(selector)
        .take(MAX_CANDIDATES)
        .filter_map(|element| match attr {
            Some(attr) => element.value().attr(attr).and_then(accept_text),
            None => accept_text(element.text().collect::<String>().trim()),
        })
        .collect()
}

fn resolve_pointer(json: &serde_json::Value, head: &str, tail: Option<&str>) -> Vec<Value> {
    let Some(at_head) = json.pointer(head) else { return Vec::new() };
    let Some(tail) = tail else { return accept_scalar(at_head).into_iter().collect() };
    let elements: Vec<&serde_json::Value> = match at_head {
        serde_json::Value::Array(list) => list.iter().take(MAX_CANDIDATES).collect(),
        serde_json::Value::Object(map) => map.values().take(MAX_CANDIDATES).collect(),
        _ => Vec::new(),
    };
    elements.into_iter().filter_map(|element| element.pointer(tail).and_then(accept_scalar)).collect()
}

fn accept_scalar(json: &serde_json::Value) -> Option<Value> {
    match json {
        serde_json::Value::String(string) => accept_text(string),
        serde_json::Value::Number(number) => {
            Some(number.as_i64().map_or_else(|| Value::Text(number.to_string()), Value::Number))
        }
        serde_json::Value::Bool(truth) => Some(Value::Text(truth.to_string())),
        _ => None,
    }
}

fn accept_text(found: &str) -> Option<Value> {
    let fits = !found.is_empty() && found.len() <= MAX_VALUE_BYTES && !found.chars().any(char::is_control);
    fits.then(|| Value::Text(found.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct TestResponse(&'static str);

    impl ExtractInput for TestResponse {
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

    fn extract_one(source: ExtractSource, body: &'static str) -> Result<Option<Value>, MissingExtract> {
        let extract =
            Extract { name: "it".into(), var: VarId(0), source, pick: ExtractPick::First, required: true };
        let mut context = UserContext::new(1, 1);
        Extract::apply(&[extract], &TestResponse(body), &mut context)?;
        Ok(context.values.get(VarId(0)).cloned())
    }

    fn css_source(selector: &str, attr: Option<&str>) -> ExtractSource {
        let selector = Box::new(Selector::parse(selector).expect("selector"));
        ExtractSource::Css { selector, attr: attr.map(str::to_owned) }
    }

    const FORM: &str = r#"<form id=f><input type="hidden" name="csrfmiddlewaretoken" value="t0k"></form><a href="/b/1/">One</a>"#;

    #[test]
    fn each_source_finds_its_value() {
        let found = |value: &str| Ok(Some(Value::Text(value.to_owned())));
        let token = css_source("#f input[name=csrfmiddlewaretoken]", Some("value"));
        assert_eq!(extract_one(token, FORM), found("t0k"));
        assert_eq!(extract_one(css_source("a", None), FORM), found("One"));
        let regex = ExtractSource::Regex(Regex::new(r#"href="/b/(\d+)/""#).expect("regex"));
        assert_eq!(extract_one(regex, FORM), found("1"));
        assert_eq!(extract_one(ExtractSource::Header("location".into()), ""), found("/orders/7/"));
        assert_eq!(extract_one(ExtractSource::Cookie("csrftoken".into()), ""), found("c00"));
        let json = ExtractSource::Json { head: "/results".into(), tail: Some("/id".into()) };
        let books = r#"{"results":[{"id":3},{"title":"no id"},{"id":4}]}"#;
        assert_eq!(extract_one(json, books), Ok(Some(Value::Number(3))));
    }

    #[test]
    fn a_random_pick_reaches_every_candidate() {
        let json = Extract {
            name: "id".into(),
            var: VarId(0),
            pick: ExtractPick::Random,
            required: true,
            source: ExtractSource::Json { head: String::new(), tail: Some(String::new()) },
        };
        let mut context = UserContext::new(5, 1);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            Extract::apply(std::slice::from_ref(&json), &TestResponse("[1,2,3]"), &mut context)
                .expect("found");
            if let Some(Value::Number(n)) = context.values.get(VarId(0)) {
                seen.insert(*n);
            }
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn pick_all_stores_a_list_and_an_empty_one_is_removed() {
        let source = ExtractSource::Json { head: String::new(), tail: Some("/id".into()) };
        let all =
            Extract { name: "ids".into(), var: VarId(3), source, pick: ExtractPick::All, required: false };
        let mut context = UserContext::new(5, 1);
        let body = TestResponse(r#"[{"id":3},{"id":"x"},{}]"#);
        Extract::apply(std::slice::from_ref(&all), &body, &mut context).expect("found");
        let list = context.values.list(VarId(3)).expect("a list");
        assert_eq!(*list, [Value::Number(3), Value::Text("x".into())]);
        assert!(context.values.has(VarId(3)) && context.values.get(VarId(3)).is_none());
        Extract::apply(std::slice::from_ref(&all), &TestResponse("[]"), &mut context).expect("not required");
        assert!(!context.values.has(VarId(3)));
        let required = Extract { required: true, ..all };
        assert!(Extract::apply(&[required], &TestResponse("[]"), &mut context).is_err());
    }

    #[test]
    fn a_missing_value_is_reported_by_name() {
        let miss = extract_one(css_source("p", None), FORM).expect_err("no p");
        assert_eq!(miss.to_string(), "`it` was not found in the response");
        let json = ExtractSource::Json { head: "/id".into(), tail: None };
        assert!(extract_one(json, "<html>not json").is_err());
        let hostile = ExtractSource::Regex(Regex::new("(?s)x(.*)").expect("regex"));
        assert!(extract_one(hostile, "xa\r\nSet-Cookie: evil").is_err());
    }
}
