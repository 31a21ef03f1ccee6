//! Texts made of untrusted input: its bound, and its quoting for a shell and for a URL.

use std::fmt::Write as _;

/// Longest piece of untrusted input in a title or a line of evidence, in characters: for
/// [`single_line`](kneepoint_model::text::single_line).
pub const MAX_QUOTED: usize = 120;

/// The text in single quotes, so that a POSIX shell reads it as one word and runs no part of it.
pub fn shell_quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A path joined to an origin; characters that a URL cannot contain are percent-encoded, so the result is ASCII.
pub fn join_url(base: &str, path: &str) -> String {
    let mut url = base.trim_end_matches('/').to_owned();
    if !path.starts_with('/') {
        url.push('/');
    }
    for byte in path.bytes() {
        match byte {
            b'!' | b'#'..=b';' | b'=' | b'?'..=b'Z' | b'_' | b'a'..=b'z' | b'~' => url.push(char::from(byte)),
            _ => write!(url, "%{byte:02X}").expect("writing to a string does not fail"),
        }
    }
    url
}

/// A count with one decimal unless it is a whole number.
pub fn count(value: f64) -> String {
    if (value - value.round()).abs() < 0.05 { format!("{value:.0}") } else { format!("{value:.1}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_hostile_path_stays_one_word() {
        let url = join_url("http://127.0.0.1:8000/", "/a'; rm -rf $HOME\n\u{1b}[31m?q=é");
        assert_eq!(url, "http://127.0.0.1:8000/a';%20rm%20-rf%20$HOME%0A%1B%5B31m?q=%C3%A9");
        assert_eq!(shell_quote("a'b"), r"'a'\''b'");
    }

    #[test]
    fn counts_read_well() {
        assert_eq!([count(24.0), count(24.02), count(2.5)], ["24", "24", "2.5"]);
    }

    proptest! {
        #[test]
        fn urls_are_printable_ascii(path in any::<String>()) {
            prop_assert!(join_url("http://h", &path).bytes().all(|b| b.is_ascii_graphic()));
        }
    }
}
