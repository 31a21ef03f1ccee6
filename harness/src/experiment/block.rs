//! One block of load on one side, from stock before to stock after, as values of signals. The arithmetic is pure.

use std::collections::BTreeMap;

use kneepoint_model::experiment::{Block, Side, Signal};
use kneepoint_model::load::LoadPhase;
use kneepoint_model::outcome::Outcome;
use kneepoint_model::sample::TierSample;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Ratio;
use kneepoint_profiler::ResourceWindow;

/// Connections that the load generator opens to see whether anybody listens, before a block.
const KNOCKS: u64 = 1;

/// Everything known of one block.
pub(super) struct Seen<'a> {
    pub(super) pair: u32,
    pub(super) side: Side,
    pub(super) phase: &'a LoadPhase,
    pub(super) stock: &'a ResourceWindow,
    /// Which of the stacks was loaded.
    pub(super) stack: usize,
    /// What was asked for beside the load: leaks, error pages, counters of the database.
    pub(super) more: BTreeMap<Signal, f64>,
}

/// The block as it is kept.
pub(super) fn block(seen: Seen<'_>) -> Block {
    let Seen { pair, side, phase, stock, stack, more } = seen;
    let tiers = stock.stacks.get(stack).map(Vec::as_slice).unwrap_or_default();
    let censored = phase.outcomes.get(&Outcome::Censored).copied().unwrap_or(0);
    let requests = phase.requests.saturating_sub(censored);
    let mut values = of_load(phase, requests);
    values.extend(of_stock(phase, stock, tiers, requests));
    values.extend(more);
    values.retain(|_, value| value.is_finite());
    Block {
        pair,
        side,
        requests,
        errors: phase.errors,
        foreign: Ratio(stock.foreign_share()),
        generator: phase.generator.busiest_thread,
        tier_cpu_us: tier_cpu(tiers, requests),
        values,
        dropped: None,
    }
}

fn of_load(phase: &LoadPhase, requests: u64) -> BTreeMap<Signal, f64> {
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
    // An answer out of a cache in front cost no statement; of any other that says nothing, nothing is known.
    let spoken: u64 = sum(|endpoint| endpoint.split.n);
    if spoken + hits >= requests && spoken + hits > 0 {
        values.insert(Signal::StatementsPerRequest, each(sum(|endpoint| endpoint.split.queries)));
    }
    values
}

fn of_stock(
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
        let inner = opened.saturating_sub(phase.connect_us.count + KNOCKS);
        values.insert(Signal::InnerConnectionsPerRequest, inner as f64 / requests as f64);
    }
    values
}

fn tier_cpu(tiers: &[TierSample], requests: u64) -> BTreeMap<Tier, f64> {
    let mut each = BTreeMap::new();
    for tier in tiers.iter().filter(|_| requests > 0) {
        *each.entry(tier.tier).or_insert(0.0) += tier.cpu_us.as_f64() / requests as f64;
    }
    each
}
