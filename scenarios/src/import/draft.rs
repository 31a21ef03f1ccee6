//! A scenario file in the making, written for a person to read and change.

use std::fmt::Write as _;

/// Remarks are broken into lines of about this length.
const WIDTH: usize = 110;

/// A scenario.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// Said at the head of the file.
    pub(super) remarks: Vec<String>,
    pub(super) name: String,
    pub(super) description: String,
    /// Between the description and the steps.
    pub(super) settings: Vec<Setting>,
    pub(super) vars: Vec<DraftVar>,
    pub(super) steps: Vec<DraftStep>,
}

/// A key with its value, ready to be written, and a remark.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) remark: &'static str,
    pub(super) key: &'static str,
    pub(super) value: String,
}

/// Values for a placeholder.
#[derive(Debug)]
pub(super) struct DraftVar {
    pub(super) remark: &'static str,
    pub(super) name: String,
    pub(super) list: Vec<String>,
    pub(super) pick: &'static str,
}

/// A step.
#[derive(Debug, Default)]
pub(super) struct DraftStep {
    pub(super) remarks: Vec<String>,
    pub(super) name: String,
    pub(super) method: String,
    /// A template: what is meant literally has been through [`literal`].
    pub(super) path: String,
    /// Keys after the path, ready to be written.
    pub(super) settings: Vec<(String, String)>,
}

impl Draft {
    /// The file.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        for text in &self.remarks {
            remark(&mut out, text);
        }
        let _ = writeln!(out, "name = {}", quoted(&self.name));
        let _ = writeln!(out, "description = {}", quoted(&self.description));
        for Setting { remark: text, key, value } in &self.settings {
            remark(&mut out, text);
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
        remark(out, self.remark);
        let _ = writeln!(out, "[vars.{}]\npick = {}\nlist = [", self.name, quoted(self.pick));
        for value in &self.list {
            let _ = writeln!(out, "    {},", quoted(value));
        }
        out.push_str("]\n");
    }
}

impl DraftStep {
    fn write(&self, out: &mut String) {
        out.push('\n');
        for text in &self.remarks {
            remark(out, text);
        }
        let _ = writeln!(out, "[[step]]\nname = {}", quoted(&self.name));
        if self.method != "GET" {
            let _ = writeln!(out, "method = {}", quoted(&self.method));
        }
        let _ = writeln!(out, "path = {}", quoted(&self.path));
        for (key, value) in &self.settings {
            let _ = writeln!(out, "{key} = {value}");
        }
    }
}

/// A comment. What comes from elsewhere must not end it.
fn remark(out: &mut String, text: &str) {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut line = String::new();
    for word in clean.split_whitespace() {
        if !line.is_empty() && line.chars().count() + word.chars().count() >= WIDTH {
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

/// A basic string of TOML.
pub(super) fn quoted(text: &str) -> String {
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

/// A text in which braces mean braces.
pub(super) fn literal(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

/// An inline table of texts.
pub(super) fn table(pairs: &[(String, String)]) -> String {
    let pairs: Vec<String> =
        pairs.iter().map(|(key, value)| format!("{} = {}", quoted(key), quoted(value))).collect();
    if pairs.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", pairs.join(", ")) }
}

/// A name for a placeholder, made of a text; unlike those that are taken.
pub(super) fn placeholder(text: &str, taken: &[&str]) -> String {
    let text = text.replace("<id>", "");
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut name = words.take(4).collect::<Vec<_>>().join("_").to_ascii_lowercase();
    name.truncate(40);
    if name.is_empty() {
        name.push_str("page");
    }
    let free = |name: &str| !taken.contains(&name) && !["user", "journey", "random"].contains(&name);
    if free(&name) {
        return name;
    }
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    numbered.take(taken.len() + 2).find(|name| free(name)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scenario::Scenario;
    use crate::template::Encoding;
    use crate::values::Visit;

    fn draft(text: &str) -> Draft {
        let list = vec![text.to_owned(), "/".to_owned()];
        Draft {
            remarks: vec![text.to_owned()],
            name: "x".to_owned(),
            description: text.to_owned(),
            vars: vec![DraftVar { remark: "", name: "page".to_owned(), list, pick: "every-time" }],
            steps: vec![DraftStep {
                remarks: vec![text.to_owned()],
                name: "GET /".to_owned(),
                method: "POST".to_owned(),
                path: format!("/?{}", literal(&text.replace(|c: char| c.is_control() || c == ' ', ""))),
                settings: vec![("form".to_owned(), table(&[(text.to_owned(), literal(text))]))],
            }],
            settings: vec![Setting { remark: "", key: "needs_throw_away", value: "true".to_owned() }],
        }
    }

    proptest! {
        #[test]
        fn whatever_is_taken_over_the_file_is_valid_and_says_it(text in ".{0,60}") {
            let written = draft(&text).text();
            let read = Scenario::parse("x.toml", &written);
            let scenario = read.map_err(|error| TestCaseError::fail(format!("{error}\n{written}")))?;
            prop_assert_eq!(scenario.description(), &text);
            let mut visit = Visit::new(1, 1);
            let mut path = String::new();
            prop_assert!(scenario.steps()[0].path().render(&mut visit, Encoding::Raw, &mut path));
            prop_assert_eq!(path, format!("/?{}", text.replace(|c: char| c.is_control() || c == ' ', "")));
        }
    }

    #[test]
    fn placeholders_have_names_of_their_own() {
        assert_eq!(placeholder("GET /books/<id>/", &[]), "get_books");
        assert_eq!(placeholder("/books/<id>/", &["books"]), "books_2");
        assert_eq!((placeholder("/", &[]), placeholder("id", &[])), ("page".to_owned(), "id".to_owned()));
        assert_eq!(placeholder("/user/", &[]), "user_2");
    }
}
