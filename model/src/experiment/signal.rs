//! The signals that can decide an experiment: a closed set, each with its unit, direction, scale and what disturbs it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metric::{Direction, Unit};

/// How two values of a signal are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// By their ratio: values above zero that vary by shares of themselves.
    Ratio,
    /// By their difference: counts and shares, which may well be zero.
    Difference,
}

/// The kind of number, which decides what disturbs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Nature {
    /// A count or a header: a busy machine makes it slower to get, not different.
    Counted,
    /// CPU time: it grows by some 15 % for each core of foreign CPU, equally on both sides of a pair.
    Cpu,
    /// Elapsed time and rates: foreign CPU changes them directly.
    Clock,
}

/// A figure that can decide an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// CPU time of all tiers (not the generator) per request.
    CpuPerRequest,
    /// Successful requests per second.
    Throughput,
    /// Median response time.
    P50,
    /// 99th percentile of response time.
    P99,
    /// The first request of a worker that has just started: how long its first user waits.
    FirstRequest,
    /// Database statements per request as the application counts them, transaction control excluded.
    StatementsPerRequest,
    /// Statements per request as the database counts them, transaction control and connecting included.
    DbStatementsPerRequest,
    /// Rows that the database examined per request.
    RowsExaminedPerRequest,
    /// Connections to the database opened per request.
    DbConnectionsPerRequest,
    /// Waits for row locks per request.
    LockWaitsPerRequest,
    /// Connections that users opened per request.
    ConnectionsPerRequest,
    /// TCP connections opened on this machine per request, other than those of the users (includes foreign connections).
    InnerConnectionsPerRequest,
    /// Bytes of the body on the wire per request.
    BytesPerRequest,
    /// Share of responses that a cache in front served (`Cache-Status`).
    CacheHitShare,
    /// Share of responses with status 304.
    NotModifiedShare,
    /// Share of compressed responses.
    CompressedShare,
    /// Memory of all tiers.
    Memory,
    /// Share of requests that failed.
    Errors,
    /// Pages that were served to a user for whom they were not made.
    Leaks,
    /// Whether an error page shows the settings of the site.
    DebugPages,
    /// Copies that were sold but not in stock.
    Oversold,
}

impl Signal {
    /// Every signal, in the order of declaration.
    pub const ALL: [Self; 21] = [
        Self::CpuPerRequest,
        Self::Throughput,
        Self::P50,
        Self::P99,
        Self::FirstRequest,
        Self::StatementsPerRequest,
        Self::DbStatementsPerRequest,
        Self::RowsExaminedPerRequest,
        Self::DbConnectionsPerRequest,
        Self::LockWaitsPerRequest,
        Self::ConnectionsPerRequest,
        Self::InnerConnectionsPerRequest,
        Self::BytesPerRequest,
        Self::CacheHitShare,
        Self::NotModifiedShare,
        Self::CompressedShare,
        Self::Memory,
        Self::Errors,
        Self::Leaks,
        Self::DebugPages,
        Self::Oversold,
    ];

    /// The name in toggle files and in `experiment.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CpuPerRequest => "cpu_per_request",
            Self::Throughput => "throughput",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::FirstRequest => "first_request",
            Self::StatementsPerRequest => "statements_per_request",
            Self::DbStatementsPerRequest => "db_statements_per_request",
            Self::RowsExaminedPerRequest => "rows_examined_per_request",
            Self::DbConnectionsPerRequest => "db_connections_per_request",
            Self::LockWaitsPerRequest => "lock_waits_per_request",
            Self::ConnectionsPerRequest => "connections_per_request",
            Self::InnerConnectionsPerRequest => "inner_connections_per_request",
            Self::BytesPerRequest => "bytes_per_request",
            Self::CacheHitShare => "cache_hit_share",
            Self::NotModifiedShare => "not_modified_share",
            Self::CompressedShare => "compressed_share",
            Self::Memory => "memory",
            Self::Errors => "errors",
            Self::Leaks => "leaks",
            Self::DebugPages => "debug_pages",
            Self::Oversold => "oversold",
        }
    }

    /// The label for tables and messages.
    pub const fn label(self) -> &'static str {
        match self {
            Self::CpuPerRequest => "CPU per request",
            Self::Throughput => "requests per second",
            Self::P50 => "median response time",
            Self::P99 => "99th percentile",
            Self::FirstRequest => "first request of a worker",
            Self::StatementsPerRequest => "statements per request",
            Self::DbStatementsPerRequest => "statements per request, as the database counts",
            Self::RowsExaminedPerRequest => "rows examined per request",
            Self::DbConnectionsPerRequest => "database connections per request",
            Self::LockWaitsPerRequest => "waits for row locks per request",
            Self::ConnectionsPerRequest => "user connections per request",
            Self::InnerConnectionsPerRequest => "inner connections per request",
            Self::BytesPerRequest => "bytes per response",
            Self::CacheHitShare => "responses from a cache in front",
            Self::NotModifiedShare => "responses with status 304",
            Self::CompressedShare => "compressed responses",
            Self::Memory => "memory of all tiers",
            Self::Errors => "failed requests",
            Self::Leaks => "pages served to the wrong user",
            Self::DebugPages => "error pages that show settings",
            Self::Oversold => "copies sold but not in stock",
        }
    }

    /// What its number counts.
    pub const fn unit(self) -> Unit {
        match self {
            Self::CpuPerRequest | Self::P50 | Self::P99 | Self::FirstRequest => Unit::Time,
            Self::Throughput => Unit::PerSecond,
            Self::BytesPerRequest | Self::Memory => Unit::Bytes,
            Self::CacheHitShare | Self::NotModifiedShare | Self::CompressedShare | Self::Errors => {
                Unit::Ratio
            }
            _ => Unit::Count,
        }
    }

    /// Which way is better.
    pub const fn better(self) -> Direction {
        match self {
            Self::Throughput | Self::CacheHitShare | Self::NotModifiedShare | Self::CompressedShare => {
                Direction::Higher
            }
            _ => Direction::Lower,
        }
    }

    /// How two values are compared.
    pub const fn scale(self) -> Scale {
        match self.unit() {
            Unit::Time | Unit::PerSecond | Unit::Bytes => Scale::Ratio,
            Unit::Ratio | Unit::Count => Scale::Difference,
        }
    }

    /// The kind of number.
    pub const fn nature(self) -> Nature {
        match self {
            Self::CpuPerRequest => Nature::Cpu,
            Self::Throughput | Self::P50 | Self::P99 | Self::FirstRequest => Nature::Clock,
            _ => Nature::Counted,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_serialised_name_is_the_displayed_name() {
        for signal in Signal::ALL {
            assert_eq!(serde_json::to_value(signal).expect("a name"), signal.name());
        }
    }

    #[test]
    fn signals_that_may_be_zero_are_never_compared_by_ratio() {
        for signal in Signal::ALL {
            if matches!(signal.unit(), Unit::Count | Unit::Ratio) {
                assert_eq!(signal.scale(), Scale::Difference, "{signal}");
            }
        }
    }
}
