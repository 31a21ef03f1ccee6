//! Errors of the assertion parser: the column, a suggestion, and a valid example.

use kneepoint_model::metric::{Metric, Unit};
use thiserror::Error;

use crate::limit::LimitUnit;

/// The fault of an assertion.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SloProblem {
    /// The first word is not a metric.
    #[error("`{name}` is not a metric{}; the metrics are {}", did_you_mean(.suggestion.as_deref()), all_metrics())]
    UnknownMetric {
        /// The word in the assertion.
        name: String,
        /// A similar metric.
        suggestion: Option<String>,
    },
    /// The metric is not followed by a known operator.
    #[error("an operator must follow the metric: one of < <= > >=")]
    Operator,
    /// The operator accepts worse figures.
    #[error(
        "{metric} is better when it is {better}, so this assertion cannot detect a regression: use `{sign}`"
    )]
    Direction {
        /// The metric of the assertion.
        metric: Metric,
        /// The better direction: `lower` or `higher`.
        better: &'static str,
        /// The operator to use instead.
        sign: &'static str,
    },
    /// The operator is not followed by a number.
    #[error("a number must follow the operator (digits, with a point for fractions)")]
    Number,
    /// The unit does not match the metric.
    #[error("{metric} is {}, so its unit must be {}, not `{found}`", kind_of(*.metric), list_units(*.metric))]
    WrongUnit {
        /// The metric of the assertion.
        metric: Metric,
        /// The unit in the assertion.
        found: String,
    },
    /// The unit is missing.
    #[error("{metric} is {}: write its unit after the number ({})", kind_of(*.metric), list_units(*.metric))]
    NoUnit {
        /// The metric of the assertion.
        metric: Metric,
    },
    /// The limit of a share is above 100 %.
    #[error("a share cannot be more than 100%")]
    Range,
}

/// A refused assertion.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("invalid assertion `{text}`, column {column}: {problem}; for example `{example}`")]
pub struct SloError {
    /// The assertion on one line, truncated.
    pub text: String,
    /// Position of the fault, in characters from 1.
    pub column: usize,
    /// The kind of fault.
    pub problem: SloProblem,
    /// A valid assertion.
    pub example: String,
}

/// Longest part of an assertion that an error shows, in characters.
pub(crate) const MAX_SHOWN: usize = 100;

/// Common names of metrics.
const ALIASES: [(&str, Metric); 8] = [
    ("latency", Metric::P95),
    ("response_time", Metric::P95),
    ("median", Metric::P50),
    ("avg", Metric::Mean),
    ("throughput", Metric::Rps),
    ("failures", Metric::Error),
    ("size", Metric::BytesPerRequest),
    ("hit_ratio", Metric::CacheHit),
];

pub(crate) fn suggest_metric(name: &str) -> Option<String> {
    const CLOSE: f64 = 0.75;
    let name = name.to_ascii_lowercase();
    if let Some((_, metric)) = ALIASES.iter().find(|(alias, _)| *alias == name) {
        return Some(metric.name().to_owned());
    }
    find_closest(&name, Metric::ALL.iter().map(|metric| metric.name()), CLOSE)
}

/// The most similar candidate with a Jaro-Winkler similarity of at least `close` (0 to 1).
pub(crate) fn find_closest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
    close: f64,
) -> Option<String> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= close)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_owned())
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"))
}

fn all_metrics() -> String {
    Metric::ALL.map(Metric::name).join(", ")
}

const fn kind_of(metric: Metric) -> &'static str {
    match metric.unit() {
        Unit::Time => "a time",
        Unit::Ratio => "a share",
        Unit::PerSecond => "a rate",
        Unit::Count => "a count",
        Unit::Bytes => "a size",
    }
}

fn list_units(metric: Metric) -> String {
    let units = LimitUnit::ALL.into_iter().filter(|unit| unit.unit() == metric.unit());
    let names: Vec<&str> = units.map(|unit| unit.suffixes()[0]).collect();
    if names == [""] { "omitted".to_owned() } else { names.join(", ") }
}

/// A valid assertion for a metric.
pub const fn example(metric: Metric) -> &'static str {
    match metric {
        Metric::P50 => "p50 < 100ms",
        Metric::P90 => "p90 < 200ms",
        Metric::P95 => "p95 < 300ms",
        Metric::P99 => "p99 < 800ms",
        Metric::P999 => "p999 < 2s",
        Metric::Max => "max < 5s",
        Metric::Mean => "mean < 150ms",
        Metric::TtfbP95 => "ttfb_p95 < 200ms",
        Metric::Error => "error < 0.1%",
        Metric::Rps => "rps >= 50/s",
        Metric::CpuPerRequest => "cpu_per_request < 20ms",
        Metric::QueriesPerRequest => "queries_per_request <= 4",
        Metric::BytesPerRequest => "bytes_per_request < 64KiB",
        Metric::CacheHit => "cache_hit > 90%",
    }
}
