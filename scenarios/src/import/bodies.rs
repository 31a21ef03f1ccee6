//! What was sent, as a step says it: forms and JSON, with placeholders for what must be new each time and without secrets.

use serde_json::Value;

use super::draft::{literal, quoted, table};
use super::secret::is_secret_name;

/// Stands where a secret was.
pub(super) const CHANGE_ME: &str = "CHANGE-ME";

/// Keys of a step, and whether a secret was taken out of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// Header lines that go with it.
    pub(super) headers: Vec<(String, String)>,
    pub(super) settings: Vec<(String, String)>,
    pub(super) secrets: Vec<String>,
}

/// A form. `known` gives the placeholder for fields whose value the page itself has.
pub(super) fn form(fields: &[(String, String)], known: &dyn Fn(&str) -> Option<String>) -> Written {
    let mut written = Written::default();
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (name, value) in fields {
        let text = match known(name) {
            Some(placeholder) => format!("{{{placeholder}}}"),
            None if is_secret_name(name) => {
                written.secrets.push(name.clone());
                CHANGE_ME.to_owned()
            }
            None => literal(value),
        };
        // A table has each key once; the last one counts.
        pairs.retain(|(other, _)| other != name);
        pairs.push((name.clone(), text));
    }
    written.settings.push(("form".to_owned(), table(&pairs)));
    written
}

/// A JSON text; as it stands where TOML has no word for something in it, or it is no JSON at all.
pub(super) fn json(text: &str, content_type: &str) -> Written {
    let mut secrets = Vec::new();
    let inline = serde_json::from_str::<Value>(text).ok().and_then(|mut value| {
        without_secrets(&mut value, &mut secrets);
        inline(&value)
    });
    match inline {
        Some(inline) => {
            Written { settings: vec![("json".to_owned(), inline)], secrets, ..Written::default() }
        }
        None => plain(text, content_type),
    }
}

/// Any other text.
pub(super) fn plain(text: &str, content_type: &str) -> Written {
    let headers = vec![("content-type".to_owned(), literal(content_type))];
    let settings = vec![("body".to_owned(), quoted(&literal(text)))];
    Written { headers, settings, secrets: Vec::new() }
}

fn without_secrets(value: &mut Value, secrets: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| without_secrets(item, secrets)),
        Value::Object(fields) => {
            for (name, field) in fields {
                if is_secret_name(name) && field.is_string() {
                    *field = Value::String(CHANGE_ME.to_owned());
                    secrets.push(name.clone());
                } else {
                    without_secrets(field, secrets);
                }
            }
        }
        _ => {}
    }
}

/// JSON as an inline value of TOML, which has no null.
fn inline(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.to_string(),
            (None, Some(float)) => format!("{float:?}"),
            (None, None) => return None,
        },
        Value::String(text) => quoted(&literal(text)),
        Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(inline).collect();
            format!("[{}]", items?.join(", "))
        }
        Value::Object(fields) => {
            let pairs: Option<Vec<String>> = fields
                .iter()
                .map(|(key, value)| Some(format!("{} = {}", quoted(key), inline(value)?)))
                .collect();
            let pairs = pairs?;
            if pairs.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", pairs.join(", ")) }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_and_tokens_put_in() {
        let fields = [("csrfmiddlewaretoken", "abc"), ("username", "r{1}"), ("password", "hunter2")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let known = |name: &str| (name == "csrfmiddlewaretoken").then(|| "token".to_owned());
        let written = form(&fields, &known);
        let text =
            r#"{ "csrfmiddlewaretoken" = "{token}", "username" = "r{{1}}", "password" = "CHANGE-ME" }"#;
        assert_eq!(written.settings, [("form".to_owned(), text.to_owned())]);
        assert_eq!(written.secrets, ["password"]);
    }

    #[test]
    fn json_is_written_as_toml_where_that_can_be_done() {
        let written = json(r#"{"a": [1, 2.5, true], "api_key": "x", "b": {"c": "{d}"}}"#, "application/json");
        let text = r#"{ "a" = [1, 2.5, true], "api_key" = "CHANGE-ME", "b" = { "c" = "{{d}}" } }"#;
        assert_eq!(written.settings, [("json".to_owned(), text.to_owned())]);
        let whole = json(r#"{"a": null}"#, "application/json; charset=utf-8");
        assert_eq!(
            whole.headers,
            [("content-type".to_owned(), "application/json; charset=utf-8".to_owned())]
        );
        assert_eq!(whole.settings[0].1, r#""{{\"a\": null}}""#);
    }
}
