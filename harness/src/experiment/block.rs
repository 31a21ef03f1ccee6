//! Turns one block of load on one side into values of signals. Pure.

use std::collections::BTreeMap;

use kneepoint_model::experiment::{Block, Side, Signal};
use kneepoint_model::load::LoadPhase;
use kneepoint_model::outcome::Outcome;
use kneepoint_model::sample::TierSample;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Ratio;
use kneepoint_profiler::ResourceWindow;

/// Connections that the load generator opens before a block to check that the server listens.
const CHECK_CONNECTIONS: u64 = 1;

/// Everything that was measured over one block.
pub(super) struct BlockObservation<'a> {
    pub(super) pair: u32,
    pub(super) side: Side,
    pub(super) phase: &'a LoadPhase,
    pub(super) stock: &'a ResourceWindow,
    /// Index of the stack that was loaded.
    pub(super) stack: usize,
    /// Signals that do not come from the load itself: leaks, error pages, counters of the database.
    pub(super) extra: BTreeMap<Signal, f64>,
}

/// Builds the block as it is written to `experiment.json`.
pub(super) fn build_block(observed: BlockObservation<'_>) -> Block {
    let BlockObservation { pair, side, phase, stock, stack, extra } = observed;
    let tiers = stock.stacks.get(stack).map(Vec::as_slice).unwrap_or_default();
    let censored = phase.outcomes.get(&Outcome::Censored).copied().unwrap_or(0);
    let requests = phase.requests.saturating_sub(censored);
    let mut values = load_signals(phase, requests);
    values.extend(resource_signals(phase, stock, tiers, requests));
    values.extend(extra);
    values.retain(|_, value| value.is_finite());
    Block {
        pair,
        side,
        requests,
        errors: phase.errors,
        foreign: Ratio(stock.foreign_share()),
        generator: phase.generator.busiest_thread,
        tier_cpu_us: tier_cpu_per_request(tiers, requests),
        values,
        dropped: None,
    }
}

fn load_signals(phase: &LoadPhase, requests: u64) -> BTreeMap<Signal, f64> {
    if requests == 0 {
        return BTreeMap::new();
    }
    let each = |count: u64| count as f64 / requests as f64;
    let sum = |pick: fn(&kneepoint_model::load::EndpointStats) -> u64| phase.endpoints.iter().map(pick).sum();
    let hits: u64 = sum(|endpoint| {
        endpoint.cache.iter().filter(|(outcome, _)| outcome.is_hit()).map(|(_, count)| count).sum()
    });
    let mut values = BTreeMap::from([
        (Signal::Throughput, phase.achieved_rps.0),
        (Signal::P50, phase.response_us.p50.as_f64()),
        (Signal::P99, phase.response_us.p99.as_f64()),
        (Signal::Errors, each(phase.errors)),
        (Signal::ConnectionsPerRequest, each(phase.connect_us.count)),
        (Signal::BytesPerRequest, each(sum(|endpoint| endpoint.wire_bytes.get()))),
        (Signal::CacheHitShare, each(hits)),
        (Signal::NotModifiedShare, each(sum(|e| e.statuses.get(&304).copied().unwrap_or(0)))),
        (Signal::CompressedShare, each(sum(|endpoint| endpoint.compressed))),
    ]);
    // A response from a cache in front cost no statement; of any other without Server-Timing nothing is known.
    let with_timing: u64 = sum(|endpoint| endpoint.split.n);
    if with_timing + hits >= requests && with_timing + hits > 0 {
        values.insert(Signal::StatementsPerRequest, each(sum(|endpoint| endpoint.split.queries)));
    }
    values
}

fn resource_signals(
    phase: &LoadPhase,
    stock: &ResourceWindow,
    tiers: &[TierSample],
    requests: u64,
) -> BTreeMap<Signal, f64> {
    let mut values = BTreeMap::new();
    let memory: f64 = tiers.iter().map(|tier| tier.pss.unwrap_or(tier.rss).as_f64()).sum();
    if memory > 0.0 {
        values.insert(Signal::Memory, memory);
    }
    if requests == 0 {
        return values;
    }
    let cpu: f64 = tiers.iter().map(|tier| tier.cpu_us.as_f64()).sum();
    if cpu > 0.0 {
        values.insert(Signal::CpuPerRequest, cpu / requests as f64);
    }
    if let Some(opened) = stock.opened {
        let inner = opened.saturating_sub(phase.connect_us.count + CHECK_CONNECTIONS);
        values.insert(Signal::InnerConnectionsPerRequest, inner as f64 / requests as f64);
    }
    values
}

fn tier_cpu_per_request(tiers: &[TierSample], requests: u64) -> BTreeMap<Tier, f64> {
    let mut each = BTreeMap::new();
    for tier in tiers.iter().filter(|_| requests > 0) {
        *each.entry(tier.tier).or_insert(0.0) += tier.cpu_us.as_f64() / requests as f64;
    }
    each
}
