//! Masks quoted strings and drops comments, in statements and in plans.

/// Replaces quoted strings by `'…'` and hexadecimal literals by `0x…`, and drops comments. Names in backticks and
/// numbers stay, because a sample is useless without them. An unterminated string is masked to the end.
pub(crate) fn mask_literals(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let (length, shown) = next_piece(rest, first, before);
        masked.push_str(shown);
        before = rest[..length].chars().next_back().unwrap_or(' ');
        rest = &rest[length..];
    }
    masked.trim().to_owned()
}

/// Length of the next piece in bytes, and what is shown of it.
fn next_piece(rest: &str, first: char, before: char) -> (usize, &str) {
    let one = first.len_utf8();
    match first {
        '\'' | '"' => (quoted_length(rest, first), "'…'"),
        '`' => {
            let end = quoted_length(rest, first);
            (end, &rest[..end])
        }
        '/' if rest.starts_with("/*") => (rest.find("*/").map_or(rest.len(), |end| end + 2), ""),
        '-' if is_line_comment(rest) => (rest.find('\n').unwrap_or(rest.len()), ""),
        '#' => (rest.find('\n').unwrap_or(rest.len()), ""),
        '0' if !is_word(before) && rest[1..].starts_with(['x', 'X']) => {
            (2 + rest[2..].bytes().take_while(u8::is_ascii_hexdigit).count(), "0x…")
        }
        _ => (one, &rest[..one]),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// `--` begins a comment when a blank or the end follows.
fn is_line_comment(rest: &str) -> bool {
    rest.strip_prefix("--").is_some_and(|after| after.chars().next().is_none_or(char::is_whitespace))
}

/// Length in bytes of the quoted piece that begins here: a doubled quote is a quote, and in strings a backslash
/// escapes.
fn quoted_length(rest: &str, quote: char) -> usize {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && quote != '`' {
            chars.next();
        } else if c == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => {
                    chars.next();
                }
                _ => return at + 1,
            }
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn strings_go_and_names_and_numbers_stay() {
        let cases = [
            (
                "SELECT `a'b` FROM t WHERE k = 'it''s \\' x' AND n = 42",
                "SELECT `a'b` FROM t WHERE k = '…' AND n = 42",
            ),
            ("WHERE k = \"secret\" LIMIT 1 /* route='x' */", "WHERE k = '…' LIMIT 1"),
            ("k = 0xDEADbeef AND a0x1 = 3 - -2", "k = 0x… AND a0x1 = 3 - -2"),
            ("k = 'cut off", "k = '…'"),
            ("SELECT 1 -- secret\n+ 2 # more", "SELECT 1 \n+ 2"),
            ("SELECT 'ö' /* open", "SELECT '…'"),
        ];
        for (text, expected) in cases {
            assert_eq!(mask_literals(text), expected);
        }
    }

    proptest! {
        #[test]
        fn no_string_gets_through(before in "[a-z =(]{0,9}", secret in "[^'\\\\]{1,20}", after in "[a-z )=]{0,9}") {
            let masked = mask_literals(&format!("{before}'{secret}S3CRET'{after}"));
            prop_assert!(!masked.contains("S3CRET"));
        }

        #[test]
        fn whatever_the_text_no_quote_is_left_that_is_not_masked(text in "[^`]{0,60}") {
            let masked = mask_literals(&text).replace("'…'", "");
            prop_assert!(!masked.contains(['\'', '"']), "{masked}");
        }

        #[test]
        fn any_text_is_survived(text in ".{0,60}") {
            mask_literals(&text);
        }
    }
}
