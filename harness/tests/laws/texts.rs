//! One home for text: clipping, cleaning and plural forms are functions of `kneepoint_model::text`, and nothing else defines
//! its own. Private copies differ in small ways: one marks a cut and one does not, one removes a control character and one
//! replaces it.

use std::sync::LazyLock;

use regex::Regex;

use crate::sources::{packages, pattern, relative, without_tests_and_comments};

const HOME: &str = "model/src/text.rs";

/// Signs of a private function; each with what to use instead.
static SIGNS: LazyLock<[(Regex, &str); 6]> = LazyLock::new(|| {
    [
        (
            pattern(
                r"\bfn\s+(?:clip|cut|clean|one_line|single_line|ellipsize|shorten|plural|truncate)(?:_to)?\s*[(<]",
            ),
            "the function of that name",
        ),
        (pattern(r"\.char_indices\(\)\s*\.nth\("), "clip"),
        (pattern(r"\.chars\(\)\s*\.take\("), "clip"),
        (pattern(r"\bfloor_char_boundary\("), "clip_bytes"),
        (pattern(r"\.filter\(\|c\|\s*!c\.is_control\(\)\)"), "clean or remove_controls"),
        (pattern(r#"== 1 \{\s*(?:""|one)\s*\} else \{\s*(?:"s"|many)\s*\}"#), "plural or plural_form"),
    ]
});

/// Where a sign stays: file, matching text, reason.
const EXCEPTIONS: [(&str, &str, &str); 3] = [
    (
        "profiler/src/export/frame.rs",
        ".chars().take(",
        "the folded format has its own rules for names of frames",
    ),
    ("reports/src/format.rs", ".chars().take(", "an HTML id, which nobody reads"),
    ("stack/src/compose/recorded.rs", "fn clean(", "removes a stack, not a part of a text"),
];

/// The signs of a file: the matching text on one line, and a message with the place.
fn signs_in(file: &str, source: &str) -> Vec<(String, String)> {
    let code = without_tests_and_comments(source);
    let mut found = Vec::new();
    for (sign, instead) in SIGNS.iter() {
        for hit in sign.find_iter(&code) {
            let text = collapse(hit.as_str());
            let line = code[..hit.start()].matches('\n').count() + 1;
            let message = format!("{file}:{line}: `{text}`: use kneepoint_model::text ({instead})");
            found.push((text, message));
        }
    }
    found
}

/// A call chain on one line: `.chars() .take(` becomes `.chars().take(`.
fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace(") .", ").")
}

#[test]
fn only_the_model_clips_cleans_and_counts_nouns() {
    let (mut errors, mut is_used) = (Vec::new(), [false; EXCEPTIONS.len()]);
    for (path, source) in packages().iter().flat_map(|package| package.rust_files(&["src"])) {
        let file = relative(&path);
        if file == HOME {
            continue;
        }
        for (text, message) in signs_in(&file, &source) {
            match EXCEPTIONS.iter().position(|(place, sign, _)| *place == file && *sign == text) {
                Some(at) => is_used[at] = true,
                None => errors.push(message),
            }
        }
    }
    assert!(errors.is_empty(), "\n{}", errors.join("\n"));
    for (exception, is_used) in EXCEPTIONS.iter().zip(is_used) {
        assert!(is_used, "the exception {exception:?} is no longer needed");
    }
}

#[test]
fn private_copies_are_found() {
    let source = "fn cut(t: &str) -> String { t.chars()\n    .take(3).collect() }\n// fn plural(\nfn cut_off() {}\n\
                  fn n(n: u64) -> &'static str { if n == 1 { \"\" } else { \"s\" } }\n";
    let found: Vec<String> = signs_in("x.rs", source).into_iter().map(|(text, _)| text).collect();
    assert_eq!(found, ["fn cut(", ".chars().take(", "== 1 { \"\" } else { \"s\" }"]);
}
