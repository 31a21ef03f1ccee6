//! From byte offsets to lines and columns, and from toml's errors to refusals.

use std::ops::Range;

use crate::refusal::{Refusal, nearest};

/// A file's text with its name: everything a refusal needs to point into it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) file: &'a str,
    pub(crate) content: &'a str,
}

impl Text<'_> {
    /// A refusal at a span.
    pub(crate) fn refuse(self, span: &Range<usize>, key: &str, problem: impl Into<String>) -> Refusal {
        let start = floor(self.content, span.start);
        let before = &self.content[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let excerpt = self.content[line_start..].lines().next().unwrap_or_default();
        let end = floor(self.content, span.end.max(start));
        let value = self.content[start..end].lines().next().unwrap_or_default();
        Refusal {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: self.content[line_start..start].chars().count() + 1,
            key: key.to_owned(),
            value: cut(value, 120),
            problem: problem.into(),
            suggestion: None,
            example: example(key).to_owned(),
            excerpt: cut(excerpt, 160),
        }
    }

    /// What toml refused: unknown keys get a suggestion from the keys that toml says it expected.
    pub(crate) fn of_toml(self, error: &toml::de::Error) -> Refusal {
        let span = error.span().unwrap_or(0..0);
        let quoted: Vec<&str> = error.message().split('`').skip(1).step_by(2).collect();
        let unknown = error.message().starts_with("unknown field");
        let key = match quoted.first() {
            Some(first) if unknown || error.message().starts_with("missing field") => (*first).to_owned(),
            _ => self.key_before(span.start),
        };
        let mut refusal = self.refuse(&span, &key, error.message().replace('\n', " "));
        if unknown {
            refusal.problem = "no such key".into();
            refusal.value = String::new();
            refusal.suggestion = nearest(&key, quoted.into_iter().skip(1));
            if let Some(meant) = &refusal.suggestion {
                refusal.example = example(meant).to_owned();
            }
        }
        refusal
    }

    fn key_before(self, at: usize) -> String {
        let start = floor(self.content, at);
        let line = self.content[..start].rsplit('\n').next().unwrap_or_default();
        let whole = self.content[start - line.len()..].lines().next().unwrap_or_default();
        whole.split('=').next().unwrap_or_default().trim().chars().take(60).collect()
    }
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn cut(text: &str, most: usize) -> String {
    let mut short: String = text.chars().take(most).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// A line that is accepted for the key, found by its last part that is a known key.
pub(crate) fn example(key: &str) -> &'static str {
    key.rsplit('.').map(known).find(|line| !line.is_empty()).unwrap_or("[[step]] path = \"/\"")
}

fn known(key: &str) -> &'static str {
    match key {
        "name" => "name = \"browse\"",
        "description" => "description = \"front page, catalogue, a book\"",
        "weight" => "weight = 3",
        "needs_throw_away" => "needs_throw_away = true",
        "session" => "session = \"journey\"",
        "follow_redirects" => "follow_redirects = false",
        "headers" => "headers = { accept-language = \"en\" }",
        "auth" | "bearer" => "auth = { bearer = \"{env:SHOP_TOKEN}\" }",
        "basic" | "user" | "password" => {
            "auth = { basic = { user = \"reader{user:04}\", password = \"{env:SHOP_PASSWORD}\" } }"
        }
        "think" => "think = { min_ms = 300, max_ms = 1200 }",
        "spread" => "think = { mean_ms = 1000, spread = \"exponential\" }",
        "pick_steps" => "pick_steps = 5",
        "vars" => "[vars.page] range = [1, 20]",
        "feeds" | "file" => "[feeds.account] file = \"accounts.csv\"",
        "list" => "list = [\"atlas\", \"raven\"]",
        "range" => "range = [1, 20]",
        "pick" => "pick = \"random\"",
        "step" => "[[step]] path = \"/\"",
        "method" => "method = \"POST\"",
        "path" => "path = \"/catalogue/?page={random:1..20}\"",
        "form" => "form = { username = \"reader{user:04}\", password = \"throw-away\" }",
        "json" => "json = { title = \"Load test {journey}\", stock = 5 }",
        "body" => "body = \"<note>{journey}</note>\"",
        "body_file" => "body_file = \"cover.png\", with headers = { content-type = \"image/png\" }",
        "multipart" => {
            "multipart = { title = \"x\", photo = { file = \"cover.png\", content_type = \"image/png\" } }"
        }
        "expect" => "expect = { status = [200], contains = [\"</html>\"] }",
        "status" => "status = [200, 302]",
        "contains" | "not_contains" => "contains = [\"Thank you\"]",
        "max_bytes" => "max_bytes = 100000",
        "extract" => "extract.token = { css = \"input[name=csrfmiddlewaretoken]\", attr = \"value\" }",
        "css" | "attr" => "{ css = \"table.books a\", attr = \"href\", pick = \"random\" }",
        "json pointer" => "{ json = \"/results/*/id\", pick = \"random\" }",
        "regex" => "{ regex = 'href=\"/books/(\\d+)/\"' }",
        "header" => "{ header = \"location\" }",
        "cookie" => "{ cookie = \"csrftoken\" }",
        "required" => "required = false",
        "repeat" => "repeat = { min = 1, max = 5 }",
        "while" => "while = \"next\" with at_most = 20",
        "at_most" => "at_most = 20",
        "for_each" => "for_each = \"ids\"",
        "chance" => "chance = 0.3",
        "when" => "when = \"book\", or \"not book\", \"kind == 'gift'\", \"stock >= 5\", \"status == 404\"",
        "slo" => "slo = { p95 = \"200ms\", errors = \"1%\" }",
        "group" => "group = \"checkout\"",
        "once" => "once = true",
        _ => "",
    }
}
