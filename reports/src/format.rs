//! Number formatting, and the bounds of untrusted text that enters a report.

use kneepoint_model::text::plural_form;
use kneepoint_model::units::Micros;

/// Maximum length, in characters, of one untrusted text in a report: for [`sanitize`](kneepoint_model::text::sanitize). Each
/// renderer escapes for its own format.
pub(crate) const MAX_TEXT: usize = 2_000;

/// An HTML id: ASCII letters, digits, `-` and `_`, never empty.
pub(crate) fn slug(text: &str) -> String {
    let slug: String = text
        .chars()
        .take(80)
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' })
        .collect();
    if slug.is_empty() { "x".to_owned() } else { slug }
}

/// The path if it is safe as a link target: relative, inside the run folder, plain characters only.
pub(crate) fn safe_path(path: &str) -> Option<String> {
    let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
    (plain && !path.is_empty() && !path.starts_with('/') && !path.contains("..") && path.len() <= 200)
        .then(|| path.to_owned())
}

/// A count with thousands separators.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number with at most `places` decimals, trailing zeros removed.
pub(crate) fn number(value: f64, places: usize) -> String {
    if !value.is_finite() {
        return "not a number".to_owned();
    }
    let text = format!("{value:.places$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A duration given in microseconds.
pub(crate) fn micros(us: f64) -> String {
    Micros(us.max(0.0).round() as u64).to_string()
}

/// A duration given in milliseconds.
pub(crate) fn millis(ms: f64) -> String {
    micros(ms * 1_000.0)
}

/// The duration of a stage or a phase, given in seconds.
pub(crate) fn seconds(s: f64) -> String {
    match s {
        s if s < 10.0 => format!("{s:.2} s"),
        s if s < 120.0 => format!("{s:.1} s"),
        s => format!("{} min {:.0} s", (s / 60.0).floor(), s % 60.0),
    }
}

/// A count with thousands separators and its noun: `1 page`, `2,000 pages`.
pub(crate) fn count_with_noun(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), plural_form(n, one, many))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_separators_and_units() {
        assert_eq!(
            ["0", "999", "1,000", "1,234,567"].map(str::to_owned),
            [0, 999, 1_000, 1_234_567].map(count)
        );
        assert_eq!(
            (number(1.50, 2), number(100.0, 2), number(-0.001, 1)),
            ("1.5".into(), "100".into(), "0".into())
        );
        assert_eq!(
            (seconds(3.0), seconds(90.0), seconds(130.0)),
            ("3.00 s".into(), "90.0 s".into(), "2 min 10 s".into())
        );
    }

    #[test]
    fn only_plain_relative_paths_become_links() {
        assert_eq!(safe_path("profiles/server-running.svg").as_deref(), Some("profiles/server-running.svg"));
        for bad in ["", "/etc/passwd", "../x", "javascript:alert(1)", "a b", "//host/x", "a\"b", "https://x/"]
        {
            assert_eq!(safe_path(bad), None, "{bad}");
        }
        assert_eq!(slug("GET /a?b=\"<"), "GET--a-b---");
    }
}
