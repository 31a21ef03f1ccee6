//! Series over time for charts: resource use of each tier and the host, and latency by the second, with marks for phases.
//!
//! Time is in seconds from the earliest phase or sample. A series has at most [`MAX_POINTS`] points: a longer one is
//! divided into buckets of equal count, and each bucket keeps its highest value with the time of that value, so that peaks
//! stay visible (a mean hides the one second that matters).

use kneepoint_model::load::LoadPhase;
use kneepoint_model::sample::ResourceSample;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Micros, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::facts::RunFacts;

/// Maximum number of points of one series.
pub const MAX_POINTS: usize = 600;

/// Points (seconds from the timeline's zero, value) in order of time.
pub type Points = Vec<(f64, f64)>;

/// Position of a phase on the time axis.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PhaseMark {
    /// Name of the phase.
    pub name: String,
    /// Start, warm-up included.
    pub from_s: f64,
    /// Start of the measured part.
    pub measured_from_s: f64,
    /// End of the measured part.
    pub until_s: f64,
}

/// One tier over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TierSeries {
    /// The tier that was sampled.
    pub tier: Tier,
    /// Cores in use.
    pub cores: Points,
    /// Resident memory in bytes.
    pub rss_bytes: Points,
    /// Share (0 to 1) of the tier's ready time spent waiting for a core; no point for a tick without ready time.
    pub run_queue_share: Points,
}

/// The host over time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HostSeries {
    /// Cores in use by anyone.
    pub busy_cores: Points,
    /// Cores in use by processes that are neither a tier nor kneepoint.
    pub foreign_cores: Points,
    /// Cores taken by the hypervisor.
    pub steal_cores: Points,
    /// Available memory in bytes; each bucket keeps its lowest value.
    pub mem_available_bytes: Points,
}

/// One phase by the second.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LatencySeries {
    /// Name of the phase.
    pub phase: String,
    /// Median response time in milliseconds.
    pub p50_ms: Points,
    /// 95th percentile in milliseconds.
    pub p95_ms: Points,
    /// 99th percentile in milliseconds.
    pub p99_ms: Points,
    /// Completed requests per second.
    pub rps: Points,
    /// Failed requests per second.
    pub errors: Points,
    /// Requests in flight.
    pub in_flight: Points,
}

/// All series of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Wall-clock time of second zero.
    pub zero_ms: UnixMillis,
    /// Length in seconds.
    pub length_s: f64,
    /// Cores of the machine; zero when not sampled.
    pub cores: u32,
    /// Phases in order of time.
    pub phases: Vec<PhaseMark>,
    /// Tiers, in the order of the stack.
    pub tiers: Vec<TierSeries>,
    /// Resource use of the whole machine.
    pub host: HostSeries,
    /// Latency of each phase.
    pub latency: Vec<LatencySeries>,
}

/// Computes the series of a run.
pub fn timeline(facts: &RunFacts) -> Timeline {
    let Some(zero) = find_zero(&facts.phases, &facts.samples) else { return Timeline::default() };
    let clock = Clock { zero };
    let mut phases: Vec<PhaseMark> = facts.phases.iter().map(|phase| clock.mark(phase)).collect();
    phases.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
    let last_sample = facts.samples.last().map_or(0.0, |sample| clock.seconds(sample.at_ms));
    Timeline {
        zero_ms: zero,
        length_s: phases.iter().map(|phase| phase.until_s).fold(last_sample, f64::max),
        cores: facts.samples.iter().map(|sample| sample.host.cores).max().unwrap_or(0),
        phases,
        tiers: tier_series(&clock, &facts.samples),
        host: host_series(&clock, &facts.samples),
        latency: facts.phases.iter().map(|phase| latency_series(&clock, phase)).collect(),
    }
}

struct Clock {
    zero: UnixMillis,
}

impl Clock {
    fn seconds(&self, moment: UnixMillis) -> f64 {
        (moment - self.zero).as_f64() / 1000.0
    }
    fn mark(&self, phase: &LoadPhase) -> PhaseMark {
        PhaseMark {
            name: phase.name.clone(),
            from_s: self.seconds(phase.started_ms),
            measured_from_s: self.seconds(phase.measured_from_ms),
            until_s: self.seconds(phase.measured_until_ms),
        }
    }
}

fn find_zero(phases: &[LoadPhase], samples: &[ResourceSample]) -> Option<UnixMillis> {
    let phases = phases.iter().map(|phase| phase.started_ms);
    let samples = samples.iter().map(|s| UnixMillis(s.at_ms.get().saturating_sub(s.tick_us.get() / 1000)));
    phases.chain(samples).min()
}

fn tier_series(clock: &Clock, samples: &[ResourceSample]) -> Vec<TierSeries> {
    let mut tiers: Vec<Tier> = samples.iter().flat_map(|s| s.tiers.iter().map(|t| t.tier)).collect();
    tiers.sort_unstable();
    tiers.dedup();
    tiers.into_iter().map(|tier| tier_over_time(clock, samples, tier)).collect()
}

fn tier_over_time(clock: &Clock, samples: &[ResourceSample], tier: Tier) -> TierSeries {
    let (mut cores, mut rss, mut queue) = (Points::new(), Points::new(), Points::new());
    for sample in samples {
        let Some(used) = sample.tiers.iter().find(|used| used.tier == tier) else { continue };
        let at = clock.seconds(sample.at_ms);
        if let Some(value) = per_tick(used.cpu_us, sample.tick_us) {
            cores.push((at, value));
        }
        rss.push((at, used.rss.as_f64()));
        let ready = used.cpu_us + used.run_queue_us;
        if let Some(value) = per_tick(used.run_queue_us, ready) {
            queue.push((at, value));
        }
    }
    TierSeries { tier, cores: peaks(cores), rss_bytes: peaks(rss), run_queue_share: peaks(queue) }
}

fn host_series(clock: &Clock, samples: &[ResourceSample]) -> HostSeries {
    let mut series = HostSeries::default();
    for sample in samples {
        let at = clock.seconds(sample.at_ms);
        let host = &sample.host;
        for (points, used) in [
            (&mut series.busy_cores, host.busy_us),
            (&mut series.foreign_cores, host.foreign_us),
            (&mut series.steal_cores, host.steal_us),
        ] {
            if let Some(value) = per_tick(used, sample.tick_us) {
                points.push((at, value));
            }
        }
        series.mem_available_bytes.push((at, host.mem_available.as_f64()));
    }
    HostSeries {
        busy_cores: peaks(series.busy_cores),
        foreign_cores: peaks(series.foreign_cores),
        steal_cores: peaks(series.steal_cores),
        mem_available_bytes: troughs(series.mem_available_bytes),
    }
}

fn latency_series(clock: &Clock, phase: &LoadPhase) -> LatencySeries {
    let series = |value: fn(&kneepoint_model::load::SecondStats) -> f64, only_with_requests: bool| {
        let seconds = phase.seconds.iter().filter(|second| !only_with_requests || second.requests > 0);
        peaks(seconds.map(|second| (clock.seconds(second.at_ms), value(second))).collect())
    };
    LatencySeries {
        phase: phase.name.clone(),
        p50_ms: series(|s| s.p50_us.as_millis(), true),
        p95_ms: series(|s| s.p95_us.as_millis(), true),
        p99_ms: series(|s| s.p99_us.as_millis(), true),
        rps: series(|s| s.requests as f64, false),
        errors: series(|s| s.errors as f64, false),
        in_flight: series(|s| s.in_flight as f64, false),
    }
}

fn per_tick(part: Micros, whole: Micros) -> Option<f64> {
    (whole.get() > 0).then(|| part.as_f64() / whole.as_f64())
}

fn peaks(points: Points) -> Points {
    bucketed(points, |candidate, kept| candidate > kept)
}

fn troughs(points: Points) -> Points {
    bucketed(points, |candidate, kept| candidate < kept)
}

fn bucketed(points: Points, better: fn(f64, f64) -> bool) -> Points {
    if points.len() <= MAX_POINTS {
        return points;
    }
    let size = points.len().div_ceil(MAX_POINTS);
    points
        .chunks(size)
        .filter_map(|chunk| {
            chunk.iter().copied().reduce(|kept, next| if better(next.1, kept.1) { next } else { kept })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn downsampling_is_bounded_ordered_and_keeps_the_peak(values in prop::collection::vec(0.0f64..1e6, 1..5_000)) {
            let points: Points = values.iter().enumerate().map(|(i, v)| (i as f64, *v)).collect();
            let kept = peaks(points.clone());
            prop_assert!(kept.len() <= MAX_POINTS);
            prop_assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
            let top = |points: &Points| points.iter().map(|p| p.1).fold(f64::MIN, f64::max);
            prop_assert!((top(&kept) - top(&points)).abs() < f64::EPSILON);
        }
    }

    #[test]
    fn a_run_without_measurements_has_an_empty_timeline() {
        assert_eq!(timeline(&crate::fixtures::empty()), Timeline::default());
    }
}
