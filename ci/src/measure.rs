//! The figure that an assertion limits: its phase, and the number of values it is computed from.
//!
//! Phase: latency, errors and work per request come from the open phase if there is one, because only there times count
//! from an intended start that the stack cannot delay; else from the closed phase. Throughput comes from the closed phase
//! if there is one, because an open phase cannot exceed its offered rate.
//!
//! Values: a quantile `q` needs `10 / (1 − q)` values, so that ten lie beyond it (p50 20, p90 100, p95 200, p99 1000,
//! p999 10000); all other metrics need 20. Error ratios are used as measured.

use kneepoint_analysis::attribute::hit_ratio;
use kneepoint_analysis::facts::{CLOSED, OPEN};
use kneepoint_analysis::server_timing::statement_counts;
use kneepoint_analysis::{Analysis, RunFacts};
use kneepoint_model::histogram::Quantiles;
use kneepoint_model::load::{EndpointStats, LoadPhase};
use kneepoint_model::metric::{Metric, Unit};
use kneepoint_model::units::{Bytes, Micros, PerSecond, Ratio};

/// A figure in the metric's base unit, and the number of values it is computed from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Microseconds, a share of one, per second, a count, or bytes.
    pub value: f64,
    /// Number of values.
    pub samples: u64,
}

/// Number of values that a metric needs.
pub const fn samples_needed(metric: Metric) -> u64 {
    metric.samples_needed()
}

/// The phase from which a metric is taken when the plan names none.
pub fn default_phase(metric: Metric, facts: &RunFacts) -> &'static str {
    let (first, second) = if metric == Metric::Rps { (CLOSED, OPEN) } else { (OPEN, CLOSED) };
    if facts.phase(first).is_some() { first } else { second }
}

/// Reads a metric of one endpoint or of all; the error is the reason why the phase does not contain it.
pub fn measure(
    metric: Metric,
    phase: &LoadPhase,
    endpoint: Option<&EndpointStats>,
    analysis: &Analysis,
) -> Result<Measured, String> {
    let (requests, errors) =
        endpoint.map_or((phase.requests, phase.errors), |stats| (stats.requests, stats.errors));
    if requests == 0 {
        return Err("no request was made".to_owned());
    }
    let per_requests = |value: f64| Measured { value, samples: requests };
    let quantiles = |pick: fn(&EndpointStats) -> Quantiles, all: Quantiles| endpoint.map_or(all, pick);
    let response = quantiles(|stats| stats.response_us, phase.response_us);
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
            let ttfb = quantiles(|stats| stats.ttfb_us, phase.ttfb_us);
            Ok(Measured { value: ttfb.p95.as_f64(), samples: ttfb.count })
        }
        Metric::Error => Ok(per_requests(errors as f64 / requests as f64)),
        Metric::Rps => {
            Ok(per_requests(PerSecond::from_count(requests.saturating_sub(errors), phase.measured()).0))
        }
        Metric::CpuPerRequest => analysis
            .cpu_us_per_request(&phase.name)
            .map(per_requests)
            .ok_or_else(|| "the stack's CPU was not sampled in this phase".to_owned()),
        Metric::QueriesPerRequest | Metric::BytesPerRequest | Metric::CacheHit => {
            measure_work(metric, &selected_stats(phase, endpoint))
        }
    }
}

fn selected_stats<'a>(phase: &'a LoadPhase, endpoint: Option<&'a EndpointStats>) -> Vec<&'a EndpointStats> {
    endpoint.map_or_else(|| phase.endpoints.iter().collect(), |stats| vec![stats])
}

fn measure_work(metric: Metric, stats: &[&EndpointStats]) -> Result<Measured, String> {
    let sum = |pick: fn(&EndpointStats) -> u64| stats.iter().map(|endpoint| pick(endpoint)).sum::<u64>();
    let mean = |part: u64, samples: u64, missing: &str| {
        (samples > 0)
            .then(|| Measured { value: part as f64 / samples as f64, samples })
            .ok_or_else(|| missing.to_owned())
    };
    match metric {
        Metric::QueriesPerRequest => mean(
            sum(|stats| statement_counts(stats).map_or(0, |(statements, _)| statements)),
            sum(|stats| statement_counts(stats).map_or(0, |(_, requests)| requests)),
            "no response reports its number of statements: add kneepoint's Django middleware to the site",
        ),
        Metric::CacheHit => {
            let mut all = std::collections::BTreeMap::new();
            for (outcome, count) in stats.iter().flat_map(|stats| &stats.cache) {
                *all.entry(*outcome).or_insert(0) += count;
            }
            let reported =
                all.iter().filter(|(o, _)| **o != kneepoint_model::cache_status::CacheOutcome::None);
            let samples = reported.map(|(_, count)| count).sum();
            let ratio = hit_ratio(&all).ok_or_else(|| "no response has a Cache-Status header".to_owned())?;
            Ok(Measured { value: ratio.0, samples })
        }
        _ => mean(sum(|stats| stats.wire_bytes.get()), sum(|stats| stats.requests), "no request was made"),
    }
}

/// A figure with its unit, as text.
pub fn format_value(metric: Metric, value: f64) -> String {
    match metric.unit() {
        Unit::Time => Micros(value.max(0.0).round() as u64).to_string(),
        Unit::Ratio => Ratio(value).to_string(),
        Unit::PerSecond => PerSecond(value).to_string(),
        Unit::Count => format!("{value:.2}"),
        Unit::Bytes => Bytes(value.max(0.0).round() as u64).to_string(),
    }
}
