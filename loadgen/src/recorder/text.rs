//! Shortens text of the site, which is untrusted input, before it is stored.

/// At most `max_len` characters, without control characters.
pub(super) fn truncate(text: &str, max_len: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(max_len).collect()
}
