//! The metrics that can be asserted, charted and compared: a closed set, each with its unit and direction.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a metric's number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Time; assertions write `300ms`, `1.5s`, `800us`.
    Time,
    /// A share; assertions write `0.1%`.
    Ratio,
    /// A rate; assertions write `50/s`.
    PerSecond,
    /// A plain count.
    Count,
    /// A size; assertions write `64KiB`, `1MB`.
    Bytes,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

/// A metric of the public contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Median response time, from the intended start to the last byte.
    P50,
    /// 90th percentile of response time.
    P90,
    /// 95th percentile of response time.
    P95,
    /// 99th percentile of response time.
    P99,
    /// 99.9th percentile of response time.
    P999,
    /// Longest response time.
    Max,
    /// Mean response time.
    Mean,
    /// 95th percentile of the time to the first byte.
    TtfbP95,
    /// Share of requests that did not end in success.
    Error,
    /// Successful requests per second.
    Rps,
    /// CPU time of all tiers (not the generator) per request.
    CpuPerRequest,
    /// Database statements per request, transaction control excluded.
    QueriesPerRequest,
    /// Bytes on the wire per request.
    BytesPerRequest,
    /// Share of cacheable lookups that hit.
    CacheHit,
}

impl Metric {
    /// Every metric, in the order of the documentation.
    pub const ALL: [Self; 14] = [
        Self::P50,
        Self::P90,
        Self::P95,
        Self::P99,
        Self::P999,
        Self::Max,
        Self::Mean,
        Self::TtfbP95,
        Self::Error,
        Self::Rps,
        Self::CpuPerRequest,
        Self::QueriesPerRequest,
        Self::BytesPerRequest,
        Self::CacheHit,
    ];

    /// The name written in `[slo]` and in `summary.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::P999 => "p999",
            Self::Max => "max",
            Self::Mean => "mean",
            Self::TtfbP95 => "ttfb_p95",
            Self::Error => "error",
            Self::Rps => "rps",
            Self::CpuPerRequest => "cpu_per_request",
            Self::QueriesPerRequest => "queries_per_request",
            Self::BytesPerRequest => "bytes_per_request",
            Self::CacheHit => "cache_hit",
        }
    }

    /// The metric with this name; `None` for any other text.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// What its number counts.
    pub const fn unit(self) -> Unit {
        match self {
            Self::P50
            | Self::P90
            | Self::P95
            | Self::P99
            | Self::P999
            | Self::Max
            | Self::Mean
            | Self::TtfbP95
            | Self::CpuPerRequest => Unit::Time,
            Self::Error | Self::CacheHit => Unit::Ratio,
            Self::Rps => Unit::PerSecond,
            Self::QueriesPerRequest => Unit::Count,
            Self::BytesPerRequest => Unit::Bytes,
        }
    }

    /// Values that a figure needs before it is evaluated: ten beyond a quantile (p90 100, p95 200, p99 1000, p999 10000), and 20
    /// for all other metrics.
    pub const fn samples_needed(self) -> u64 {
        match self {
            Self::P90 => 100,
            Self::P95 | Self::TtfbP95 => 200,
            Self::P99 => 1_000,
            Self::P999 => 10_000,
            _ => 20,
        }
    }

    /// Which way is better.
    pub const fn direction(self) -> Direction {
        match self {
            Self::Rps | Self::CacheHit => Direction::Higher,
            _ => Direction::Lower,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_round_trip() {
        for metric in Metric::ALL {
            assert_eq!(Metric::from_name(metric.name()), Some(metric));
        }
        assert_eq!(Metric::from_name("p95 "), None);
    }
}
