//! Converts byte offsets into lines and columns, and TOML errors into diagnostics.

use std::ops::Range;

use kneepoint_model::text::{clip, clip_bytes, ellipsize};

use crate::error::{Diagnostic, suggest_nearest};

/// The text of a scenario file with its name: what a diagnostic needs to point into it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SourceText<'a> {
    pub(crate) file: &'a str,
    pub(crate) content: &'a str,
}

impl SourceText<'_> {
    /// A diagnostic for a byte range of the file.
    pub(crate) fn error_at(self, span: &Range<usize>, key: &str, problem: impl Into<String>) -> Diagnostic {
        let before = clip_bytes(self.content, span.start);
        let start = before.len();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let excerpt = self.content[line_start..].lines().next().unwrap_or_default();
        let until_end = clip_bytes(self.content, span.end.max(start));
        let value = until_end[start..].lines().next().unwrap_or_default();
        Diagnostic {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: self.content[line_start..start].chars().count() + 1,
            key: key.to_owned(),
            value: ellipsize(value, 120),
            problem: problem.into(),
            suggestion: None,
            example: find_example(key).to_owned(),
            excerpt: ellipsize(excerpt, 160),
        }
    }

    /// A diagnostic for a TOML error; unknown keys get a suggestion from the keys that the message lists as expected.
    pub(crate) fn convert_toml_error(self, error: &toml::de::Error) -> Diagnostic {
        let span = error.span().unwrap_or(0..0);
        let quoted: Vec<&str> = error.message().split('`').skip(1).step_by(2).collect();
        let unknown = error.message().starts_with("unknown field");
        let key = match quoted.first() {
            Some(first) if unknown || error.message().starts_with("missing field") => (*first).to_owned(),
            _ => self.find_key_before(span.start),
        };
        let mut diagnostic = self.error_at(&span, &key, error.message().replace('\n', " "));
        if unknown {
            diagnostic.problem = "unknown key".into();
            diagnostic.value = String::new();
            diagnostic.suggestion = suggest_nearest(&key, quoted.into_iter().skip(1));
            if let Some(suggested) = &diagnostic.suggestion {
                diagnostic.example = find_example(suggested).to_owned();
            }
        }
        diagnostic
    }

    fn find_key_before(self, offset: usize) -> String {
        let before = clip_bytes(self.content, offset);
        let line = before.rsplit('\n').next().unwrap_or_default();
        let whole = self.content[before.len() - line.len()..].lines().next().unwrap_or_default();
        clip(whole.split('=').next().unwrap_or_default().trim(), 60).to_owned()
    }
}

/// A valid line for a key such as `step.path`, found by its last part that is a known key.
pub(crate) fn find_example(key: &str) -> &'static str {
    key.rsplit('.').map(lookup_example).find(|line| !line.is_empty()).unwrap_or("[[step]] path = \"/\"")
}

fn lookup_example(key: &str) -> &'static str {
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
