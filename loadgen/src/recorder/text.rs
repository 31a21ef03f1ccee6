//! Text of the site, which is untrusted input, as it is stored.

/// At most `longest` characters, without control characters.
pub(super) fn truncate(text: &str, longest: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(longest).collect()
}
