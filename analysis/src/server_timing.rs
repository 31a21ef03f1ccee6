//! What the application reports about itself in `Server-Timing`, as far as it can be trusted.
//!
//! A response from a cache repeats the header of the request that filled the cache: time that nobody spent. So an endpoint
//! with more than a few such responses counts as one that reported nothing.

use kneepoint_model::load::{EndpointStats, LoadPhase, ServerTimingSums};

use crate::facts::RunFacts;

/// At most one in this many responses may repeat a cached `Server-Timing`.
const CACHED_TOLERANCE: u64 = 20;

/// The sums that an endpoint's responses reported; `None` when there were none, or when a cache repeated too many of them.
///
/// Without hits there may be more responses than requests, because each redirect is a response of its own.
pub fn trusted_sums(stats: &EndpointStats) -> Option<&ServerTimingSums> {
    let hits: u64 = stats.cache.iter().filter(|(outcome, _)| outcome.is_hit()).map(|(_, count)| count).sum();
    let cached = if hits == 0 { 0 } else { (stats.split.n + hits).saturating_sub(stats.requests).min(hits) };
    (stats.split.n > 0 && cached * CACHED_TOLERANCE <= stats.split.n).then_some(&stats.split)
}

/// The trusted sums of all endpoints of a phase.
pub fn sum_phase(phase: &LoadPhase) -> ServerTimingSums {
    let mut sums = ServerTimingSums::default();
    phase.endpoints.iter().filter_map(trusted_sums).for_each(|part| sums.add(part));
    sums
}

/// The trusted sums of all measured phases.
pub(crate) fn sum_run(facts: &RunFacts) -> ServerTimingSums {
    let mut sums = ServerTimingSums::default();
    facts.measured_phases().for_each(|phase| sums.add(&sum_phase(phase)));
    sums
}

/// Database statements, and the requests that made them; redirects are not counted twice.
pub fn statement_counts(stats: &EndpointStats) -> Option<(u64, u64)> {
    trusted_sums(stats)
        .map(|sums| (sums.queries, sums.n.min(stats.requests)))
        .filter(|(_, requests)| *requests > 0)
}
