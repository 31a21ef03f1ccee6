//! Reads API responses: the links in them (as Django REST framework writes them) and the number of rows.

use serde_json::Value;

use super::links::{MAX_LINKS, push_link};

/// Deepest level that is searched for links; deeper values are data, not navigation.
const MAX_DEPTH: u32 = 8;

/// Absolute http(s) URLs among the values, without repetitions.
pub(crate) fn json_links(body: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        collect(&value, 0, &mut found);
    }
    found
}

fn collect(value: &Value, depth: u32, found: &mut Vec<String>) {
    if depth > MAX_DEPTH || found.len() >= MAX_LINKS {
        return;
    }
    match value {
        Value::String(text) if text.starts_with("http://") || text.starts_with("https://") => {
            push_link(found, text);
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, depth + 1, found)),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, depth + 1, found)),
        _ => {}
    }
}

/// Number of rows: of the top-level array, or of the longest array one level down (`results`, `items`, `data`).
pub(crate) fn count_json_rows(body: &[u8]) -> Option<u32> {
    let count = match serde_json::from_slice::<Value>(body).ok()? {
        Value::Array(rows) => Some(rows.len()),
        Value::Object(fields) => fields.values().filter_map(Value::as_array).map(Vec::len).max(),
        _ => None,
    }?;
    u32::try_from(count).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_a_rest_list_gives_its_neighbours_and_its_rows() {
        let body = br#"{"count":3,"next":"http://h/api/?page=2","previous":null,
            "results":[{"url":"http://h/api/1/","note":"see http://no"},{"url":"http://h/api/2/"}]}"#;
        assert_eq!(json_links(body), ["http://h/api/?page=2", "http://h/api/1/", "http://h/api/2/"]);
        assert_eq!(count_json_rows(body), Some(2));
        assert_eq!(count_json_rows(b"[1,2,3]"), Some(3));
        assert_eq!(
            (count_json_rows(b"{}"), count_json_rows(b"not json"), json_links(b"\xff\xfe")),
            (None, None, vec![])
        );
    }
}
