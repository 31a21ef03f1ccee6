//! The figure that an assertion speaks of: where it is read, and on how many values it stands.
//!
//! Where: latency, errors and work per request in the open phase where there is one, because only there time runs from an
//! intended start that the stack cannot put off; else in the closed phase. Throughput in the closed phase where there
//! is one, because an open phase can never do more than it was offered.
//!
//! On how many values: a quantile `q` needs `10 / (1 − q)` values, so that ten lie beyond it (p50 20, p90 100, p95 200,
//! p99 1000, p999 10000); everything else 20. Shares of errors are judged as observed.

use kneepoint_analysis::attribute::hit_ratio;
use kneepoint_analysis::facts::{CLOSED, OPEN};
use kneepoint_analysis::server_timing::statement_counts;
use kneepoint_analysis::{Analysis, RunFacts};
use kneepoint_model::histogram::Quantiles;
use kneepoint_model::load::{EndpointStats, LoadPhase};
use kneepoint_model::metric::{Metric, Unit};
use kneepoint_model::units::{Bytes, Micros, PerSecond, Ratio};

/// A figure in the metric's base unit, and the values behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Microseconds, a share of one, per second, a count, or bytes.
    pub value: f64,
    /// Values behind it.
    pub samples: u64,
}

/// Values that a metric needs before it is judged.
pub const fn needed(metric: Metric) -> u64 {
    metric.samples_needed()
}

/// The name of the phase in which a metric is judged, when the plan names none.
pub fn home(metric: Metric, facts: &RunFacts) -> &'static str {
    let (first, second) = if metric == Metric::Rps { (CLOSED, OPEN) } else { (OPEN, CLOSED) };
    if facts.phase(first).is_some() { first } else { second }
}

/// Reads a metric in a phase, of one endpoint or of all; the error says why there is nothing to read.
pub fn measure(
    metric: Metric,
    phase: &LoadPhase,
    endpoint: Option<&EndpointStats>,
    analysis: &Analysis,
) -> Result<Measured, String> {
    let (requests, errors) =
        endpoint.map_or((phase.requests, phase.errors), |own| (own.requests, own.errors));
    if requests == 0 {
        return Err("no request was made".to_owned());
    }
    let of_requests = |value: f64| Measured { value, samples: requests };
    let quantiles = |of: fn(&EndpointStats) -> Quantiles, all: Quantiles| endpoint.map_or(all, of);
    let response = quantiles(|own| own.response_us, phase.response_us);
    let time = |value: Micros| Measured { value: value.as_f64(), samples: response.count };
    match metric {
        Metric::P50 => Ok(time(response.p50)),
        Metric::P90 => Ok(time(response.p90)),
        Metric::P95 => Ok(time(response.p95)),
        Metric::P99 => Ok(time(response.p99)),
        Metric::P999 => Ok(time(response.p999)),
        Metric::Max => Ok(time(response.max)),
        Metric::Mean => Ok(time(response.mean)),
        Metric::TtfbP95 => {
            let ttfb = quantiles(|own| own.ttfb_us, phase.ttfb_us);
            Ok(Measured { value: ttfb.p95.as_f64(), samples: ttfb.count })
        }
        Metric::Error => Ok(of_requests(errors as f64 / requests as f64)),
        Metric::Rps => Ok(of_requests(PerSecond::of(requests.saturating_sub(errors), phase.measured()).0)),
        Metric::CpuPerRequest => analysis
            .cpu_us_per_request(&phase.name)
            .map(of_requests)
            .ok_or_else(|| "the stack's CPU was not sampled in this phase".to_owned()),
        Metric::QueriesPerRequest | Metric::BytesPerRequest | Metric::CacheHit => {
            work(metric, &stats(phase, endpoint))
        }
    }
}

fn stats<'a>(phase: &'a LoadPhase, endpoint: Option<&'a EndpointStats>) -> Vec<&'a EndpointStats> {
    endpoint.map_or_else(|| phase.endpoints.iter().collect(), |own| vec![own])
}

fn work(metric: Metric, stats: &[&EndpointStats]) -> Result<Measured, String> {
    let sum = |of: fn(&EndpointStats) -> u64| stats.iter().map(|own| of(own)).sum::<u64>();
    let mean = |part: u64, samples: u64, missing: &str| {
        (samples > 0)
            .then(|| Measured { value: part as f64 / samples as f64, samples })
            .ok_or_else(|| missing.to_owned())
    };
    match metric {
        Metric::QueriesPerRequest => mean(
            sum(|own| statement_counts(own).map_or(0, |(statements, _)| statements)),
            sum(|own| statement_counts(own).map_or(0, |(_, requests)| requests)),
            "no response said how many statements it made: add kneepoint's Django middleware to the site",
        ),
        Metric::CacheHit => {
            let mut all = std::collections::BTreeMap::new();
            for (outcome, count) in stats.iter().flat_map(|own| &own.cache) {
                *all.entry(*outcome).or_insert(0) += count;
            }
            let spoke = all.iter().filter(|(o, _)| **o != kneepoint_model::cache_status::CacheOutcome::None);
            let samples = spoke.map(|(_, count)| count).sum();
            let ratio = hit_ratio(&all).ok_or_else(|| "no cache said anything (Cache-Status)".to_owned())?;
            Ok(Measured { value: ratio.0, samples })
        }
        _ => mean(sum(|own| own.wire_bytes.get()), sum(|own| own.requests), "no request was made"),
    }
}

/// A figure in words, with its unit.
pub fn words(metric: Metric, value: f64) -> String {
    match metric.unit() {
        Unit::Time => Micros(value.max(0.0).round() as u64).to_string(),
        Unit::Ratio => Ratio(value).to_string(),
        Unit::PerSecond => PerSecond(value).to_string(),
        Unit::Count => format!("{value:.2}"),
        Unit::Bytes => Bytes(value.max(0.0).round() as u64).to_string(),
    }
}
