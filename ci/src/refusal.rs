//! Why an assertion was refused: the place, the word that may have been meant, and one that is right.

use kneepoint_model::metric::{Metric, Unit};
use thiserror::Error;

use crate::limit::Scale;

/// What is wrong with an assertion.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SloProblem {
    /// No known metric at its head.
    #[error("`{name}` is not a metric{}; metrics are {}", meant(.suggestion.as_deref()), all_metrics())]
    UnknownMetric {
        /// What was written.
        name: String,
        /// What may have been meant.
        suggestion: Option<String>,
    },
    /// No comparison, or one that is not offered.
    #[error("a comparison must follow the metric: one of < <= > >=")]
    Comparison,
    /// The comparison asks for the worse side.
    #[error(
        "{metric} is better when it is {better}, so this could not catch anything getting worse: use `{sign}`"
    )]
    Direction {
        /// The metric.
        metric: Metric,
        /// `lower` or `higher`.
        better: &'static str,
        /// The sign to use.
        sign: &'static str,
    },
    /// No number.
    #[error("a number must follow the comparison (digits, with a point for fractions)")]
    Number,
    /// The unit does not belong to the metric.
    #[error("{metric} is {}, so its unit must be {}, not `{found}`", kind(*.metric), units(*.metric))]
    WrongUnit {
        /// The metric.
        metric: Metric,
        /// What was written.
        found: String,
    },
    /// The unit is missing.
    #[error("{metric} is {}: write its unit after the number ({})", kind(*.metric), units(*.metric))]
    NoUnit {
        /// The metric.
        metric: Metric,
    },
    /// A share above everything.
    #[error("a share cannot be more than 100%")]
    Range,
}

/// Why an assertion was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot read assertion `{text}`, column {column}: {problem}; for example `{example}`")]
pub struct SloError {
    /// The assertion, made fit for one line.
    pub text: String,
    /// Where it stops making sense: characters from one.
    pub column: usize,
    /// What is wrong.
    pub problem: SloProblem,
    /// An assertion that is right.
    pub example: String,
}

pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(100).collect()
}

/// Words that people use for a metric.
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

pub(crate) fn suggestion(name: &str) -> Option<String> {
    const CLOSE: f64 = 0.75;
    let name = name.to_ascii_lowercase();
    if let Some((_, metric)) = ALIASES.iter().find(|(alias, _)| *alias == name) {
        return Some(metric.name().to_owned());
    }
    closest(&name, Metric::ALL.iter().map(|metric| metric.name()), CLOSE)
}

/// The candidate most like a name, if any is like enough (Jaro-Winkler, 0 to 1).
pub(crate) fn closest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
    close: f64,
) -> Option<String> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= close)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_owned())
}

fn meant(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"))
}

fn all_metrics() -> String {
    Metric::ALL.map(Metric::name).join(", ")
}

const fn kind(metric: Metric) -> &'static str {
    match metric.unit() {
        Unit::Time => "a time",
        Unit::Ratio => "a share",
        Unit::PerSecond => "a rate",
        Unit::Count => "a count",
        Unit::Bytes => "a size",
    }
}

fn units(metric: Metric) -> String {
    let own = Scale::ALL.into_iter().filter(|scale| scale.unit() == metric.unit());
    let names: Vec<&str> = own.map(|scale| scale.suffixes()[0]).collect();
    if names == [""] { "left out".to_owned() } else { names.join(", ") }
}

/// A valid assertion about a metric.
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
