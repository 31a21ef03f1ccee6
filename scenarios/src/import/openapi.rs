//! Builds a scenario from an OpenAPI document (3.x, or Swagger 2.0; JSON or YAML): each operation is a step, chosen at random.
//!
//! A document defines which values are allowed, but rarely which of them exist. Its examples, defaults and enumerations are
//! used; otherwise the values are guessed, and the file reports that. Operations that change data are skipped unless requested.
//! Source: OpenAPI Specification 3.1.1, and 2.0.

mod document;
mod sample;

use kneepoint_model::text::{clip, plural};
use serde_json::Value;

use self::document::{OpenApiDocument, Operation, Parameter, ParameterLocation};
use super::draft::{
    DraftScenario, DraftStep, DraftVar, Setting, escape_braces, free_placeholder_name, inline_table,
};
use super::secret::is_secret_name;
use super::step_body::{self, StepBody};
use super::{ImportError, Imported};
use crate::validate::is_settable_header;

const KIND: &str = "an OpenAPI document (JSON or YAML with `openapi: 3…` or `swagger: \"2.0\"`, and `paths`)";
/// Limit of operations, so that a person can read the file.
const MAX_STEPS: usize = 200;

/// Builds a scenario from a document; `writes` includes operations that change data.
///
/// # Errors
/// The text is not an OpenAPI document, or it has no operation that can be imported.
pub fn from_openapi(text: &str, source_name: &str, writes: bool) -> Result<Imported, ImportError> {
    let source_name = source_name.to_owned();
    let document = OpenApiDocument::parse(text).map_err(|why| {
        let source_name = source_name.clone();
        ImportError::WrongFormat { source_name, kind: KIND, why }
    })?;
    let mut builder =
        StepBuilder { document: &document, vars: Vec::new(), steps: Vec::new(), guessed: Vec::new() };
    let (mut skipped_writes, mut deprecated, mut beyond_limit) = (0, 0, 0);
    for operation in document.operations() {
        if operation.deprecated {
            deprecated += 1;
        } else if operation.method != "GET" && !writes {
            skipped_writes += 1;
        } else if builder.steps.len() >= MAX_STEPS {
            beyond_limit += 1;
        } else {
            builder.add_step(&operation);
        }
    }
    let StepBuilder { vars, steps, guessed, .. } = builder;
    let mut notes =
        vec![format!("{} of {}, {source_name}.", plural(steps.len(), "operation"), document.title())];
    for (count, why) in [
        (skipped_writes, "that would change data (import with --writes to include them)"),
        (deprecated, "marked as deprecated"),
        (beyond_limit, "after the first 200"),
    ] {
        if count > 0 {
            notes.push(format!("Skipped: {} {why}.", plural(count, "operation")));
        }
    }
    if steps.is_empty() {
        return Err(ImportError::NothingUsable { source_name, why: notes.join(" ") });
    }
    if !guessed.is_empty() {
        notes.push(format!(
            "The values of {} are guessed, because the document has no examples: replace them with values that exist.",
            guessed.join(", ")
        ));
    }
    let mut settings = vec![Setting {
        remark: "Each journey is one operation, chosen by its weight.",
        key: "pick_steps",
        value: "1".to_owned(),
    }];
    if steps.iter().any(|step| step.method != "GET") {
        settings.push(Setting::needs_throw_away());
    }
    let draft = DraftScenario {
        remarks: notes.clone(),
        name: "openapi".to_owned(),
        description: format!("operations of {}", document.title()),
        settings,
        vars,
        steps,
    };
    Imported::from_draft(&draft, notes)
}

/// Builds the steps, and the variables that they need.
struct StepBuilder<'a> {
    document: &'a OpenApiDocument,
    vars: Vec<DraftVar>,
    steps: Vec<DraftStep>,
    /// Names of parameters whose values are guessed.
    guessed: Vec<String>,
}

impl StepBuilder<'_> {
    fn add_step(&mut self, operation: &Operation<'_>) {
        let mut path = String::new();
        let mut rest = operation.path.as_str();
        // A name in braces is a parameter. It needs a value even when the document does not describe it.
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            path.push_str(&escape_braces(before));
            let parameter = operation
                .parameters
                .iter()
                .find(|known| known.location == ParameterLocation::Path && known.name == name);
            path.push_str(&self.placeholder_for(name, parameter));
            rest = after;
        }
        path.push_str(&escape_braces(rest));
        let mut headers = Vec::new();
        for parameter in operation.parameters.iter().filter(|parameter| parameter.required) {
            match parameter.location {
                ParameterLocation::Query => {
                    path.push(if path.contains('?') { '&' } else { '?' });
                    path.extend(url::form_urlencoded::byte_serialize(parameter.name.as_bytes()));
                    path.push('=');
                    let value = self.placeholder_for(&parameter.name, Some(parameter));
                    path.push_str(&value);
                }
                ParameterLocation::Header if is_settable_header(&parameter.name) => {
                    headers.push((
                        parameter.name.clone(),
                        self.placeholder_for(&parameter.name, Some(parameter)),
                    ));
                }
                ParameterLocation::Header | ParameterLocation::Path | ParameterLocation::Other => {}
            }
        }
        let name = format!("{} {}", operation.method, operation.path.replace('{', "<").replace('}', ">"));
        let mut step = DraftStep {
            name: clip(&name, 120).to_owned(),
            method: operation.method.to_owned(),
            path: path.replace(' ', "%20"),
            ..DraftStep::default()
        };
        step.remarks.extend(operation.summary.clone());
        if operation.secured {
            step.remarks
                .push("It needs authorization. Set it with headers.authorization = \"…\".".to_owned());
        }
        let body = self.build_body(operation);
        for (name, value) in body.headers {
            if !headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                headers.push((name, value));
            }
        }
        if !headers.is_empty() {
            step.settings.push(("headers".to_owned(), inline_table(&headers)));
        }
        step.settings.extend(body.settings);
        self.steps.push(step);
    }

    /// The placeholder for a parameter; defines its variable when needed.
    fn placeholder_for(&mut self, name: &str, parameter: Option<&Parameter<'_>>) -> String {
        let known = parameter.map(|parameter| parameter.values(self.document)).unwrap_or_default();
        let is_secret = is_secret_name(name);
        let list = match known.as_slice() {
            _ if is_secret => vec![step_body::CHANGE_ME.to_owned()],
            [] => guess_values(parameter),
            _ => known.clone(),
        };
        if (known.is_empty() || is_secret) && !self.guessed.iter().any(|guessed| guessed == name) {
            self.guessed.push(name.to_owned());
        }
        let stem = free_placeholder_name(name, &[]);
        let is_same = |var: &&DraftVar| {
            (var.name == stem || var.name.starts_with(&format!("{stem}_"))) && var.list == list
        };
        if let Some(var) = self.vars.iter().find(is_same) {
            return format!("{{{}}}", var.name);
        }
        let taken: Vec<&str> = self.vars.iter().map(|var| var.name.as_str()).collect();
        let name = free_placeholder_name(name, &taken);
        let text = format!("{{{name}}}");
        self.vars.push(DraftVar { remark: "", name, list, pick: "every-time" });
        text
    }

    /// The described body: its example, or a sample that its schema allows.
    fn build_body(&self, operation: &Operation<'_>) -> StepBody {
        let Some((content_type, value)) = operation.body(self.document) else { return StepBody::default() };
        if content_type.contains("json") {
            return step_body::render_json(&value.to_string(), &content_type);
        }
        let Value::Object(fields) = value else { return StepBody::default() };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let fields: Vec<(String, String)> =
            fields.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        step_body::render_form(&fields, &|_| None)
    }
}

/// Values for a parameter without examples, by its type.
fn guess_values(parameter: Option<&Parameter<'_>>) -> Vec<String> {
    match parameter.and_then(|parameter| parameter.value_type.as_deref()) {
        Some("string") => vec!["example".to_owned()],
        Some("boolean") => vec!["true".to_owned(), "false".to_owned()],
        _ => (1..=10).map(|number: u32| number.to_string()).collect(),
    }
}
