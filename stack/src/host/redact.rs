//! Redacts secrets in text of other programs (logs, output of pip), and bounds its length. Pure.
//!
//! It replaces passwords in URLs (`://user:word@`) and values after names such as `password`, `sessionid` or `Authorization`
//! by `***`. It rather redacts too much: an error message is for finding a fault, not for replay. The secret names are in
//! `kneepoint_model::secret`.

use kneepoint_model::secret::{extends_to_line_end, is_secret};
use kneepoint_model::text::ellipsize_start;

/// The last `lines` lines of `text`, at most `chars` characters, secrets redacted.
pub(crate) fn redact_tail(text: &str, lines: usize, chars: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    let last = &all[all.len().saturating_sub(lines)..];
    let redacted = last.iter().map(|line| redact_line(line)).collect::<Vec<_>>().join("\n");
    ellipsize_start(&redacted, chars)
}

/// One line, secrets redacted and control characters replaced.
pub(crate) fn redact_line(line: &str) -> String {
    let shown = line.replace(|c: char| c.is_control() && c != '\t', "·");
    redact_values(&redact_urls(&shown))
}

/// `://user:word@host` becomes `://***@host`.
fn redact_urls(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "/?#\"'<>".contains(c)).unwrap_or(after.len());
        match after[..end].rfind('@') {
            Some(at) => {
                out.push_str("***");
                rest = &after[at..];
            }
            None => rest = after,
        }
    }
    out.push_str(rest);
    out
}

/// `password=word` becomes `password=***`; the same for `"token": "word"` and `Cookie: everything`.
fn redact_values(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut from = 0;
    while let Some((value, whole_line)) = next_value(line, from) {
        out.push_str(&line[from..value]);
        out.push_str("***");
        if whole_line {
            return out;
        }
        let end = line[value..].find(|c: char| c.is_whitespace() || ",;&\"')}]".contains(c));
        from = end.map_or(line.len(), |end| value + end);
    }
    out.push_str(&line[from..]);
    out
}

/// Where the next secret value begins, and whether it extends to the end of the line.
fn next_value(line: &str, from: usize) -> Option<(usize, bool)> {
    line[from..].match_indices(['=', ':']).find_map(|(at, sign)| {
        let name = name_before(&line[from..from + at]);
        let after = from + at + sign.len();
        let value = line[after..].trim_start_matches(BETWEEN);
        let found = is_secret(name) && !value.is_empty();
        found.then(|| (line.len() - value.len(), extends_to_line_end(name)))
    })
}

/// Characters that may be between a name, the sign and the value.
const BETWEEN: [char; 3] = ['"', '\'', ' '];

/// The word at the end of a text, quoted or not.
fn name_before(text: &str) -> &str {
    let text = text.trim_end_matches(BETWEEN);
    let is_part = |c: &char| c.is_alphanumeric() || *c == '_' || *c == '-';
    let length: usize = text.chars().rev().take_while(is_part).map(char::len_utf8).sum();
    &text[text.len() - length..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_of_secret_names_are_redacted() {
        for (line, redacted) in [
            ("GET /?password=hunter2&page=3", "GET /?password=***&page=3"),
            (r#"{"token": "abc", "id": 7}"#, r#"{"token": "***", "id": 7}"#),
            ("Cookie: sessionid=abc; csrftoken=def", "Cookie: ***"),
            ("authorization: Basic dXNlcjpw", "authorization: ***"),
            ("KP_DB_PASSWORD=x y", "KP_DB_PASSWORD=*** y"),
            ("mysql://root:hunter2@127.0.0.1/db and more", "mysql://***@127.0.0.1/db and more"),
            ("http://a:b@c/ then http://d:e@f/", "http://***@c/ then http://***@f/"),
            ("nothing to hide: a password is needed", "nothing to hide: a password is needed"),
            ("KP_SESSIONS=cache KP_SECRET_KEY = 'x y'", "KP_SESSIONS=cache KP_SECRET_KEY = '*** y'"),
            ("été: token=", "été: token="),
        ] {
            assert_eq!(redact_line(line), redacted);
        }
    }

    #[test]
    fn tails_are_bounded_and_whole_lines() {
        assert_eq!(redact_tail("a\nb\nc\n", 2, 100), "b\nc");
        assert_eq!(redact_tail("abcdef", 9, 3), "…def");
        assert_eq!(redact_tail("", 9, 3), "");
    }

    proptest! {
        #[test]
        fn a_secret_never_survives(before in "[a-z ]{0,10}", secret in "[A-Z0-9]{6,20}", sign in "(=|: |=\"|\": \")") {
            let line = format!("{before}password{sign}{secret} after");
            prop_assert!(!redact_line(&line).contains(&secret));
        }

        #[test]
        fn never_panics(text in "\\PC{0,120}") {
            let _ = redact_tail(&text, 3, 50);
        }
    }
}
