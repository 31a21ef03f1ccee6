//! Seconds of a phase for those who watch. Put together on the collector's thread, and only where somebody watches.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kneepoint_model::histogram::LatencyHistogram;
use kneepoint_model::live::{Interest, LiveEndpoint, LiveSecond, LiveTotals};
use kneepoint_model::load::{LoadModel, SecondStats};
use kneepoint_model::outcome::Outcome;
use kneepoint_model::units::{PerSecond, Ratio};
use url::Url;

use crate::health::{Account, health};
use crate::recorder::{Ledger, Shard};
use crate::validity::{Evidence, judge};
use crate::world::World;

/// Before that nothing is said against the figures: most of what is under way has not ended yet.
const TOO_EARLY: Duration = Duration::from_secs(3);
/// Nor with fewer requests: that there are few yet is no fault of a phase that goes on.
const LEAST_REQUESTS: u64 = 50;

/// What was seen up to the second before.
pub(crate) struct Live {
    interest: Interest,
    /// Generator threads at the end of the second before, and at the beginning of the measured part.
    account: Account,
    begun: Account,
    at: Instant,
    last: Option<LiveSecond>,
}

impl Live {
    pub(crate) fn new(world: &World, interest: Interest) -> Self {
        let account = if interest == Interest::None { Account::default() } else { world.threads.read() };
        Self { interest, begun: account.clone(), account, at: world.window.start, last: None }
    }

    /// The second that ended at `to`; `None` where nobody watches.
    pub(crate) fn second(
        &mut self,
        world: &World,
        (shard, stats): (&Shard, &SecondStats),
        ledger: &Ledger,
        to: Instant,
    ) -> Option<LiveSecond> {
        if self.interest == Interest::None {
            return None;
        }
        let interval = to.saturating_duration_since(self.at);
        let account = world.threads.read();
        let busiest = health(&self.account, &account, interval, 0).health.busiest_thread;
        self.at = to;
        self.account = account;
        if stats.warmup {
            self.begun = self.account.clone();
        }
        let window = &world.window;
        let second = LiveSecond {
            phase: world.plan.name.clone(),
            load: world.plan.model,
            server: server(&world.plan.base_url),
            scenarios: world.plan.scenarios.iter().map(|(scenario, _)| scenario.name().to_owned()).collect(),
            segment: stage(world, to),
            elapsed: to.saturating_duration_since(window.start),
            length: window.until.saturating_duration_since(window.start),
            at_ms: window.to_ms(to),
            interval: interval.max(Duration::from_millis(1)),
            second: stats.clone(),
            outcomes: outcomes(shard),
            sched_lag_p99_us: (!shard.sched_lag.is_empty()).then(|| shard.sched_lag.quantile(0.99)),
            busiest_thread: (busiest > Ratio(0.0)).then_some(busiest),
            so_far: LiveTotals::default(),
        };
        self.last = Some(second.clone());
        Some(LiveSecond { so_far: self.so_far(world, ledger, to), ..second })
    }

    /// The measured part once more, when everything that was due has ended. It has no second of its own.
    pub(crate) fn last(&mut self, world: &World, ledger: &Ledger) -> Option<LiveSecond> {
        let last = self.last.take()?;
        let so_far = self.so_far(world, ledger, self.at);
        let at_ms = world.window.to_ms(Instant::now());
        Some(LiveSecond { at_ms, interval: Duration::ZERO, outcomes: BTreeMap::new(), so_far, ..last })
    }

    fn so_far(&self, world: &World, ledger: &Ledger, to: Instant) -> LiveTotals {
        let whole = self.interest == Interest::Distributions;
        let asked = world.endpoints.iter().zip(&ledger.series).filter(|(_, series)| !series.is_empty());
        let endpoints: Vec<LiveEndpoint> = asked
            .map(|(endpoint, series)| LiveEndpoint {
                name: endpoint.name.clone(),
                requests: series.tally.requests,
                outcomes: series.tally.outcomes.clone(),
                p95_us: series.response.quantile(0.95),
                response: whole.then(|| series.response.clone()),
                service: whole.then(|| series.service.clone()),
            })
            .collect();
        LiveTotals {
            from_ms: world.window.to_ms(world.window.from),
            requests: endpoints.iter().map(|endpoint| endpoint.requests).sum(),
            errors: endpoints.iter().map(LiveEndpoint::errors).sum(),
            sched_lag: (whole && !ledger.sched_lag.is_empty()).then(|| ledger.sched_lag.clone()),
            doubts: self.doubts(world, ledger, to),
            endpoints,
        }
    }

    /// What would be said against the figures if the phase ended now.
    fn doubts(&self, world: &World, ledger: &Ledger, to: Instant) -> Vec<String> {
        let measured = to.saturating_duration_since(world.window.from);
        let requests: u64 = ledger.series.iter().map(|series| series.tally.requests).sum();
        if measured < TOO_EARLY || requests < LEAST_REQUESTS {
            return Vec::new();
        }
        let mut response = LatencyHistogram::new();
        for series in ledger.series.iter().filter(|series| !series.is_empty()) {
            response.merge(&series.response);
        }
        let is_open = matches!(world.plan.model, LoadModel::Open { .. });
        let cost = health(&self.begun, &self.account, measured, ledger.ended);
        let evidence = Evidence {
            model: world.plan.model,
            offered: is_open.then(|| PerSecond::from_count(ledger.due, measured)),
            // What is under way is not missing yet.
            achieved: PerSecond::from_count(ledger.ended + world.in_flight(), measured),
            requests,
            errors: ledger.series.iter().map(|series| series.tally.errors).sum(),
            shed: ledger.series.iter().filter_map(|series| series.tally.outcomes.get(&Outcome::Shed)).sum(),
            dry: Vec::new(),
            response: response.quantiles(),
            sched_lag: ledger.sched_lag.quantiles(),
            health: cost.health,
            wake_wait: cost.wake_wait,
            local_faults: world.local_faults.load(Ordering::Relaxed),
            cut: None,
            stopped_by: None,
        };
        judge(&evidence).why
    }
}

fn server(url: &Url) -> (String, u16) {
    (url.host_str().unwrap_or_default().to_owned(), url.port_or_known_default().unwrap_or_default())
}

/// Which stage of the phase a moment belongs to, and what is wanted in it; `None` where the rate does not change.
pub(crate) fn stage(world: &World, to: Instant) -> Option<String> {
    let stages = world.plan.any_stages();
    let last = stages.len().checked_sub(1)?;
    let since = to.saturating_duration_since(world.window.from);
    let at = world.plan.stage_ends().partition_point(|end| *end < since).min(last);
    Some(format!("stage {} of {}: {}", at + 1, stages.len(), stages[at]))
}

/// How everything ended that ended in a second, due whenever.
fn outcomes(shard: &Shard) -> BTreeMap<Outcome, u64> {
    let mut sum = BTreeMap::new();
    for series in shard.measured.iter().chain(&shard.warmup).flatten() {
        for (outcome, count) in &series.tally.outcomes {
            *sum.entry(*outcome).or_default() += count;
        }
    }
    sum
}
