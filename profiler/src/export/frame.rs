//! Frame names. They come from the site's code and are untrusted input: bounded, one line, and without the marks of
//! the folded format (`;` between frames, a number after the last space, `#` for a comment).

/// Longest name, in characters.
const MAX_FRAME: usize = 240;
/// Most frames of one stack; a deeper recursion is cut at the leaf side.
const MAX_DEPTH: usize = 512;

/// Makes a name valid for the folded format; an empty one becomes `[unknown]`.
pub fn sanitize(name: &str) -> String {
    let mut out = String::with_capacity(name.len().min(MAX_FRAME));
    for c in name.trim().chars().take(MAX_FRAME) {
        out.push(match c {
            ';' => ',',
            c if c.is_control() || is_invalid_in_xml(c) => ' ',
            c => c,
        });
    }
    let mut out = out.trim().to_owned();
    if out.starts_with('#') {
        // The added mark must not exceed the longest name.
        let marked: String = std::iter::once('_').chain(out.chars()).take(MAX_FRAME).collect();
        marked.trim_end().clone_into(&mut out);
    }
    // `name 12` would parse as a name and a weight.
    if let Some(space) = out.rfind(' ')
        && out[space + 1..].bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        out.replace_range(space..=space, "_");
    }
    if out.is_empty() { "[unknown]".to_owned() } else { out }
}

/// Characters that XML 1.0 cannot represent, and those that change the reading direction.
fn is_invalid_in_xml(c: char) -> bool {
    matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Sanitizes and joins frames, root first.
pub fn join<'a>(root_first: impl IntoIterator<Item = &'a str>) -> String {
    let mut stack = String::new();
    for (depth, name) in root_first.into_iter().take(MAX_DEPTH).enumerate() {
        if depth > 0 {
            stack.push(';');
        }
        stack.push_str(&sanitize(name));
    }
    if stack.is_empty() { "[unknown]".to_owned() } else { stack }
}

/// Drops the line: `view (books/views.py:42)` becomes `view (books/views.py)`.
pub fn without_line(name: &str) -> String {
    let Some((before, digits)) = name.strip_suffix(')').and_then(|rest| rest.rsplit_once(':')) else {
        return name.to_owned();
    };
    let is_line =
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) && before.contains(" (");
    if is_line { format!("{before})") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_of_the_format_are_removed() {
        assert_eq!(sanitize("a;b\nc"), "a,b c");
        assert_eq!(sanitize("weight 12"), "weight_12");
        assert_eq!(sanitize("# remark"), "_# remark");
        assert_eq!(sanitize(&"#".repeat(300)).chars().count(), MAX_FRAME);
        assert_eq!(sanitize(" \t"), "[unknown]");
        assert_eq!(sanitize("core::slice::<[u8; 8]>"), "core::slice::<[u8, 8]>");
    }

    #[test]
    fn lines_are_dropped_from_functions_only() {
        assert_eq!(without_line("view (books/views.py:42)"), "view (books/views.py)");
        assert_eq!(without_line("std::thread::spawn"), "std::thread::spawn");
        assert_eq!(without_line("f(a:1)"), "f(a:1)");
    }

    proptest! {
        #[test]
        fn sanitizing_is_idempotent_and_survives_the_format(name in "\\PC{0,300}") {
            let once = sanitize(&name);
            prop_assert_eq!(sanitize(&once), once.clone());
            let line = format!("root;{once} 7");
            let (stack, weight) = line.rsplit_once(' ').unwrap();
            prop_assert_eq!(weight, "7");
            prop_assert_eq!(stack.split(';').nth(1).unwrap(), once);
        }
    }
}
