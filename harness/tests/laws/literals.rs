//! Finds string literals in Rust source.

/// String literals of source without comments, each with the index of the line on which it begins.
pub(crate) fn string_literals(text: &str) -> Vec<(usize, String)> {
    let (mut literals, mut line) = (Vec::new(), 0);
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'']) {
        line += rest[..at].matches('\n').count();
        let (before, body) = (&rest[..at], &rest[at + 1..]);
        let length = if rest[at..].starts_with('\'') {
            char_literal_length(body)
        } else {
            let hashes = before.len() - before.trim_end_matches('#').len();
            let is_raw = before[..before.len() - hashes].ends_with('r');
            let end =
                if is_raw { body.find(&format!("\"{}", "#".repeat(hashes))) } else { end_of_string(body) };
            let end = end.unwrap_or(body.len());
            literals.push((line, body[..end].to_owned()));
            end + 1
        };
        let end = (at + 1 + length).min(rest.len());
        line += rest[at..end].matches('\n').count();
        rest = &rest[end..];
    }
    literals
}

/// Index of the closing quote of a string with escapes.
fn end_of_string(body: &str) -> Option<usize> {
    let mut is_escaped = false;
    body.char_indices().find_map(|(at, c)| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end.then_some(at)
    })
}

/// Bytes of a character literal after its first quote; 0 for a lifetime.
fn char_literal_length(body: &str) -> usize {
    if body.starts_with('\\') {
        return body.char_indices().skip(2).find(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 1);
    }
    body.char_indices().nth(1).filter(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 1)
}

#[test]
fn literals_are_found_over_lines_and_beside_quotes() {
    let text = r##"f('"', "a \" b", '\\', '\'', r#"c "d" e"#, &'a "two
 lines")"##;
    assert_eq!(
        string_literals(text),
        [(0, r#"a \" b"#.to_owned()), (0, r#"c "d" e"#.to_owned()), (0, "two\n lines".to_owned())]
    );
}
