//! Values of `kneepoint.toml` that are checked while they are read, so that every refusal has a line and a column.

use std::time::Duration;

use kneepoint_ci::Assertion;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time: `500ms`, `20s`, `2m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl Span {
    fn parse(text: &str) -> Option<Self> {
        let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = text[..unit_at].parse().ok()?;
        let seconds = match text[unit_at..].trim() {
            "ms" => number / 1000.0,
            "s" => number,
            "m" | "min" => number * 60.0,
            _ => return None,
        };
        Duration::try_from_secs_f64(seconds).ok().filter(|d| *d <= Duration::from_hours(24)).map(Self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::custom(format!("`{text}` is not a length of time; write `500ms`, `20s` or `2m`"))
        })
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}s", self.0.as_secs_f64()))
    }
}

/// The open phase's rate: `auto`, or journeys per second such as `50/s`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rate {
    /// From what the closed phase reached.
    Auto,
    /// Journeys per second.
    PerSecond(f64),
}

impl Rate {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "auto" {
            return Some(Self::Auto);
        }
        let number: f64 = text.strip_suffix("/s").unwrap_or(text).trim().parse().ok()?;
        (number > 0.0 && number <= 1_000_000.0).then_some(Self::PerSecond(number))
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| de::Error::custom(format!("`{text}` is not a rate; write `auto` or `50/s`")))
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::PerSecond(rate) => serializer.serialize_str(&format!("{rate}/s")),
        }
    }
}

/// A whole number from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct AtLeastOne(pub(crate) u32);

impl<'de> Deserialize<'de> for AtLeastOne {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            0 => Err(de::Error::custom("must be at least 1")),
            number => Ok(Self(number)),
        }
    }
}

/// A port that needs no rights and stays out of the ephemeral range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Port(pub(crate) u16);

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u16::deserialize(deserializer)? {
            port @ 1024..=32_000 => Ok(Self(port)),
            port => Err(de::Error::custom(format!(
                "port {port} is not between 1024 and 32000 (ports from 32768 on collide with outgoing connections)"
            ))),
        }
    }
}

/// One assertion, as written and as understood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AssertionText(pub(crate) Assertion);

impl<'de> Deserialize<'de> for AssertionText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Assertion::parse(&text).map(Self).map_err(de::Error::custom)
    }
}

impl Serialize for AssertionText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_need_a_unit() {
        assert_eq!(Span::parse("500ms"), Some(Span(Duration::from_millis(500))));
        assert_eq!(Span::parse("1.5s"), Some(Span(Duration::from_millis(1500))));
        assert_eq!(Span::parse("2m"), Some(Span(Duration::from_mins(2))));
        for bad in ["", "20", "s", "-1s", "1h30", "1e99s", "20 sec"] {
            assert_eq!(Span::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn rates_are_positive() {
        assert_eq!(Rate::parse("auto"), Some(Rate::Auto));
        assert_eq!(Rate::parse("50/s"), Some(Rate::PerSecond(50.0)));
        for bad in ["0/s", "-1/s", "fast", "NaN"] {
            assert_eq!(Rate::parse(bad), None, "{bad}");
        }
    }
}
