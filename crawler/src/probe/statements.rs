//! Reads the statements behind the digests, as recorded by the application's probe: JSON lines, parsed tolerantly.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use kneepoint_model::probe::Statement;
use kneepoint_model::text::clip;

/// Most bytes that are read of the file.
const MAX_BYTES: u64 = 8 << 20;
/// Most statements that are kept.
const MAX_KEPT: usize = 5_000;
/// Longest SQL text, in characters.
const MAX_SQL: usize = 4_000;

/// Reads the file; missing files and incomplete lines are ignored.
pub(crate) fn load_statements(path: &Path) -> BTreeMap<String, Statement> {
    let mut bytes = Vec::new();
    // On an error, the part that was read is used: the application may still be writing the file.
    let _ = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes));
    parse(&String::from_utf8_lossy(&bytes))
}

/// Keeps one statement per digest, the first that names a code location.
fn parse(text: &str) -> BTreeMap<String, Statement> {
    let mut statements = BTreeMap::new();
    for statement in text.lines().filter_map(parse_statement) {
        if statements.len() >= MAX_KEPT {
            break;
        }
        let statement = Statement {
            digest: clip(&statement.digest, 40).to_owned(),
            sql: clip(&statement.sql, MAX_SQL).to_owned(),
            route: clip(&statement.route, 200).to_owned(),
            code: clip(&statement.code, 300).to_owned(),
        };
        if statement.digest.is_empty() {
            continue;
        }
        // The first statement with a code location wins, else the first.
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

/// Parses one line. A template that follows a relation is where the repetition is; the code that renders it is
/// named after it.
fn parse_statement(line: &str) -> Option<Statement> {
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
        assert!(load_statements(Path::new("/nowhere/at/all")).is_empty());
    }

    #[test]
    fn long_text_is_cut() {
        let text = format!(r#"{{"digest":"d","sql":"{}"}}"#, "é".repeat(10_000));
        assert_eq!(parse(&text)["d"].sql.chars().count(), MAX_SQL);
    }
}
