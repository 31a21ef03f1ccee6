//! Values of `kneepoint.toml` that are validated while they are read, so that every error has a line and a column.

use std::str::FromStr;

use kneepoint_ci::Assertion;
use kneepoint_ci::limit::Operator;
use kneepoint_loadgen::PacingMode;
use kneepoint_model::ladder::LatencySlo;
use kneepoint_model::load_segment::LoadSegment;
use kneepoint_model::metric::{Metric, Unit};
use kneepoint_model::stop_condition::StopCondition;
use kneepoint_model::units::{Micros, Span};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::Url;

/// The open phase's rate: `auto`, or journeys per second such as `50/s`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rate {
    /// A share of the throughput of the closed phase.
    Auto,
    /// Journeys per second, above 0.
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

/// A segment of load, as it is written: `ramp 20/s to 80/s over 1m`, `hold 20 users for 30s`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SegmentText(pub(crate) LoadSegment);

impl<'de> Deserialize<'de> for SegmentText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

impl Serialize for SegmentText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Pacing of the open model, as it is written: `auto`, `spin`, or a batching window such as `200us`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PacingText(pub(crate) PacingMode);

impl<'de> Deserialize<'de> for PacingText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let window = || text.parse().ok().filter(|Span(window)| *window <= PacingMode::MAX_WINDOW);
        match text.as_str() {
            "auto" => Ok(Self(PacingMode::Automatic)),
            "spin" => Ok(Self(PacingMode::Spinning)),
            _ => window().map(|Span(window)| Self(PacingMode::Batched(window))).ok_or_else(|| {
                de::Error::custom(format!(
                    "`{text}` is not a pacing mode; write `auto`, `spin`, or a batching window of at most 10ms, e.g. `200us`"
                ))
            }),
        }
    }
}

impl Serialize for PacingText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            PacingMode::Automatic => serializer.serialize_str("auto"),
            PacingMode::Spinning => serializer.serialize_str("spin"),
            PacingMode::Batched(window) => serializer.collect_str(&Span(window)),
        }
    }
}

/// A limit at which load stops, as it is written: `error > 50%`, `p95 > 5s`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct StopLimitText(pub(crate) StopCondition);

impl<'de> Deserialize<'de> for StopLimitText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

impl Serialize for StopLimitText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Distribution of the arrivals of the open phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ArrivalSpread {
    /// At equal distances.
    Even,
    /// Independent of each other, like arrivals of real users.
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

/// A port that needs no privileges and is below the ephemeral range.
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

/// One assertion of `[slo]`.
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

/// The response-time objective of `[ladder] slo`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ObjectiveText(pub(crate) LatencySlo);

impl ObjectiveText {
    /// Parses an assertion about a response time; the error has a valid example.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let assertion = Assertion::parse(text).map_err(|e| e.to_string())?;
        let metric = assertion.metric();
        if metric == Metric::CpuPerRequest || metric.unit() != Unit::Time {
            return Err(format!(
                "`{text}` is not about a response time; write e.g. `p95 < 250ms` (failed requests violate the objective anyway)"
            ));
        }
        let limit_us = Micros(assertion.limit().in_base_unit().round() as u64);
        if limit_us == Micros::ZERO {
            return Err(format!("`{text}` can never be met; write e.g. `p95 < 250ms`"));
        }
        let inclusive = assertion.operator() == Operator::AtMost;
        Ok(Self(LatencySlo { metric, limit_us, inclusive }))
    }
}

impl<'de> Deserialize<'de> for ObjectiveText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl Serialize for ObjectiveText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Address of a collector of OpenTelemetry metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OtlpUrl(pub(crate) Url);

impl FromStr for OtlpUrl {
    type Err = String;

    /// Parses the address; the error has a valid example and never repeats the text.
    fn from_str(text: &str) -> Result<Self, String> {
        let url = text.parse().map_err(|error| {
            // Text that is not a URL may contain a password.
            format!("not an address ({error}); write e.g. http://127.0.0.1:4318")
        })?;
        kneepoint_live::metrics_endpoint(&url).map(Self)
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
    fn an_objective_is_about_a_response_time() {
        let read = ObjectiveText::parse("p95 < 250 ms").expect("valid").0;
        assert_eq!((read.metric, read.limit_us, read.inclusive), (Metric::P95, Micros(250_000), false));
        assert!(ObjectiveText::parse("ttfb_p95 <= 1s").expect("valid").0.inclusive);
        for bad in ["rps > 50/s", "error < 1%", "cpu_per_request < 5ms", "p95 > 3ms", "p95 < 0ms", "fast"] {
            let refused = ObjectiveText::parse(bad).expect_err(bad);
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
