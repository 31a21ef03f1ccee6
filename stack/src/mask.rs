//! Strikes out what looks secret in text that others wrote (logs, pip's complaints), and bounds it. Pure.
//!
//! What is struck out: passwords in URLs (`://user:word@`), values after names such as `password`, `sessionid` or
//! `Authorization`. It errs towards striking out too much: an error message is for finding the fault, not for replay.

/// Names whose value is secret, in lower case; a name counts when it ends in one of these.
const NAMES: [&str; 12] = [
    "password",
    "passwd",
    "secret",
    "secret_key",
    "token",
    "api_key",
    "apikey",
    "sessionid",
    "csrftoken",
    "authorization",
    "cookie",
    "dsn",
];

/// Whether a variable of this name may hold a secret, and must not be shown or stored.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    NAMES.iter().any(|secret| name.ends_with(secret)) || name.ends_with("_key")
}

/// The last `lines` lines of `text`, at most `chars` characters, secrets struck out.
pub(crate) fn tail(text: &str, lines: usize, chars: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    let last = &all[all.len().saturating_sub(lines)..];
    let masked = last.iter().map(|line| mask_line(line)).collect::<Vec<_>>().join("\n");
    let excess = masked.chars().count().saturating_sub(chars);
    if excess == 0 { masked } else { format!("…{}", masked.chars().skip(excess).collect::<String>()) }
}

/// One line with its secrets struck out and its control characters made harmless.
pub(crate) fn mask_line(line: &str) -> String {
    let shown: String = line.chars().map(|c| if c.is_control() && c != '\t' { '·' } else { c }).collect();
    mask_values(&mask_urls(&shown))
}

/// `://user:word@host` becomes `://***@host`.
fn mask_urls(line: &str) -> String {
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

/// `password=word`, `"token": "word"`, `Cookie: everything` lose their values.
fn mask_values(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let mut out = String::with_capacity(line.len());
    let mut from = 0;
    while let Some((value, whole_line)) = next_value(&lower, from) {
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

/// Where the next secret value begins, and whether it goes on to the end of the line. ASCII lower-casing keeps byte
/// positions, so they hold for the original too.
fn next_value(lower: &str, from: usize) -> Option<(usize, bool)> {
    let mut best: Option<(usize, bool)> = None;
    for name in NAMES {
        let mut at = from;
        while let Some(found) = lower.get(at..).and_then(|rest| rest.find(name)) {
            let end = at + found + name.len();
            at = end;
            if let Some(value) = value_after(&lower[end..]) {
                let whole_line = matches!(name, "authorization" | "cookie");
                if best.is_none_or(|(known, _)| end + value < known) {
                    best = Some((end + value, whole_line));
                }
                break;
            }
        }
    }
    best
}

/// The offset of a value that follows its name: quotes and blanks around one `=` or `:` are passed over.
fn value_after(text: &str) -> Option<usize> {
    let after_name = text.trim_start_matches(['"', '\'', ' ']);
    let after_sign = after_name.strip_prefix(['=', ':'])?;
    let value = after_sign.trim_start_matches(['"', '\'', ' ']);
    (!value.is_empty()).then(|| text.len() - value.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_of_secret_names_are_struck_out() {
        for (line, masked) in [
            ("GET /?password=hunter2&page=3", "GET /?password=***&page=3"),
            (r#"{"token": "abc", "id": 7}"#, r#"{"token": "***", "id": 7}"#),
            ("Cookie: sessionid=abc; csrftoken=def", "Cookie: ***"),
            ("authorization: Basic dXNlcjpw", "authorization: ***"),
            ("KP_DB_PASSWORD=x y", "KP_DB_PASSWORD=*** y"),
            ("mysql://root:hunter2@127.0.0.1/db and more", "mysql://***@127.0.0.1/db and more"),
            ("http://a:b@c/ then http://d:e@f/", "http://***@c/ then http://***@f/"),
            ("nothing to hide: a password is needed", "nothing to hide: a password is needed"),
        ] {
            assert_eq!(mask_line(line), masked);
        }
    }

    #[test]
    fn tails_are_bounded_and_whole_lines() {
        assert_eq!(tail("a\nb\nc\n", 2, 100), "b\nc");
        assert_eq!(tail("abcdef", 9, 3), "…def");
        assert_eq!(tail("", 9, 3), "");
    }

    #[test]
    fn names_of_variables() {
        assert!(
            is_secret_name("KP_SECRET_KEY") && is_secret_name("KP_DB_PASSWORD") && is_secret_name("X_TOKEN")
        );
        assert!(!is_secret_name("KP_FAULTS") && !is_secret_name("KP_PAGE_SIZE"));
    }

    proptest! {
        #[test]
        fn a_secret_never_survives(before in "[a-z ]{0,10}", secret in "[A-Z0-9]{6,20}", sign in "(=|: |=\"|\": \")") {
            let line = format!("{before}password{sign}{secret} after");
            prop_assert!(!mask_line(&line).contains(&secret));
        }

        #[test]
        fn never_panics(text in "\\PC{0,120}") {
            let _ = tail(&text, 3, 50);
        }
    }
}
