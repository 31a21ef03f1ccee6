//! From totals to the result: the same figures whether the phase ended or was cut short. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use kneepoint_model::histogram::LatencyHistogram;
use kneepoint_model::load::{
    EndpointStats, Exemplar, ExhaustedFeed, GroupStats, LoadModel, LoadPhase, Validity,
};
use kneepoint_model::load_segment::SegmentStats;
use kneepoint_model::outcome::Outcome;
use kneepoint_model::page::PageStats;
use kneepoint_model::run::{FORMAT_VERSION, names};
use kneepoint_model::stop_condition::StopCondition;
use kneepoint_model::units::{PerSecond, UnixMillis};

use crate::phase::health::GeneratorCost;
use crate::phase::validity::{ValidityEvidence, judge_validity};
use crate::recorder::{Endpoint, EndpointSeries, GroupSeries, PhaseTotals, PlanRecord};

/// What the totals do not contain.
pub(crate) struct PhaseEnding {
    /// Actual end of the measured part.
    pub(crate) until_ms: UnixMillis,
    pub(crate) cost: GeneratorCost,
    pub(crate) local_faults: u64,
    /// Cut short, by a cancellation or a kill.
    pub(crate) partial: bool,
    /// The limit at which the phase was stopped.
    pub(crate) stopped_by: Option<StopCondition>,
}

/// Sums over all endpoints.
#[derive(Default)]
struct EndpointSums {
    response: LatencyHistogram,
    service: LatencyHistogram,
    ttfb: LatencyHistogram,
    requests: u64,
    errors: u64,
    outcomes: BTreeMap<Outcome, u64>,
}

impl EndpointSums {
    fn new(totals: &PhaseTotals) -> Self {
        let mut sums = Self::default();
        for EndpointSeries { response, service, ttfb, counts, .. } in &totals.series {
            sums.response.merge(response);
            sums.service.merge(service);
            sums.ttfb.merge(ttfb);
            sums.requests += counts.requests;
            sums.errors += counts.errors;
            for (outcome, count) in &counts.outcomes {
                *sums.outcomes.entry(*outcome).or_default() += count;
            }
        }
        sums
    }
}

/// Builds the result of a phase.
pub(crate) fn build_result(record: &PlanRecord, totals: &PhaseTotals, ending: &PhaseEnding) -> LoadPhase {
    let sums = EndpointSums::new(totals);
    let measured = Duration::from_millis((ending.until_ms - record.measured_from_ms).get());
    let is_open = matches!(record.load, LoadModel::Open { .. });
    let endpoints = record.endpoints.iter().zip(&totals.series);
    let mut phase = LoadPhase {
        format_version: FORMAT_VERSION,
        name: record.name.clone(),
        load: record.load,
        http: record.http,
        scenarios: record.scenarios.clone(),
        seed: record.seed,
        started_ms: record.started_ms,
        measured_from_ms: record.measured_from_ms,
        measured_until_ms: ending.until_ms,
        offered_rps: is_open.then(|| PerSecond::from_count(totals.due, measured)),
        achieved_rps: PerSecond::from_count(totals.ended, measured),
        requests: sums.requests,
        errors: sums.errors,
        outcomes: sums.outcomes,
        journeys: totals.journeys,
        journeys_failed: totals.journeys_failed,
        exhausted_feeds: exhausted_feeds(record, totals),
        groups: group_stats(record, totals),
        response_us: sums.response.quantiles(),
        service_us: sums.service.quantiles(),
        ttfb_us: sums.ttfb.quantiles(),
        connect_us: totals.connect.quantiles(),
        tls_us: totals.tls.quantiles(),
        sched_lag_us: totals.sched_lag.quantiles(),
        pacing: record.pacing,
        pool_wait_us: totals.pool_wait.quantiles(),
        curve: sums.response.curve(),
        endpoints: endpoints.map(|(endpoint, series)| endpoint_stats(endpoint, series)).collect(),
        seconds: totals.seconds.clone(),
        segments: segment_stats(record, totals, measured),
        pages: page_stats(record, totals),
        exemplars: named_exemplars(record, totals),
        log: names::hlog(&record.name),
        generator: ending.cost.health,
        validity: Validity::default(),
        partial: ending.partial,
        stopped_by: ending.stopped_by.map(|limit| limit.to_string()),
    };
    let planned = Duration::from_millis((record.measured_until_ms - record.measured_from_ms).get());
    phase.validity = judge_validity(&evidence(&phase, ending, planned));
    phase
}

/// The figures of a result from which its validity is judged.
fn evidence(phase: &LoadPhase, ending: &PhaseEnding, planned: Duration) -> ValidityEvidence {
    ValidityEvidence {
        model: phase.load,
        offered: phase.offered_rps,
        achieved: phase.achieved_rps,
        requests: phase.requests,
        errors: phase.errors,
        shed: phase.outcomes.get(&Outcome::Shed).copied().unwrap_or_default(),
        response: phase.response_us,
        sched_lag: phase.sched_lag_us,
        health: ending.cost.health,
        wake_wait: ending.cost.wake_wait,
        local_faults: ending.local_faults,
        cut: ending.partial.then(|| (planned, phase.measured())),
        stopped_by: ending.stopped_by,
        dry: phase.exhausted_feeds.clone(),
    }
}

/// The exemplars with the names of their endpoints.
fn named_exemplars(record: &PlanRecord, totals: &PhaseTotals) -> Vec<Exemplar> {
    let name = |(at, mut exemplar): (usize, Exemplar)| {
        let endpoint = record.endpoints.get(at);
        exemplar.endpoint = endpoint.map(|endpoint| endpoint.name.clone()).unwrap_or_default();
        exemplar
    };
    totals.exemplars.all().into_iter().map(name).collect()
}

fn endpoint_stats(endpoint: &Endpoint, series: &EndpointSeries) -> EndpointStats {
    let counts = &series.counts;
    EndpointStats {
        name: endpoint.name.clone(),
        requests: counts.requests,
        errors: counts.errors,
        outcomes: counts.outcomes.clone(),
        statuses: counts.statuses.clone(),
        response_us: series.response.quantiles(),
        service_us: series.service.quantiles(),
        ttfb_us: series.ttfb.quantiles(),
        wire_bytes: counts.wire_bytes,
        body_bytes: counts.body_bytes,
        undecoded_bytes: counts.undecoded_bytes,
        compressed: counts.compressed,
        redirects: counts.redirects,
        cache: counts.cache.clone(),
        split: counts.split,
        routes: counts.routes.clone(),
        slo: endpoint.slo.clone(),
    }
}

/// All groups, also those that no journey left.
fn group_stats(record: &PlanRecord, totals: &PhaseTotals) -> Vec<GroupStats> {
    let none = GroupSeries::default();
    let series = totals.groups.iter().chain(std::iter::repeat(&none));
    let one = |(group, series): (&Endpoint, &GroupSeries)| GroupStats {
        name: group.name.clone(),
        journeys: series.counts.ended,
        failed: series.counts.failed,
        unfinished: series.counts.unfinished,
        time_us: series.time.quantiles(),
    };
    record.groups.iter().zip(series).map(one).collect()
}

/// The feeds that were exhausted.
fn exhausted_feeds(record: &PlanRecord, totals: &PhaseTotals) -> Vec<ExhaustedFeed> {
    let one = |(feed, journeys): (&usize, &u64)| {
        let known = record.feeds.get(*feed)?;
        Some(ExhaustedFeed {
            scenario: known.scenario.clone(),
            feed: known.feed.clone(),
            rows: known.rows,
            journeys: *journeys,
        })
    };
    totals.exhausted_feeds.iter().filter_map(one).collect()
}

/// The steps whose pages were loaded with their assets.
fn page_stats(record: &PlanRecord, totals: &PhaseTotals) -> Vec<PageStats> {
    let stats = |(endpoint, series): (&Endpoint, &EndpointSeries)| {
        let counts = series.counts.pages;
        let page_us = series.page.as_ref().map(|times| times.quantiles()).unwrap_or_default();
        (!counts.is_empty()).then(|| PageStats { name: endpoint.name.clone(), counts, page_us })
    };
    record.endpoints.iter().zip(&totals.series).filter_map(stats).collect()
}

/// The segments that were reached. The rate of one that was cut short is over the time that it lasted.
fn segment_stats(record: &PlanRecord, totals: &PhaseTotals, measured: Duration) -> Vec<SegmentStats> {
    let mut begins = Duration::ZERO;
    let mut stats = Vec::new();
    for (segment, series) in record.segments.iter().zip(totals.segments.iter()) {
        let length = segment.length().min(measured.saturating_sub(begins));
        begins += segment.length();
        stats.push(SegmentStats {
            segment: *segment,
            offered_rps: PerSecond::from_count(series.counts.due, length),
            requests: series.counts.requests,
            errors: series.counts.errors,
            response_us: series.response.quantiles(),
            service_us: series.service.quantiles(),
        });
    }
    stats
}
