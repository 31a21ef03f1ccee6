//! Finding a number beside its name, in the three layouts that `/proc` uses.

/// `Name:   123 kB` or `name 123`: the number after the line that starts with exactly `key`.
pub(super) fn after_key(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix(key)?;
        let rest = rest.strip_prefix(':').unwrap_or(rest);
        if !rest.starts_with([' ', '\t']) {
            return None;
        }
        rest.split_ascii_whitespace().next()?.parse().ok()
    })
}

/// As [`after_key`], for a value in kibibytes.
pub(super) fn kib_after_key(text: &str, key: &str) -> Option<u64> {
    after_key(text, key)?.checked_mul(1024)
}

/// Two lines `Group: names…` and `Group: values…`: the value under `name`.
pub(super) fn under_heading(text: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(group)?.strip_prefix(':'));
    let (names, values) = (lines.next()?, lines.next()?);
    let column = names.split_ascii_whitespace().position(|word| word == name)?;
    values.split_ascii_whitespace().nth(column)?.parse().ok()
}

/// The numbered word of a line, counted from zero.
pub(super) fn word(line: &str, index: usize) -> Option<u64> {
    line.split_ascii_whitespace().nth(index)?.parse().ok()
}
