//! Live reports of each second. Built on the collector's thread, and only when an event sink is interested.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kneepoint_model::histogram::LatencyHistogram;
use kneepoint_model::live::{Interest, LiveEndpoint, LiveSecond, LiveTotals};
use kneepoint_model::load::SecondStats;
use kneepoint_model::outcome::Outcome;
use kneepoint_model::units::{PerSecond, Ratio};
use url::Url;

use crate::phase::context::PhaseContext;
use crate::phase::health::{CpuSnapshot, generator_cost};
use crate::phase::validity::{ValidityEvidence, judge_validity};
use crate::recorder::{IntervalStats, PhaseTotals};

/// No doubts are reported before this: most requests that started have not ended yet.
const MIN_MEASURED: Duration = Duration::from_secs(3);
/// Nor with fewer requests than this: a running phase may still get more.
const MIN_REQUESTS: u64 = 50;

/// State from one second to the next.
pub(crate) struct LiveReporter {
    interest: Interest,
    /// Generator threads at the end of the last second, and at the beginning of the measured part.
    last_snapshot: CpuSnapshot,
    first_snapshot: CpuSnapshot,
    at: Instant,
    last: Option<LiveSecond>,
}

impl LiveReporter {
    pub(crate) fn new(context: &PhaseContext, interest: Interest) -> Self {
        let snapshot =
            if interest == Interest::None { CpuSnapshot::default() } else { context.threads.snapshot() };
        Self {
            interest,
            first_snapshot: snapshot.clone(),
            last_snapshot: snapshot,
            at: context.prepared.window.start,
            last: None,
        }
    }

    /// The second that ended at `to`; `None` when no sink is interested.
    pub(crate) fn report_second(
        &mut self,
        context: &PhaseContext,
        (recorded, stats): (&IntervalStats, &SecondStats),
        totals: &PhaseTotals,
        to: Instant,
    ) -> Option<LiveSecond> {
        if self.interest == Interest::None {
            return None;
        }
        let interval = to.saturating_duration_since(self.at);
        let snapshot = context.threads.snapshot();
        let busiest = generator_cost(&self.last_snapshot, &snapshot, interval, 0).health.busiest_thread;
        self.at = to;
        self.last_snapshot = snapshot;
        if stats.warmup {
            self.first_snapshot = self.last_snapshot.clone();
        }
        let window = &context.prepared.window;
        let second = LiveSecond {
            phase: context.prepared.plan.name.clone(),
            load: context.prepared.plan.load.model(),
            server: server_address(&context.prepared.plan.base_url),
            scenarios: context
                .prepared
                .plan
                .scenarios
                .iter()
                .map(|(scenario, _)| scenario.name().to_owned())
                .collect(),
            segment: describe_segment(context, to),
            elapsed: to.saturating_duration_since(window.start),
            length: window.until.saturating_duration_since(window.start),
            at_ms: window.to_ms(to),
            interval: interval.max(Duration::from_millis(1)),
            second: stats.clone(),
            outcomes: count_outcomes(recorded),
            sched_lag_p99_us: (!recorded.sched_lag.is_empty()).then(|| recorded.sched_lag.quantile(0.99)),
            busiest_thread: (busiest > Ratio(0.0)).then_some(busiest),
            so_far: LiveTotals::default(),
        };
        self.last = Some(second.clone());
        Some(LiveSecond { so_far: self.so_far(context, totals, to), ..second })
    }

    /// A final report of the measured part, when everything that was due has ended. It contains no second.
    pub(crate) fn report_last(&mut self, context: &PhaseContext, totals: &PhaseTotals) -> Option<LiveSecond> {
        let last = self.last.take()?;
        let so_far = self.so_far(context, totals, self.at);
        let at_ms = context.prepared.window.to_ms(Instant::now());
        Some(LiveSecond { at_ms, interval: Duration::ZERO, outcomes: BTreeMap::new(), so_far, ..last })
    }

    fn so_far(&self, context: &PhaseContext, totals: &PhaseTotals, to: Instant) -> LiveTotals {
        let whole = self.interest == Interest::Distributions;
        let requested =
            context.prepared.endpoints.iter().zip(&totals.series).filter(|(_, series)| !series.is_empty());
        let endpoints: Vec<LiveEndpoint> = requested
            .map(|(endpoint, series)| LiveEndpoint {
                name: endpoint.name.clone(),
                requests: series.counts.requests,
                outcomes: series.counts.outcomes.clone(),
                p95_us: series.response.quantile(0.95),
                response: whole.then(|| series.response.clone()),
                service: whole.then(|| series.service.clone()),
            })
            .collect();
        LiveTotals {
            from_ms: context.prepared.window.to_ms(context.prepared.window.from),
            requests: endpoints.iter().map(|endpoint| endpoint.requests).sum(),
            errors: endpoints.iter().map(LiveEndpoint::errors).sum(),
            sched_lag: (whole && !totals.sched_lag.is_empty()).then(|| totals.sched_lag.clone()),
            doubts: self.find_doubts(context, totals, to),
            endpoints,
        }
    }

    /// What would invalidate the measurement if the phase ended now.
    fn find_doubts(&self, context: &PhaseContext, totals: &PhaseTotals, to: Instant) -> Vec<String> {
        let measured = to.saturating_duration_since(context.prepared.window.from);
        let requests: u64 = totals.series.iter().map(|series| series.counts.requests).sum();
        if measured < MIN_MEASURED || requests < MIN_REQUESTS {
            return Vec::new();
        }
        let mut response = LatencyHistogram::new();
        for series in totals.series.iter().filter(|series| !series.is_empty()) {
            response.merge(&series.response);
        }
        let load = &context.prepared.plan.load;
        let cost = generator_cost(&self.first_snapshot, &self.last_snapshot, measured, totals.ended);
        let evidence = ValidityEvidence {
            model: load.model(),
            offered: load.is_open().then(|| PerSecond::from_count(totals.due, measured)),
            // Requests in flight are not missing yet.
            achieved: PerSecond::from_count(totals.ended + context.in_flight(), measured),
            requests,
            errors: totals.series.iter().map(|series| series.counts.errors).sum(),
            shed: totals.series.iter().filter_map(|series| series.counts.outcomes.get(&Outcome::Shed)).sum(),
            dry: Vec::new(),
            response: response.quantiles(),
            sched_lag: totals.sched_lag.quantiles(),
            health: cost.health,
            wake_wait: cost.wake_wait,
            local_faults: context.counters.local_faults.load(Ordering::Relaxed),
            cut: None,
            stopped_by: None,
        };
        judge_validity(&evidence).why
    }
}

fn server_address(url: &Url) -> (String, u16) {
    (url.host_str().unwrap_or_default().to_owned(), url.port_or_known_default().unwrap_or_default())
}

/// The segment of the load schedule at a moment; `None` where the load is constant.
pub(crate) fn describe_segment(context: &PhaseContext, to: Instant) -> Option<String> {
    let segments = context.prepared.plan.load.segments();
    let last = segments.len().checked_sub(1)?;
    let since = to.saturating_duration_since(context.prepared.window.from);
    let at = context.prepared.plan.segment_ends().partition_point(|end| *end < since).min(last);
    Some(format!("segment {} of {}: {}", at + 1, segments.len(), segments[at]))
}

/// Outcomes of all requests that ended in a second, whenever they were due.
fn count_outcomes(interval: &IntervalStats) -> BTreeMap<Outcome, u64> {
    let mut sum = BTreeMap::new();
    for series in interval.measured.iter().chain(&interval.warmup).flatten() {
        for (outcome, count) in &series.counts.outcomes {
            *sum.entry(*outcome).or_default() += count;
        }
    }
    sum
}
