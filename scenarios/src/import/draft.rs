//! A scenario file before it is written, and its rendering as TOML that a person can read and edit.

use std::fmt::Write as _;

use kneepoint_model::text::replace_controls;

/// Width of comment lines, in characters.
const COMMENT_WIDTH: usize = 110;

/// The content of a scenario file.
#[derive(Debug, Default)]
pub(super) struct DraftScenario {
    /// Comments at the top of the file.
    pub(super) remarks: Vec<String>,
    pub(super) name: String,
    pub(super) description: String,
    /// Written between the description and the steps.
    pub(super) settings: Vec<Setting>,
    pub(super) vars: Vec<DraftVar>,
    pub(super) steps: Vec<DraftStep>,
}

/// A key with its value in TOML syntax, and a comment above it.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) remark: &'static str,
    pub(super) key: &'static str,
    pub(super) value: String,
}

impl Setting {
    /// The setting of scenarios that change data.
    pub(super) fn needs_throw_away() -> Self {
        Self {
            remark: "This scenario changes data: it only runs against a disposable site, unless this is false.",
            key: "needs_throw_away",
            value: "true".to_owned(),
        }
    }
}

/// One entry of `[vars]`.
#[derive(Debug)]
pub(super) struct DraftVar {
    pub(super) remark: &'static str,
    pub(super) name: String,
    pub(super) list: Vec<String>,
    pub(super) pick: &'static str,
}

/// One `[[step]]` of the file.
#[derive(Debug, Default)]
pub(super) struct DraftStep {
    pub(super) remarks: Vec<String>,
    pub(super) name: String,
    pub(super) method: String,
    /// A template: literal parts must have passed through [`escape_braces`].
    pub(super) path: String,
    /// Keys after the path, with values in TOML syntax.
    pub(super) settings: Vec<(String, String)>,
}

impl DraftScenario {
    /// Renders the file.
    pub(super) fn to_toml(&self) -> String {
        let mut out = String::new();
        for text in &self.remarks {
            write_comment(&mut out, text);
        }
        let _ = writeln!(out, "name = {}", quote_toml(&self.name));
        let _ = writeln!(out, "description = {}", quote_toml(&self.description));
        for Setting { remark: text, key, value } in &self.settings {
            write_comment(&mut out, text);
            let _ = writeln!(out, "{key} = {value}");
        }
        for var in &self.vars {
            var.write(&mut out);
        }
        for step in &self.steps {
            step.write(&mut out);
        }
        out
    }
}

impl DraftVar {
    fn write(&self, out: &mut String) {
        out.push('\n');
        write_comment(out, self.remark);
        let _ = writeln!(out, "[vars.{}]\npick = {}\nlist = [", self.name, quote_toml(self.pick));
        for value in &self.list {
            let _ = writeln!(out, "    {},", quote_toml(value));
        }
        out.push_str("]\n");
    }
}

impl DraftStep {
    fn write(&self, out: &mut String) {
        out.push('\n');
        for text in &self.remarks {
            write_comment(out, text);
        }
        let _ = writeln!(out, "[[step]]\nname = {}", quote_toml(&self.name));
        if self.method != "GET" {
            let _ = writeln!(out, "method = {}", quote_toml(&self.method));
        }
        let _ = writeln!(out, "path = {}", quote_toml(&self.path));
        for (key, value) in &self.settings {
            let _ = writeln!(out, "{key} = {value}");
        }
    }
}

/// Writes a comment. Line ends in untrusted text must not end it, so control characters become spaces.
fn write_comment(out: &mut String, text: &str) {
    let text = replace_controls(text, ' ');
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + word.chars().count() >= COMMENT_WIDTH {
            let _ = writeln!(out, "#{line}");
            line.clear();
        }
        line.push(' ');
        line.push_str(word);
    }
    if !line.is_empty() {
        let _ = writeln!(out, "#{line}");
    }
}

/// Quotes a text as a TOML basic string.
pub(super) fn quote_toml(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Escapes braces, so that a text contains no placeholders.
pub(super) fn escape_braces(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

/// An inline table of TOML strings.
pub(super) fn inline_table(pairs: &[(String, String)]) -> String {
    let pairs: Vec<String> =
        pairs.iter().map(|(key, value)| format!("{} = {}", quote_toml(key), quote_toml(value))).collect();
    if pairs.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", pairs.join(", ")) }
}

/// Derives a placeholder name from a text; it differs from the names in `taken`.
pub(super) fn free_placeholder_name(text: &str, taken: &[&str]) -> String {
    let text = text.replace("<id>", "");
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut name = words.take(4).collect::<Vec<_>>().join("_").to_ascii_lowercase();
    name.truncate(40);
    if name.is_empty() {
        name.push_str("page");
    }
    let is_free = |name: &str| !taken.contains(&name) && !["user", "journey", "random"].contains(&name);
    if is_free(&name) {
        return name;
    }
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    numbered.take(taken.len() + 2).find(|name| is_free(name)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scenario::Scenario;
    use crate::template::Encoding;
    use crate::user_context::UserContext;

    fn sample_draft(text: &str) -> DraftScenario {
        let list = vec![text.to_owned(), "/".to_owned()];
        DraftScenario {
            remarks: vec![text.to_owned()],
            name: "x".to_owned(),
            description: text.to_owned(),
            vars: vec![DraftVar { remark: "", name: "page".to_owned(), list, pick: "every-time" }],
            steps: vec![DraftStep {
                remarks: vec![text.to_owned()],
                name: "GET /".to_owned(),
                method: "POST".to_owned(),
                path: format!("/?{}", escape_braces(&text.replace(|c: char| c.is_control() || c == ' ', ""))),
                settings: vec![("form".to_owned(), inline_table(&[(text.to_owned(), escape_braces(text))]))],
            }],
            settings: vec![Setting { remark: "", key: "needs_throw_away", value: "true".to_owned() }],
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_a_valid_file_that_contains_it(text in ".{0,60}") {
            let written = sample_draft(&text).to_toml();
            let read = Scenario::parse("x.toml", &written);
            let scenario = read.map_err(|error| TestCaseError::fail(format!("{error}\n{written}")))?;
            prop_assert_eq!(scenario.description(), &text);
            let mut context = UserContext::new(1, 1);
            let mut path = String::new();
            prop_assert!(scenario.steps()[0].path().render(&mut context, Encoding::Raw, &mut path));
            prop_assert_eq!(path, format!("/?{}", text.replace(|c: char| c.is_control() || c == ' ', "")));
        }
    }

    #[test]
    fn placeholder_names_are_unique() {
        assert_eq!(free_placeholder_name("GET /books/<id>/", &[]), "get_books");
        assert_eq!(free_placeholder_name("/books/<id>/", &["books"]), "books_2");
        assert_eq!(
            (free_placeholder_name("/", &[]), free_placeholder_name("id", &[])),
            ("page".to_owned(), "id".to_owned())
        );
        assert_eq!(free_placeholder_name("/user/", &[]), "user_2");
    }
}
