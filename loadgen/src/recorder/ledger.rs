//! The whole measured part of a phase, put together second by second; the same from memory and from files.

use std::collections::BTreeMap;

use kneepoint_model::histogram::LatencyHistogram;
use kneepoint_model::load::SecondStats;
use kneepoint_model::units::UnixMillis;

use super::exemplars::Exemplars;
use super::groups::Groups;
use super::shard::{Series, Shard};
use super::stages::Stages;

/// Sums over the measured part.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// By endpoint.
    pub(crate) series: Vec<Series>,
    pub(crate) connect: LatencyHistogram,
    pub(crate) tls: LatencyHistogram,
    pub(crate) sched_lag: LatencyHistogram,
    pub(crate) pool_wait: LatencyHistogram,
    pub(crate) exemplars: Exemplars,
    pub(crate) stages: Stages,
    pub(crate) groups: Groups,
    pub(crate) due: u64,
    pub(crate) ended: u64,
    pub(crate) journeys: u64,
    pub(crate) journeys_failed: u64,
    /// By feed.
    pub(crate) dry: BTreeMap<usize, u64>,
    pub(crate) seconds: Vec<SecondStats>,
}

impl Ledger {
    pub(crate) fn new(endpoints: usize) -> Self {
        Self {
            series: (0..endpoints).map(|_| Series::default()).collect(),
            connect: LatencyHistogram::new(),
            tls: LatencyHistogram::new(),
            sched_lag: LatencyHistogram::new(),
            pool_wait: LatencyHistogram::new(),
            exemplars: Exemplars::default(),
            stages: Stages::default(),
            groups: Groups::default(),
            due: 0,
            ended: 0,
            journeys: 0,
            journeys_failed: 0,
            dry: BTreeMap::new(),
            seconds: Vec::new(),
        }
    }

    /// Adds what ended in an interval.
    pub(crate) fn add(&mut self, shard: &Shard) {
        for (total, series) in self.series.iter_mut().zip(&shard.measured) {
            if let Some(series) = series.as_ref().filter(|series| !series.is_empty()) {
                total.merge(series);
            }
        }
        self.connect.merge(&shard.connect);
        self.tls.merge(&shard.tls);
        self.sched_lag.merge(&shard.sched_lag);
        self.pool_wait.merge(&shard.pool_wait);
        self.exemplars.merge(&shard.exemplars);
        self.stages.merge(&shard.stages);
        self.groups.merge(&shard.groups);
        self.due += shard.due;
        self.ended += shard.ended;
        self.journeys += shard.journeys;
        self.journeys_failed += shard.journeys_failed;
        self.add_dry(&shard.dry);
    }

    /// Adds journeys that were not begun.
    pub(crate) fn add_dry(&mut self, dry: &BTreeMap<usize, u64>) {
        for (feed, journeys) in dry {
            *self.dry.entry(*feed).or_default() += journeys;
        }
    }
}

/// The figures of one interval: everything that ended in it, due whenever.
pub(crate) fn second(shard: &Shard, at_ms: UnixMillis, warmup: bool, in_flight: u64) -> SecondStats {
    let mut response = LatencyHistogram::new();
    let (mut requests, mut errors) = (0, 0);
    for series in shard.measured.iter().chain(&shard.warmup).flatten().filter(|series| !series.is_empty()) {
        response.merge(&series.response);
        requests += series.tally.requests;
        errors += series.tally.errors;
    }
    let figures = response.quantiles();
    SecondStats {
        at_ms,
        warmup,
        requests,
        errors,
        started: shard.started,
        in_flight,
        p50_us: figures.p50,
        p95_us: figures.p95,
        p99_us: figures.p99,
        max_us: figures.max,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use kneepoint_model::outcome::Outcome;
    use proptest::prelude::*;

    use super::*;
    use crate::recorder::Hit;
    use crate::session::TraceId;
    use crate::window::Window;

    fn hit(at: Instant, n: usize, us: u64) -> Hit<'static> {
        Hit {
            endpoint: n % 3,
            due: at,
            counted: at,
            lag: Some(Duration::from_micros(us / 10)),
            pool_wait: None,
            sent: Some(at + Duration::from_micros(1)),
            first_byte: None,
            done: at + Duration::from_micros(us),
            connect: None,
            tls: None,
            redirects: 0,
            outcome: if us.is_multiple_of(7) { Outcome::Reset } else { Outcome::Ok },
            status: Some(200),
            wire: us,
            body: us,
            undecoded: 0,
            compressed: false,
            cache: None,
            hops: &[],
            path: "/",
            trace: TraceId(n as u128, 1),
            detail: "",
            answer: None,
        }
    }

    proptest! {
        #[test]
        fn cutting_into_seconds_changes_no_sum(values in prop::collection::vec(1u64..1_000_000, 1..80), cuts in prop::collection::vec(any::<bool>(), 80)) {
            let window = Window::new(Duration::ZERO, Duration::ZERO, Duration::from_mins(1));
            let (mut whole, mut parts) = (Ledger::new(3), Ledger::new(3));
            let (mut all, mut shard) = (Shard::new(3), Shard::new(3));
            for (n, us) in values.iter().enumerate() {
                let hit = hit(window.from, n, *us);
                let stage = Some(n % 2);
                all.record(&hit, &window, stage);
                shard.record(&hit, &window, stage);
                if cuts[n] {
                    parts.add(&shard);
                    shard.clear();
                }
            }
            whole.add(&all);
            parts.add(&shard);
            prop_assert_eq!(&whole.exemplars, &parts.exemplars);
            prop_assert_eq!(&whole.stages, &parts.stages);
            let by_stage: u64 = whole.stages.iter().map(|stage| stage.tally.requests).sum();
            prop_assert_eq!(by_stage, values.len() as u64);
            prop_assert_eq!((whole.ended, &whole.sched_lag), (parts.ended, &parts.sched_lag));
            for (a, b) in whole.series.iter().zip(&parts.series) {
                prop_assert_eq!((&a.response, &a.service, &a.tally), (&b.response, &b.service, &b.tally));
            }
        }
    }
}
