//! Finds a number by its name, in the three layouts that `/proc` uses.

/// Number after `key` in lines such as `Name:   123 kB` or `name 123`; the key must match exactly.
pub(super) fn value_after_key(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix(key)?;
        let rest = rest.strip_prefix(':').unwrap_or(rest);
        if !rest.starts_with([' ', '\t']) {
            return None;
        }
        rest.split_ascii_whitespace().next()?.parse().ok()
    })
}

/// Like [`value_after_key`], for a value in kibibytes; returns bytes.
pub(super) fn bytes_after_key(text: &str, key: &str) -> Option<u64> {
    value_after_key(text, key)?.checked_mul(1024)
}

/// Value under `name` in two lines `Group: names…` and `Group: values…`.
pub(super) fn value_under_heading(text: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(group)?.strip_prefix(':'));
    let (names, values) = (lines.next()?, lines.next()?);
    let column = names.split_ascii_whitespace().position(|word| word == name)?;
    values.split_ascii_whitespace().nth(column)?.parse().ok()
}

/// Number at position `index` of a line, counted from zero.
pub(super) fn nth_number(line: &str, index: usize) -> Option<u64> {
    line.split_ascii_whitespace().nth(index)?.parse().ok()
}
