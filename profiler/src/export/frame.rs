//! Names of frames. They come from the site's own code and are hostile text: bounded, one line, and unable to be taken
//! for the marks of the folded form (`;` between frames, a number after the last space, `#` for a remark).

/// Longest name kept, in characters.
const MAX_FRAME: usize = 240;
/// Most frames kept of one stack; a recursion beyond it is cut at the leaf's side.
const MAX_DEPTH: usize = 512;

/// Makes a name fit for the folded form; an empty one becomes `[unknown]`.
pub fn clean(name: &str) -> String {
    let mut out = String::with_capacity(name.len().min(MAX_FRAME));
    for c in name.trim().chars().take(MAX_FRAME) {
        out.push(match c {
            ';' => ',',
            c if c.is_control() || is_unfit_for_xml(c) => ' ',
            c => c,
        });
    }
    let mut out = out.trim().to_owned();
    if out.starts_with('#') {
        // The mark may not make the longest name longer.
        let marked: String = std::iter::once('_').chain(out.chars()).take(MAX_FRAME).collect();
        marked.trim_end().clone_into(&mut out);
    }
    // `name 12` would read as a name and a weight.
    if let Some(space) = out.rfind(' ')
        && out[space + 1..].bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        out.replace_range(space..=space, "_");
    }
    if out.is_empty() { "[unknown]".to_owned() } else { out }
}

/// Characters that XML 1.0 has no way to hold, and those that turn the reading direction.
fn is_unfit_for_xml(c: char) -> bool {
    matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Joins clean frames, root first.
pub fn join<'a>(root_first: impl IntoIterator<Item = &'a str>) -> String {
    let mut stack = String::new();
    for (depth, name) in root_first.into_iter().take(MAX_DEPTH).enumerate() {
        if depth > 0 {
            stack.push(';');
        }
        stack.push_str(&clean(name));
    }
    if stack.is_empty() { "[unknown]".to_owned() } else { stack }
}

/// `view (books/views.py:42)` without its line: `view (books/views.py)`.
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
    fn marks_of_the_form_are_taken_away() {
        assert_eq!(clean("a;b\nc"), "a,b c");
        assert_eq!(clean("weight 12"), "weight_12");
        assert_eq!(clean("# remark"), "_# remark");
        assert_eq!(clean(&"#".repeat(300)).chars().count(), MAX_FRAME);
        assert_eq!(clean(" \t"), "[unknown]");
        assert_eq!(clean("core::slice::<[u8; 8]>"), "core::slice::<[u8, 8]>");
    }

    #[test]
    fn lines_are_left_out_of_functions_only() {
        assert_eq!(without_line("view (books/views.py:42)"), "view (books/views.py)");
        assert_eq!(without_line("std::thread::spawn"), "std::thread::spawn");
        assert_eq!(without_line("f(a:1)"), "f(a:1)");
    }

    proptest! {
        #[test]
        fn cleaning_twice_is_cleaning_once_and_survives_the_form(name in "\\PC{0,300}") {
            let once = clean(&name);
            prop_assert_eq!(clean(&once), once.clone());
            let line = format!("root;{once} 7");
            let (stack, weight) = line.rsplit_once(' ').unwrap();
            prop_assert_eq!(weight, "7");
            prop_assert_eq!(stack.split(';').nth(1).unwrap(), once);
        }
    }
}
