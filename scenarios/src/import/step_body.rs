//! Renders request bodies as keys of a step: forms and JSON, with placeholders for tokens and without secrets.

use serde_json::Value;

use super::draft::{escape_braces, inline_table, quote_toml};
use super::secret::is_secret_name;

/// Replaces the value of a secret.
pub(super) const CHANGE_ME: &str = "CHANGE-ME";

/// Keys of a step that describe its body, and the names of the secrets that were replaced.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct StepBody {
    /// Headers that the body needs.
    pub(super) headers: Vec<(String, String)>,
    pub(super) settings: Vec<(String, String)>,
    pub(super) secrets: Vec<String>,
}

/// A form. `placeholder_for` returns the placeholder of fields whose value comes from a page.
pub(super) fn render_form(
    fields: &[(String, String)],
    placeholder_for: &dyn Fn(&str) -> Option<String>,
) -> StepBody {
    let mut written = StepBody::default();
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (name, value) in fields {
        let text = match placeholder_for(name) {
            Some(placeholder) => format!("{{{placeholder}}}"),
            None if is_secret_name(name) => {
                written.secrets.push(name.clone());
                CHANGE_ME.to_owned()
            }
            None => escape_braces(value),
        };
        // A TOML table has each key once; the last one wins.
        pairs.retain(|(other, _)| other != name);
        pairs.push((name.clone(), text));
    }
    written.settings.push(("form".to_owned(), inline_table(&pairs)));
    written
}

/// A JSON text as a TOML value; verbatim when TOML cannot express it (null) or when it is not JSON.
pub(super) fn render_json(text: &str, content_type: &str) -> StepBody {
    let mut secrets = Vec::new();
    let inline = serde_json::from_str::<Value>(text).ok().and_then(|mut value| {
        replace_secrets(&mut value, &mut secrets);
        render_inline(&value)
    });
    match inline {
        Some(inline) => {
            StepBody { settings: vec![("json".to_owned(), inline)], secrets, ..StepBody::default() }
        }
        None => render_plain(text, content_type),
    }
}

/// Any other text, verbatim.
pub(super) fn render_plain(text: &str, content_type: &str) -> StepBody {
    let headers = vec![("content-type".to_owned(), escape_braces(content_type))];
    let settings = vec![("body".to_owned(), quote_toml(&escape_braces(text)))];
    StepBody { headers, settings, secrets: Vec::new() }
}

fn replace_secrets(value: &mut Value, secrets: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace_secrets(item, secrets)),
        Value::Object(fields) => {
            for (name, field) in fields {
                if is_secret_name(name) && field.is_string() {
                    *field = Value::String(CHANGE_ME.to_owned());
                    secrets.push(name.clone());
                } else {
                    replace_secrets(field, secrets);
                }
            }
        }
        _ => {}
    }
}

/// JSON as an inline TOML value; `None` when it contains null.
fn render_inline(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.to_string(),
            (None, Some(float)) => format!("{float:?}"),
            (None, None) => return None,
        },
        Value::String(text) => quote_toml(&escape_braces(text)),
        Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(render_inline).collect();
            format!("[{}]", items?.join(", "))
        }
        Value::Object(fields) => {
            let pairs: Option<Vec<String>> = fields
                .iter()
                .map(|(key, value)| Some(format!("{} = {}", quote_toml(key), render_inline(value)?)))
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
    fn secrets_are_replaced_and_tokens_become_placeholders() {
        let fields = [("csrfmiddlewaretoken", "abc"), ("username", "r{1}"), ("password", "hunter2")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let placeholder_for = |name: &str| (name == "csrfmiddlewaretoken").then(|| "token".to_owned());
        let written = render_form(&fields, &placeholder_for);
        let text =
            r#"{ "csrfmiddlewaretoken" = "{token}", "username" = "r{{1}}", "password" = "CHANGE-ME" }"#;
        assert_eq!(written.settings, [("form".to_owned(), text.to_owned())]);
        assert_eq!(written.secrets, ["password"]);
    }

    #[test]
    fn json_is_written_as_toml_when_possible() {
        let written =
            render_json(r#"{"a": [1, 2.5, true], "api_key": "x", "b": {"c": "{d}"}}"#, "application/json");
        let text = r#"{ "a" = [1, 2.5, true], "api_key" = "CHANGE-ME", "b" = { "c" = "{{d}}" } }"#;
        assert_eq!(written.settings, [("json".to_owned(), text.to_owned())]);
        let whole = render_json(r#"{"a": null}"#, "application/json; charset=utf-8");
        assert_eq!(
            whole.headers,
            [("content-type".to_owned(), "application/json; charset=utf-8".to_owned())]
        );
        assert_eq!(whole.settings[0].1, r#""{{\"a\": null}}""#);
    }
}
