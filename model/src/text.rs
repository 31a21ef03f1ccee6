//! Text functions for untrusted input and for messages: the only home of cleaning, clipping and plural forms. Pure.
//!
//! Untrusted input is everything that a tested site, a program or a file of somebody else contains. Before it is stored or shown
//! it is *cleaned* (a control character may drive a terminal, a direction mark may reorder a line) and *clipped* (a text may be of
//! any size). The functions here can be combined: cleaning changes single characters and never adds one, so it does not matter
//! whether a text is cleaned or clipped first. Escaping for HTML, CSV or a shell is the task of each renderer.

use std::fmt::Display;

/// Appended to a text that was clipped, so that a reader knows that it goes on.
pub const ELLIPSIS: char = '…';

/// The first `max_chars` characters, without a sign that anything is missing.
pub fn clip(text: &str, max_chars: usize) -> &str {
    text.char_indices().nth(max_chars).map_or(text, |(end, _)| &text[..end])
}

/// The longest beginning of at most `max_bytes` bytes that ends at a character boundary.
pub fn clip_bytes(text: &str, max_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(max_bytes)]
}

/// The first `max_chars` characters, followed by [`ELLIPSIS`] when there are more.
pub fn ellipsize(text: &str, max_chars: usize) -> String {
    let mut clipped = clip(text, max_chars).to_owned();
    if clipped.len() < text.len() {
        clipped.push(ELLIPSIS);
    }
    clipped
}

/// The last `max_chars` characters, after an [`ELLIPSIS`] when there are more: for logs, whose end matters.
pub fn ellipsize_start(text: &str, max_chars: usize) -> String {
    let excess = text.chars().count().saturating_sub(max_chars);
    if excess == 0 {
        return text.to_owned();
    }
    std::iter::once(ELLIPSIS).chain(text.chars().skip(excess)).collect()
}

/// The text without control characters (line breaks and tabs are control characters too).
pub fn remove_controls(text: &str) -> String {
    text.replace(char::is_control, "")
}

/// The text with each control character replaced; with `' '` it becomes a single line that keeps its words apart.
pub fn replace_controls(text: &str, replacement: char) -> String {
    text.chars().map(|c| if c.is_control() { replacement } else { c }).collect()
}

/// Without control characters, and at most `max_chars` characters: [`remove_controls`] and [`clip`] in one pass.
pub fn clean(text: &str, max_chars: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(max_chars).collect()
}

/// On a single line, and at most `max_chars` characters before the [`ELLIPSIS`]: for a piece of untrusted input in a message.
pub fn single_line(text: &str, max_chars: usize) -> String {
    ellipsize(&replace_controls(text, ' '), max_chars)
}

/// With each run of white space replaced by one space, and none at both ends: for the output of programs, which is often indented.
pub fn collapse_whitespace(text: &str) -> String {
    let mut collapsed = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !collapsed.is_empty() {
            collapsed.push(' ');
        }
        collapsed.push_str(word);
    }
    collapsed
}

/// [`collapse_whitespace`] and [`ellipsize`]: for the message of a program or a library in a message of our own.
pub fn collapsed_line(text: &str, max_chars: usize) -> String {
    ellipsize(&collapse_whitespace(text), max_chars)
}

/// [`mark_deceptive`] and [`ellipsize`]: for untrusted input in a report. Line breaks stay.
pub fn sanitize(text: &str, max_chars: usize) -> String {
    mark_deceptive(&ellipsize(text, max_chars))
}

/// With U+FFFD in place of each deceptive character; see [`is_deceptive`]. Line breaks stay.
pub fn mark_deceptive(text: &str) -> String {
    text.chars().map(|c| if is_deceptive(c) { '\u{fffd}' } else { c }).collect()
}

/// Whether a character can make a reader see something else than what is there: a control character other than the line break,
/// a character of zero width, or a switch of the writing direction.
pub fn is_deceptive(c: char) -> bool {
    is_invisible(c) || (c.is_control() && c != '\n')
}

/// Whether a character has no width or switches the writing direction; control characters do not count.
pub const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Whether a character changes the writing direction of the text after it. Joiners and zero-width spaces, which some scripts
/// and emoji need, do not; [`is_invisible`] includes them.
pub const fn switches_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A number with a regular noun: `plural(1, "page")` is `1 page`, `plural(2, "page")` is `2 pages`.
pub fn plural<N: Copy + PartialEq + From<u8> + Display>(n: N, noun: &str) -> String {
    format!("{n} {noun}{}", plural_form(n, "", "s"))
}

/// The form that fits the number, for irregular nouns, verbs and pronouns: `plural_form(n, "query", "queries")`.
pub fn plural_form<'a, N: Copy + PartialEq + From<u8>>(n: N, one: &'a str, many: &'a str) -> &'a str {
    if n == N::from(1) { one } else { many }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn clipped_text_shows_where_something_is_missing() {
        assert_eq!((clip("aé€", 2), clip("aé€", 3), clip("", 3)), ("aé", "aé€", ""));
        assert_eq!((clip_bytes("aé€", 2), clip_bytes("aé€", 3), clip_bytes("aé€", 99)), ("a", "aé", "aé€"));
        assert_eq!((ellipsize("aé€", 2), ellipsize("aé€", 3)), ("aé…".to_owned(), "aé€".to_owned()));
        assert_eq!(
            (ellipsize_start("aé€", 2), ellipsize_start("aé€", 3)),
            ("…é€".to_owned(), "aé€".to_owned())
        );
        assert_eq!((ellipsize("ab", 0), ellipsize_start("ab", 0)), ("…".to_owned(), "…".to_owned()));
    }

    #[test]
    fn controls_are_removed_or_replaced_and_direction_marks_are_marked() {
        let hostile = "a\u{1b}[31m\tb\r\nc\u{202e}d\u{85}";
        assert_eq!(remove_controls(hostile), "a[31mbc\u{202e}d");
        assert_eq!(replace_controls(hostile, '·'), "a·[31m·b··c\u{202e}d·");
        assert_eq!(single_line(hostile, 9), "a [31m b …");
        assert_eq!(collapse_whitespace("  a \n\t b  "), "a b");
        assert_eq!(collapsed_line("  a \n\t b  ", 2), "a …");
        assert_eq!(sanitize("a\u{1b}\nb\u{202e}c", 4), "a\u{fffd}\nb…");
        assert_eq!(mark_deceptive(hostile), "a\u{fffd}[31m\u{fffd}b\u{fffd}\nc\u{fffd}d\u{fffd}");
    }

    #[test]
    fn a_joiner_is_invisible_but_keeps_the_direction() {
        let classes =
            ['a', '\u{200d}', '\u{202e}', '\u{2068}'].map(|c| (is_invisible(c), switches_direction(c)));
        assert_eq!(classes, [(false, false), (true, false), (true, true), (true, true)]);
    }

    #[test]
    fn only_one_is_singular() {
        assert_eq!([0_u64, 1, 2].map(|n| plural(n, "page")), ["0 pages", "1 page", "2 pages"]);
        assert_eq!([0_usize, 1, 2].map(|n| plural_form(n, "is", "are")), ["are", "is", "are"]);
    }

    proptest! {
        #[test]
        fn a_clipped_text_is_a_beginning_within_its_bound(text: String, max in 0usize..40) {
            let (chars, bytes) = (clip(&text, max), clip_bytes(&text, max));
            prop_assert!(text.starts_with(chars) && text.starts_with(bytes));
            prop_assert_eq!(chars.chars().count(), text.chars().count().min(max));
            prop_assert!(bytes.len() <= max && (bytes.len() == text.len() || bytes.len() + 4 > max));
        }

        #[test]
        fn an_ellipsis_stands_exactly_where_something_is_missing(text in "[a-zé€\n]{0,40}", max in 0usize..40) {
            let is_complete = text.chars().count() <= max;
            for clipped in [ellipsize(&text, max), ellipsize_start(&text, max)] {
                prop_assert_eq!(clipped == text, is_complete);
                prop_assert_eq!(clipped.contains(ELLIPSIS), !is_complete);
                prop_assert!(clipped.chars().count() <= max + 1);
            }
        }

        #[test]
        fn cleaned_text_has_no_control_and_keeps_everything_else(text: String, max in 0usize..40) {
            let rest: String = text.chars().filter(|c| !c.is_control()).collect();
            prop_assert_eq!(remove_controls(&text), rest.as_str());
            prop_assert_eq!(clean(&text, max), clip(&rest, max));
            prop_assert_eq!(replace_controls(&text, ' ').chars().count(), text.chars().count());
            prop_assert!(!single_line(&text, max).contains(char::is_control));
            prop_assert!(!mark_deceptive(&text).contains(is_deceptive));
        }

        #[test]
        fn the_order_of_replacing_and_clipping_does_not_matter(text: String, max in 0usize..40) {
            let (replaced, marked) = (replace_controls(&text, ' '), mark_deceptive(&text));
            prop_assert_eq!(replace_controls(clip(&text, max), ' '), clip(&replaced, max));
            prop_assert_eq!(mark_deceptive(clip(&text, max)), clip(&marked, max));
        }

        #[test]
        fn collapsing_keeps_the_words(text: String) {
            let collapsed = collapse_whitespace(&text);
            prop_assert!(collapsed.split_whitespace().eq(text.split_whitespace()));
            prop_assert_eq!(collapse_whitespace(&collapsed), collapsed);
        }
    }
}
