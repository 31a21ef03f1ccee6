//! Values of `kneepoint.toml` that are checked while they are read, so that every refusal has a line and a column.

use std::str::FromStr;

use kneepoint_ci::Assertion;
use kneepoint_ci::limit::Comparison;
use kneepoint_loadgen::PacingMode;
use kneepoint_model::crowd::AnyStage;
use kneepoint_model::guard::StopWhen;
use kneepoint_model::ladder::Promise;
use kneepoint_model::metric::{Metric, Unit};
use kneepoint_model::units::{Micros, Span};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::Url;

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

/// A stage of load, as it is written: `ramp 20/s to 80/s over 1m`, `hold 20 users for 30s`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct StageText(pub(crate) AnyStage);

impl<'de> Deserialize<'de> for StageText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

impl Serialize for StageText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// How the open model waits for the next arrival, as it is written: `auto`, `spin`, or a slack such as `200us`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct WakeText(pub(crate) PacingMode);

impl<'de> Deserialize<'de> for WakeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let slack = || text.parse().ok().filter(|Span(slack)| *slack <= PacingMode::MAX_WINDOW);
        match text.as_str() {
            "auto" => Ok(Self(PacingMode::Automatic)),
            "spin" => Ok(Self(PacingMode::Spinning)),
            _ => slack().map(|Span(slack)| Self(PacingMode::Batched(slack))).ok_or_else(|| {
                de::Error::custom(format!(
                    "`{text}` is no way to wait; write `auto`, `spin`, or a slack of at most 10ms, e.g. `200us`"
                ))
            }),
        }
    }
}

impl Serialize for WakeText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            PacingMode::Automatic => serializer.serialize_str("auto"),
            PacingMode::Spinning => serializer.serialize_str("spin"),
            PacingMode::Batched(slack) => serializer.collect_str(&Span(slack)),
        }
    }
}

/// A limit at which load is stopped, as it is written: `error > 50%`, `p95 > 5s`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct StopText(pub(crate) StopWhen);

impl<'de> Deserialize<'de> for StopText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

impl Serialize for StopText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// How arrivals of the open phase are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Spread {
    /// At even distances.
    Even,
    /// Independently of each other, as real visitors come.
    Poisson,
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

/// One response time that must be kept while the rate is raised, as written in `[ladder] slo`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PromiseText(pub(crate) Promise);

impl PromiseText {
    /// Reads an assertion about a response time; the error says what else was found, with an example.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let assertion = Assertion::parse(text).map_err(|e| e.to_string())?;
        let metric = assertion.metric();
        if metric == Metric::CpuPerRequest || metric.unit() != Unit::Time {
            return Err(format!(
                "`{text}` is not about a response time; write e.g. `p95 < 250ms` (failed requests break the promise anyway)"
            ));
        }
        let limit_us = Micros(assertion.limit().base().round() as u64);
        if limit_us == Micros::ZERO {
            return Err(format!("`{text}` can never be kept; write e.g. `p95 < 250ms`"));
        }
        let inclusive = assertion.comparison() == Comparison::AtMost;
        Ok(Self(Promise { metric, limit_us, inclusive }))
    }
}

impl<'de> Deserialize<'de> for PromiseText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl Serialize for PromiseText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Where metrics are sent while load runs: the address of a collector of OpenTelemetry metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OtlpUrl(pub(crate) Url);

impl FromStr for OtlpUrl {
    type Err = String;

    /// Reads an address; the error says what is wrong with it, with an example.
    fn from_str(text: &str) -> Result<Self, String> {
        let url = text.parse().map_err(|error| {
            // What cannot be read may hold a password.
            format!("not an address ({error}); write e.g. http://127.0.0.1:4318")
        })?;
        crate::otlp::endpoint(&url).map(Self)
    }
}

impl<'de> Deserialize<'de> for OtlpUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for OtlpUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_about_a_response_time() {
        let read = PromiseText::parse("p95 < 250 ms").expect("valid").0;
        assert_eq!((read.metric, read.limit_us, read.inclusive), (Metric::P95, Micros(250_000), false));
        assert!(PromiseText::parse("ttfb_p95 <= 1s").expect("valid").0.inclusive);
        for bad in ["rps > 50/s", "error < 1%", "cpu_per_request < 5ms", "p95 > 3ms", "p95 < 0ms", "fast"] {
            let refused = PromiseText::parse(bad).expect_err(bad);
            assert!(refused.contains('`'), "{refused}");
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
