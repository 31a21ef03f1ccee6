//! A length of time as people write it: `500ms`, `20s`, `2m`, `1.5h`. The only parser for it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest accepted length of time.
const MAX_LENGTH: Duration = Duration::from_hours(24);

/// A length of time, 0 to 24 hours. Written as a number (fractions too) and `us`, `ms`, `s`, `m` (or `min`) or `h`, with or
/// without a blank between them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A text that is no length of time, with valid examples.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a length of time of at most 24 hours; write `500ms`, `20s`, `2m` or `1.5h`")]
pub struct SpanError(String);

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        parse(text).map(Self).ok_or_else(|| SpanError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.')?);
    let number: f64 = number.parse().ok()?;
    let seconds = match unit.trim() {
        "us" | "µs" => number / 1_000_000.0,
        "ms" => number / 1_000.0,
        "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3_600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok().filter(|length| *length <= MAX_LENGTH)
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0.as_secs_f64())
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_unit_is_parsed_and_a_bare_number_is_refused() {
        for (text, ms) in [
            ("250000us", 250),
            ("500ms", 500),
            ("0s", 0),
            ("1.5s", 1_500),
            ("250 ms", 250),
            ("2m", 120_000),
            ("2min", 120_000),
            ("1.5h", 5_400_000),
            ("24h", 86_400_000),
        ] {
            assert_eq!(text.parse(), Ok(Span(Duration::from_millis(ms))), "{text}");
        }
        for bad in [
            "",
            "20",
            "s",
            "-1s",
            "1h30",
            "1e99s",
            "20 sec",
            "20 parsecs",
            ".",
            "1.2.3s",
            "NaNs",
            "25h",
            " 5s",
        ] {
            let message = bad.parse::<Span>().expect_err(bad).to_string();
            assert!(message.contains(&format!("`{bad}`")) && message.contains("`500ms`"), "{message}");
        }
    }

    proptest! {
        #[test]
        fn displayed_spans_are_parsed_again(ms in 0u64..=86_400_000) {
            let span = Span(Duration::from_millis(ms));
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }

        #[test]
        fn any_text_is_a_length_or_an_error(text: String) {
            let _ = text.parse::<Span>();
        }
    }
}
