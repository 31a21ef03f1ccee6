//! Resource use of each tier in each phase: CPU per request, cores, waiting for cores, memory.
//!
//! CPU per request is CPU time per second of the samples in the measured part, divided by requests per second of the same
//! part. Both are rates, so a tick at either end of the window does not count twice.

use kneepoint_model::load::LoadPhase;
use kneepoint_model::sample::{ResourceSample, TierSample};
use kneepoint_model::summary::TierSummary;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros, Ratio};

use crate::conditions::{covers, host_use, window};
use crate::facts::RunFacts;

/// Every tier that was sampled in every phase; the host last.
pub fn summarise_tiers(facts: &RunFacts) -> Vec<TierSummary> {
    facts.phases.iter().flat_map(|phase| summarise_phase(facts, phase)).collect()
}

fn summarise_phase(facts: &RunFacts, phase: &LoadPhase) -> Vec<TierSummary> {
    let samples: Vec<&ResourceSample> = window(&facts.samples, phase).collect();
    let mut names: Vec<Tier> =
        samples.iter().flat_map(|sample| sample.tiers.iter().map(|t| t.tier)).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|tier| *tier != Tier::Host);
    let covered: Micros = samples.iter().map(|sample| sample.tick_us).sum();
    if !covers(covered, phase) {
        return Vec::new();
    }
    let mut all: Vec<TierSummary> =
        names.into_iter().map(|tier| summarise_tier(&samples, covered, phase, tier)).collect();
    all.extend(summarise_host(facts, phase));
    all
}

fn summarise_tier(
    samples: &[&ResourceSample],
    covered: Micros,
    phase: &LoadPhase,
    tier: Tier,
) -> TierSummary {
    let ticks: Vec<&TierSample> =
        samples.iter().filter_map(|sample| sample.tiers.iter().find(|t| t.tier == tier)).collect();
    let cpu: Micros = ticks.iter().map(|tick| tick.cpu_us).sum();
    let queue: Micros = ticks.iter().map(|tick| tick.run_queue_us).sum();
    let cores = cpu.as_f64() / covered.as_f64();
    TierSummary {
        phase: phase.name.clone(),
        name: tier,
        cpu_us_per_request: cpu_per_request(cores, phase),
        cpu_cores: cores,
        run_queue_share: Ratio::from_parts(queue.get(), (queue + cpu).get()),
        rss_max_bytes: ticks.iter().map(|tick| tick.rss).max().unwrap_or(Bytes::ZERO),
        swap_max_bytes: ticks.iter().map(|tick| tick.swap).max().unwrap_or(Bytes::ZERO),
        fds_max: ticks.iter().map(|tick| tick.fds).max().unwrap_or(0),
        respawned: ticks.iter().map(|tick| tick.started).sum(),
    }
}

fn summarise_host(facts: &RunFacts, phase: &LoadPhase) -> Option<TierSummary> {
    let host = host_use(&facts.samples, phase)?;
    let cores = host.busy.0 * f64::from(host.cores);
    Some(TierSummary {
        phase: phase.name.clone(),
        name: Tier::Host,
        cpu_us_per_request: cpu_per_request(cores, phase),
        cpu_cores: cores,
        run_queue_share: None,
        rss_max_bytes: Bytes(facts.manifest.host.memory_bytes) - host.mem_available_min,
        swap_max_bytes: Bytes::ZERO,
        fds_max: 0,
        respawned: 0,
    })
}

fn cpu_per_request(cores: f64, phase: &LoadPhase) -> Option<f64> {
    let rate = phase.requests as f64 / phase.measured().as_secs_f64();
    (phase.requests > 0 && rate.is_finite()).then(|| cores * 1e6 / rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn cpu_per_request_is_cores_over_rate() {
        let facts = fixtures::healthy();
        let all = summarise_tiers(&facts);
        let server = all.iter().find(|t| t.phase == "closed" && t.name == Tier::Server).expect("server");
        // 0.8 core at 100 requests per second are 8 ms each.
        assert!((server.cpu_cores - 0.8).abs() < 0.01, "{server:?}");
        assert!((server.cpu_us_per_request.expect("requests") - 8_000.0).abs() < 100.0, "{server:?}");
        assert!(all.iter().any(|t| t.name == Tier::Host) && all.iter().any(|t| t.name == Tier::Generator));
    }

    #[test]
    fn without_requests_there_is_no_cpu_per_request() {
        let mut facts = fixtures::healthy();
        facts.phases[0].requests = 0;
        assert!(
            summarise_tiers(&facts)
                .iter()
                .filter(|t| t.phase == "closed")
                .all(|t| t.cpu_us_per_request.is_none())
        );
    }
}
