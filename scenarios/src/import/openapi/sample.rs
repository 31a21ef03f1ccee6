//! A value that a schema allows: its example, or the plainest that its type has.

use serde_json::{Map, Value, json};

use super::document::Document;

/// Schemas that hold themselves end here.
const DEEPEST: usize = 6;

/// A value for this schema.
pub(super) fn sample(document: &Document, schema: &Value) -> Value {
    at_depth(document, schema, 0)
}

fn at_depth(document: &Document, schema: &Value, depth: usize) -> Value {
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
        return at_depth(document, choice, depth + 1);
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        kind => kind.and_then(Value::as_str),
    };
    let has_fields = schema.get("properties").is_some() || schema.get("allOf").is_some();
    match kind {
        Some("object") | None if has_fields => object(document, schema, depth),
        Some("object") => json!({}),
        Some("array") => {
            let item = schema.get("items").filter(|_| depth < DEEPEST);
            Value::Array(item.map(|item| at_depth(document, item, depth + 1)).into_iter().collect())
        }
        Some("integer") => {
            schema.get("minimum").filter(|least| least.is_i64()).cloned().unwrap_or_else(|| json!(1))
        }
        Some("number") => {
            schema.get("minimum").filter(|least| least.is_number()).cloned().unwrap_or_else(|| json!(1.5))
        }
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        _ => text(schema),
    }
}

/// All fields but those that only answers have.
fn object(document: &Document, schema: &Value, depth: usize) -> Value {
    let mut fields = Map::new();
    if depth >= DEEPEST {
        return Value::Object(fields);
    }
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        if let Value::Object(more) = at_depth(document, part, depth + 1) {
            fields.extend(more);
        }
    }
    for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let followed = document.follow(field);
        let only_read = followed.get("readOnly").and_then(Value::as_bool).unwrap_or(false);
        let value = if only_read { Value::Null } else { at_depth(document, field, depth + 1) };
        if !value.is_null() {
            fields.insert(name.clone(), value);
        }
    }
    Value::Object(fields)
}

fn text(schema: &Value) -> Value {
    let text = match schema.get("format").and_then(Value::as_str) {
        Some("date") => "2026-01-31",
        Some("date-time") => "2026-01-31T12:00:00Z",
        Some("email") => "load-test@example.test",
        Some("uri" | "url") => "https://example.test/",
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        _ => "text",
    };
    let least = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0).min(1_000) as usize;
    let most = schema.get("maxLength").and_then(Value::as_u64).map_or(usize::MAX, |most| most as usize);
    let padded: String =
        text.chars().chain(std::iter::repeat('x')).take(text.len().max(least).min(most)).collect();
    Value::String(padded)
}
