//! A scenario from an OpenAPI document (3.x, and Swagger 2.0; JSON or YAML): each operation a step, chosen at random.
//!
//! A document says which values are allowed, seldom which of them exist. Its examples, defaults and enumerations are used;
//! where there are none the values are guessed, and the file says so. What changes data is left out unless it is asked for.
//! Source: OpenAPI Specification 3.1.1, and 2.0.

mod document;
mod sample;

use serde_json::Value;

use self::document::{Document, Operation, Parameter, Place};
use super::bodies::{self, Written};
use super::draft::{Draft, DraftStep, DraftVar, Setting, literal, placeholder, table};
use super::secret::is_secret_name;
use super::{Counted, ImportError, Imported};
use crate::validate::is_free_header;

const KIND: &str = "OpenAPI document (JSON or YAML with `openapi: 3…` or `swagger: \"2.0\"`, and `paths`)";
/// More operations than this are no file that a person can read.
const MOST_STEPS: usize = 200;

/// Makes a scenario of a document; `writes` takes over what changes data, too.
///
/// # Errors
/// It is no OpenAPI document, or has no operation that can be asked for.
pub fn from_openapi(text: &str, source_name: &str, writes: bool) -> Result<Imported, ImportError> {
    let source_name = source_name.to_owned();
    let document = Document::read(text).map_err(|why| {
        let source_name = source_name.clone();
        ImportError::NotOne { source_name, kind: KIND, why }
    })?;
    let mut maker = Maker { document: &document, vars: Vec::new(), steps: Vec::new(), guessed: Vec::new() };
    let (mut left_writes, mut deprecated, mut many) = (0, 0, 0);
    for operation in document.operations() {
        if operation.deprecated {
            deprecated += 1;
        } else if operation.method != "GET" && !writes {
            left_writes += 1;
        } else if maker.steps.len() >= MOST_STEPS {
            many += 1;
        } else {
            maker.step(&operation);
        }
    }
    let Maker { vars, steps, guessed, .. } = maker;
    let mut said =
        vec![format!("{} of {}, {source_name}.", Counted(steps.len() as u64, "operation"), document.title())];
    for (count, why) in [
        (left_writes, "changing data (import with --writes to have them)"),
        (deprecated, "marked as deprecated"),
        (many, "after the first 200"),
    ] {
        if count > 0 {
            said.push(format!("Left out: {} {why}.", Counted(count, "operation")));
        }
    }
    if steps.is_empty() {
        return Err(ImportError::Nothing { source_name, why: said.join(" ") });
    }
    if !guessed.is_empty() {
        said.push(format!(
            "Values of {} are guessed, because the document has no example: write some that exist.",
            guessed.join(", ")
        ));
    }
    let mut settings = vec![Setting {
        remark: "Each journey is one operation, chosen by its weight.",
        key: "pick_steps",
        value: "1".to_owned(),
    }];
    if steps.iter().any(|step| step.method != "GET") {
        settings.push(Setting {
            remark: "It changes data: it is refused against a site that is not thrown away afterwards, unless this is false.",
            key: "needs_throw_away",
            value: "true".to_owned(),
        });
    }
    let description = format!("operations of {}", document.title());
    let draft =
        Draft { remarks: said.clone(), name: "openapi".to_owned(), description, settings, vars, steps };
    Imported::checked(&draft, said)
}

/// Makes steps, and the values that they need.
struct Maker<'a> {
    document: &'a Document,
    vars: Vec<DraftVar>,
    steps: Vec<DraftStep>,
    /// Names of values that are guessed.
    guessed: Vec<String>,
}

impl Maker<'_> {
    fn step(&mut self, operation: &Operation<'_>) {
        let mut path = String::new();
        let mut rest = operation.path.as_str();
        // What stands in braces is a parameter; a document that describes none of that name still needs a value.
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            path.push_str(&literal(before));
            let parameter =
                operation.parameters.iter().find(|own| own.place == Place::Path && own.name == name);
            path.push_str(&self.value(name, parameter));
            rest = after;
        }
        path.push_str(&literal(rest));
        let mut headers = Vec::new();
        for parameter in operation.parameters.iter().filter(|parameter| parameter.required) {
            match parameter.place {
                Place::Query => {
                    path.push(if path.contains('?') { '&' } else { '?' });
                    path.extend(url::form_urlencoded::byte_serialize(parameter.name.as_bytes()));
                    path.push('=');
                    let value = self.value(&parameter.name, Some(parameter));
                    path.push_str(&value);
                }
                Place::Header if is_free_header(&parameter.name) => {
                    headers.push((parameter.name.clone(), self.value(&parameter.name, Some(parameter))));
                }
                Place::Header | Place::Path | Place::Other => {}
            }
        }
        let name = format!("{} {}", operation.method, operation.path.replace('{', "<").replace('}', ">"));
        let mut step = DraftStep {
            name: name.chars().take(120).collect(),
            method: operation.method.to_owned(),
            path: path.replace(' ', "%20"),
            ..DraftStep::default()
        };
        step.remarks.extend(operation.summary.clone());
        if operation.secured {
            step.remarks.push("It needs authorization: headers.authorization = \"…\"".to_owned());
        }
        let body = self.body(operation);
        for (name, value) in body.headers {
            if !headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(&name)) {
                headers.push((name, value));
            }
        }
        if !headers.is_empty() {
            step.settings.push(("headers".to_owned(), table(&headers)));
        }
        step.settings.extend(body.settings);
        self.steps.push(step);
    }

    /// A placeholder for the values of a parameter.
    fn value(&mut self, name: &str, parameter: Option<&Parameter<'_>>) -> String {
        let known = parameter.map(|parameter| parameter.values(self.document)).unwrap_or_default();
        let is_secret = is_secret_name(name);
        let list = match known.as_slice() {
            _ if is_secret => vec![bodies::CHANGE_ME.to_owned()],
            [] => guess(parameter),
            _ => known.clone(),
        };
        if (known.is_empty() || is_secret) && !self.guessed.iter().any(|guessed| guessed == name) {
            self.guessed.push(name.to_owned());
        }
        let stem = placeholder(name, &[]);
        let same = |var: &&DraftVar| {
            (var.name == stem || var.name.starts_with(&format!("{stem}_"))) && var.list == list
        };
        if let Some(var) = self.vars.iter().find(same) {
            return format!("{{{}}}", var.name);
        }
        let taken: Vec<&str> = self.vars.iter().map(|var| var.name.as_str()).collect();
        let name = placeholder(name, &taken);
        let text = format!("{{{name}}}");
        self.vars.push(DraftVar { remark: "", name, list, pick: "every-time" });
        text
    }

    /// The body, where one is described: an example of it, or one made by its schema.
    fn body(&self, operation: &Operation<'_>) -> Written {
        let Some((content_type, value)) = operation.body(self.document) else { return Written::default() };
        if content_type.contains("json") {
            return bodies::json(&value.to_string(), &content_type);
        }
        let Value::Object(fields) = value else { return Written::default() };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let fields: Vec<(String, String)> =
            fields.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        bodies::form(&fields, &|_| None)
    }
}

/// Values where a document has none.
fn guess(parameter: Option<&Parameter<'_>>) -> Vec<String> {
    match parameter.and_then(|parameter| parameter.kind.as_deref()) {
        Some("string") => vec!["example".to_owned()],
        Some("boolean") => vec!["true".to_owned(), "false".to_owned()],
        _ => (1..=10).map(|number: u32| number.to_string()).collect(),
    }
}
