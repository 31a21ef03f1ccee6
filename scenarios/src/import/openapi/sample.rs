//! Generates a value that a schema allows: its example, or a simple value of its type.

use serde_json::{Map, Value, json};

use super::document::OpenApiDocument;

/// Limit of nesting, because schemas can be recursive.
const MAX_DEPTH: usize = 6;

/// A value that the schema allows.
pub(super) fn sample_value(document: &OpenApiDocument, schema: &Value) -> Value {
    sample_at_depth(document, schema, 0)
}

fn sample_at_depth(document: &OpenApiDocument, schema: &Value, depth: usize) -> Value {
    let schema = document.follow(schema);
    for key in ["example", "default", "const"] {
        if let Some(value) = schema.get(key) {
            return value.clone();
        }
    }
    let first_of = |key: &str| schema.get(key).and_then(Value::as_array).and_then(|list| list.first());
    if let Some(value) = first_of("examples").or(first_of("enum")) {
        return value.clone();
    }
    if let Some(choice) = first_of("oneOf").or(first_of("anyOf")) {
        return sample_at_depth(document, choice, depth + 1);
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        kind => kind.and_then(Value::as_str),
    };
    let has_fields = schema.get("properties").is_some() || schema.get("allOf").is_some();
    match kind {
        Some("object") | None if has_fields => sample_object(document, schema, depth),
        Some("object") => json!({}),
        Some("array") => {
            let item = schema.get("items").filter(|_| depth < MAX_DEPTH);
            Value::Array(item.map(|item| sample_at_depth(document, item, depth + 1)).into_iter().collect())
        }
        Some("integer") => {
            schema.get("minimum").filter(|min| min.is_i64()).cloned().unwrap_or_else(|| json!(1))
        }
        Some("number") => {
            schema.get("minimum").filter(|min| min.is_number()).cloned().unwrap_or_else(|| json!(1.5))
        }
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        _ => sample_text(schema),
    }
}

/// An object with all properties except read-only ones, which only responses have.
fn sample_object(document: &OpenApiDocument, schema: &Value, depth: usize) -> Value {
    let mut fields = Map::new();
    if depth >= MAX_DEPTH {
        return Value::Object(fields);
    }
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        if let Value::Object(more) = sample_at_depth(document, part, depth + 1) {
            fields.extend(more);
        }
    }
    for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let followed = document.follow(field);
        let is_read_only = followed.get("readOnly").and_then(Value::as_bool).unwrap_or(false);
        let value = if is_read_only { Value::Null } else { sample_at_depth(document, field, depth + 1) };
        if !value.is_null() {
            fields.insert(name.clone(), value);
        }
    }
    Value::Object(fields)
}

fn sample_text(schema: &Value) -> Value {
    let text = match schema.get("format").and_then(Value::as_str) {
        Some("date") => "2026-01-31",
        Some("date-time") => "2026-01-31T12:00:00Z",
        Some("email") => "load-test@example.test",
        Some("uri" | "url") => "https://example.test/",
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        _ => "text",
    };
    let min_length = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0).min(1_000) as usize;
    let max_length = schema.get("maxLength").and_then(Value::as_u64).map_or(usize::MAX, |max| max as usize);
    let padded: String =
        text.chars().chain(std::iter::repeat('x')).take(text.len().max(min_length).min(max_length)).collect();
    Value::String(padded)
}
