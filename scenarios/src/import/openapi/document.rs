//! The parts of an OpenAPI document that requests need, with references resolved.

use kneepoint_model::text::clean;
use serde_json::{Map, Value};

use super::sample::sample_value;

/// Limit of a chain of references.
const MAX_REFERENCES: usize = 16;
/// The methods of a document that a step supports.
const METHODS: [(&str, &str); 5] =
    [("get", "GET"), ("post", "POST"), ("put", "PUT"), ("patch", "PATCH"), ("delete", "DELETE")];

/// The target of an unresolvable reference.
static NULL: Value = Value::Null;

/// A parsed document.
#[derive(Debug)]
pub(super) struct OpenApiDocument {
    root: Value,
    base_path: String,
}

/// Where a parameter is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ParameterLocation {
    Path,
    Query,
    Header,
    Other,
}

/// A parameter of an operation.
#[derive(Debug)]
pub(super) struct Parameter<'a> {
    pub(super) name: String,
    pub(super) location: ParameterLocation,
    pub(super) required: bool,
    /// JSON type: `string`, `integer` …; `None` when not declared.
    pub(super) value_type: Option<String>,
    value: &'a Value,
}

/// One method of a path.
#[derive(Debug)]
pub(super) struct Operation<'a> {
    pub(super) method: &'static str,
    /// Path including the base path; parameters are in braces.
    pub(super) path: String,
    pub(super) summary: Option<String>,
    pub(super) deprecated: bool,
    pub(super) secured: bool,
    pub(super) parameters: Vec<Parameter<'a>>,
    value: &'a Value,
}

impl OpenApiDocument {
    /// Parses JSON or YAML; the error tells why the text is not an OpenAPI document.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let root: Value = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| error.to_string())?
        } else {
            serde_saphyr::from_str(text).map_err(|error| error.to_string())?
        };
        if root.get("openapi").is_none() && root.get("swagger").is_none() {
            return Err("it has neither `openapi` nor `swagger` at the top level".to_owned());
        }
        if !root.get("paths").is_some_and(Value::is_object) {
            return Err("it has no `paths`".to_owned());
        }
        let base_path = derive_base_path(&root);
        Ok(Self { root, base_path })
    }

    pub(super) fn title(&self) -> String {
        let title =
            self.root.pointer("/info/title").and_then(Value::as_str).unwrap_or("an API without a title");
        clean(title, 80)
    }

    /// Resolves local references; the result of any other reference is null.
    pub(super) fn follow<'a>(&'a self, mut value: &'a Value) -> &'a Value {
        for _ in 0..MAX_REFERENCES {
            let Some(pointer) = value.get("$ref").and_then(Value::as_str) else { return value };
            let Some(next) = pointer.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)) else {
                return &NULL;
            };
            value = next;
        }
        &NULL
    }

    /// All operations with a supported method, path by path.
    pub(super) fn operations(&self) -> Vec<Operation<'_>> {
        let paths = self.root.get("paths").and_then(Value::as_object).into_iter().flatten();
        let mut operations = Vec::new();
        for (path, item) in paths.filter(|(path, _)| path.starts_with('/') && !path.starts_with("//")) {
            if path.chars().any(char::is_control) {
                continue;
            }
            let item = self.follow(item);
            for (key, method) in METHODS {
                if let Some(value) = item.get(key).filter(|value| value.is_object()) {
                    operations.push(self.operation(path, item, method, value));
                }
            }
        }
        operations
    }

    fn operation<'a>(
        &'a self,
        path: &str,
        item: &'a Value,
        method: &'static str,
        value: &'a Value,
    ) -> Operation<'a> {
        let list = |value: &'a Value| value.get("parameters").and_then(Value::as_array).into_iter().flatten();
        let mut parameters: Vec<Parameter<'a>> = Vec::new();
        // Parameters of the operation come first and override those of the path.
        for parameter in list(value).chain(list(item)).filter_map(|raw| self.parameter(raw)) {
            if !parameters
                .iter()
                .any(|known| known.name == parameter.name && known.location == parameter.location)
            {
                parameters.push(parameter);
            }
        }
        let security = value.get("security").or_else(|| self.root.get("security")).and_then(Value::as_array);
        let is_anonymous = |requirement: &Value| requirement.as_object().is_some_and(Map::is_empty);
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        Operation {
            method,
            path: format!("{}{path}", self.base_path),
            summary: text("summary").or_else(|| text("operationId")).filter(|text| !text.trim().is_empty()),
            deprecated: value.get("deprecated").and_then(Value::as_bool).unwrap_or(false),
            secured: security.is_some_and(|list| !list.is_empty() && !list.iter().any(is_anonymous)),
            parameters,
            value,
        }
    }

    fn parameter<'a>(&'a self, raw: &'a Value) -> Option<Parameter<'a>> {
        let value = self.follow(raw);
        let location = match value.get("in")?.as_str()? {
            "path" => ParameterLocation::Path,
            "query" => ParameterLocation::Query,
            "header" => ParameterLocation::Header,
            _ => ParameterLocation::Other,
        };
        let schema = self.follow(value.get("schema").unwrap_or(value));
        // Version 3.1 allows several types; the first except null is used.
        let value_type = match schema.get("type") {
            Some(Value::String(kind)) => Some(kind.clone()),
            Some(Value::Array(kinds)) => {
                kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").map(str::to_owned)
            }
            _ => None,
        };
        let required = location == ParameterLocation::Path
            || value.get("required").and_then(Value::as_bool).unwrap_or(false);
        Some(Parameter {
            name: value.get("name")?.as_str()?.to_owned(),
            location,
            required,
            value_type,
            value,
        })
    }
}

impl Parameter<'_> {
    /// The values in the document: examples and enumeration, or else the default.
    pub(super) fn values(&self, document: &OpenApiDocument) -> Vec<String> {
        let schema = document.follow(self.value.get("schema").unwrap_or(self.value));
        let examples = |value: &Value| match value.get("examples") {
            Some(Value::Array(list)) => list.clone(),
            Some(Value::Object(named)) => {
                named.values().filter_map(|example| document.follow(example).get("value").cloned()).collect()
            }
            _ => Vec::new(),
        };
        let mut values: Vec<Value> = self.value.get("example").cloned().into_iter().collect();
        values.extend(examples(self.value));
        values.extend(schema.get("example").cloned());
        values.extend(examples(schema));
        values.extend(schema.get("enum").and_then(Value::as_array).cloned().unwrap_or_default());
        if values.is_empty() {
            values.extend(schema.get("default").cloned());
        }
        let mut texts: Vec<String> = Vec::new();
        for value in values.iter().take(50) {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => continue,
            };
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        texts
    }
}

impl Operation<'_> {
    /// Content type and value of a possible body; JSON is preferred to forms.
    pub(super) fn body(&self, document: &OpenApiDocument) -> Option<(String, Value)> {
        if self.method == "GET" {
            return None;
        }
        if let Some(content) =
            self.value.get("requestBody").and_then(|body| document.follow(body).get("content")?.as_object())
        {
            let kinds = [
                |kind: &str| kind.contains("json"),
                |kind: &str| kind == "application/x-www-form-urlencoded",
            ];
            let (kind, media) = kinds.iter().find_map(|fits| content.iter().find(|(kind, _)| fits(kind)))?;
            let examples = media.get("examples").and_then(Value::as_object);
            let named = examples.and_then(|named| document.follow(named.values().next()?).get("value"));
            let example = media.get("example").or(named).cloned();
            let generated = || media.get("schema").map(|schema| sample_value(document, schema));
            return Some((kind.clone(), example.or_else(generated)?));
        }
        // In Swagger 2.0 the body is a parameter.
        let list = self.value.get("parameters").and_then(Value::as_array)?;
        let body = list
            .iter()
            .map(|raw| document.follow(raw))
            .find(|value| value.get("in").is_some_and(|place| place == "body"))?;
        Some(("application/json".to_owned(), sample_value(document, body.get("schema")?)))
    }
}

/// The common prefix of all paths, from the first server or `basePath`; empty when it is not a plain path.
fn derive_base_path(root: &Value) -> String {
    let mut path = match root.pointer("/servers/0") {
        Some(server) => {
            let mut url = server.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
            for (name, variable) in server.get("variables").and_then(Value::as_object).into_iter().flatten() {
                let default = variable.get("default").and_then(Value::as_str).unwrap_or_default();
                url = url.replace(&format!("{{{name}}}"), default);
            }
            match url.split_once("://") {
                Some((_, rest)) => rest.find('/').map_or_else(String::new, |at| rest[at..].to_owned()),
                None => url,
            }
        }
        None => root.get("basePath").and_then(Value::as_str).unwrap_or_default().to_owned(),
    };
    path.truncate(path.trim_end_matches('/').len());
    let is_plain =
        path.starts_with('/') && !path.starts_with("//") && path.bytes().all(|byte| byte.is_ascii_graphic());
    if is_plain && !path.contains(['{', '}', '?', '#']) { path } else { String::new() }
}
