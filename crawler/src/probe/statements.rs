//! The statements behind the digests, as the application's probe wrote them down: JSON lines, read tolerantly.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use kneepoint_model::probe::Statement;

/// Most bytes that are read.
const MAX_BYTES: u64 = 8 << 20;
/// Most statements that are kept.
const MAX_KEPT: usize = 5_000;
/// Longest text of a statement.
const MAX_SQL: usize = 4_000;

/// Reads the file; what is not there, or not whole, is passed over.
pub(crate) fn load(path: &Path) -> BTreeMap<String, Statement> {
    let mut bytes = Vec::new();
    // A file that is missing or stops being readable gives what was read: the application may still be writing it.
    let _ = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes));
    parse(&String::from_utf8_lossy(&bytes))
}

/// Each digest as it was first written.
fn parse(text: &str) -> BTreeMap<String, Statement> {
    let mut statements = BTreeMap::new();
    for statement in text.lines().filter_map(read) {
        if statements.len() >= MAX_KEPT {
            break;
        }
        let statement = Statement {
            digest: cut(&statement.digest, 40),
            sql: cut(&statement.sql, MAX_SQL),
            route: cut(&statement.route, 200),
            code: cut(&statement.code, 300),
        };
        if statement.digest.is_empty() {
            continue;
        }
        // The first that names a place in the code, or else the first.
        match statements.entry(statement.digest.clone()) {
            Entry::Vacant(place) => {
                place.insert(statement);
            }
            Entry::Occupied(mut place) if place.get().code.is_empty() => {
                place.insert(statement);
            }
            Entry::Occupied(_) => {}
        }
    }
    statements
}

/// One line. A template that follows a relation is where the repetition is; the code that renders it is named behind it.
fn read(line: &str) -> Option<Statement> {
    let mut statement: Statement = serde_json::from_str(line).ok()?;
    let whole: serde_json::Value = serde_json::from_str(line).ok()?;
    if let Some(template) = whole.get("template").and_then(serde_json::Value::as_str) {
        let rendered_by = if statement.code.is_empty() {
            String::new()
        } else {
            format!(" (rendered by {})", statement.code)
        };
        statement.code = format!("{template}{rendered_by}");
    }
    Some(statement)
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_whole_are_kept_and_the_first_of_a_digest_counts() {
        let text = r#"{"digest":"3fa9c1","sql":"SELECT * FROM author WHERE id = ?","route":"catalogue/","code":"views.py:12"}
not json
{"digest":"3fa9c1","sql":"other"}
{"digest":"77","sql":"SELECT 1","unknown":true}
{"digest":"88","sql":"SELECT 2","route":"api/"}
{"digest":"88","sql":"SELECT 2","route":"list/","template":"books/list.html:9","at":"books/views.py:34"}
{"digest":"cut","sql":"SEL"#;
        let statements = parse(text);
        assert_eq!(statements.keys().collect::<Vec<_>>(), ["3fa9c1", "77", "88"]);
        assert_eq!(statements["88"].route, "list/", "the one that names a place in the code");
        assert_eq!(statements["88"].code, "books/list.html:9 (rendered by books/views.py:34)");
        assert_eq!(statements["3fa9c1"].code, "views.py:12");
        assert!(load(Path::new("/nowhere/at/all")).is_empty());
    }

    #[test]
    fn long_text_is_cut() {
        let text = format!(r#"{{"digest":"d","sql":"{}"}}"#, "é".repeat(10_000));
        assert_eq!(parse(&text)["d"].sql.chars().count(), MAX_SQL);
    }
}
