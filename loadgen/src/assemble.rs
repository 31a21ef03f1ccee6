//! From the ledger to the result: the same figures whether the phase ended or was cut short. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use kneepoint_model::histogram::LatencyHistogram;
use kneepoint_model::load::{EndpointStats, ExhaustedFeed, GroupStats, LoadModel, LoadPhase};
use kneepoint_model::load_segment::SegmentStats;
use kneepoint_model::outcome::Outcome;
use kneepoint_model::page::PageStats;
use kneepoint_model::run::{FORMAT_VERSION, names};
use kneepoint_model::stop_condition::StopCondition;
use kneepoint_model::units::{PerSecond, UnixMillis};

use crate::health::Cost;
use crate::recorder::{Endpoint, GroupSeries, Ledger, PlanRecord, Series};
use crate::validity::{Evidence, judge};

/// What the ledger does not know.
pub(crate) struct Circumstances {
    /// End of the measured part, as it was.
    pub(crate) until_ms: UnixMillis,
    pub(crate) cost: Cost,
    pub(crate) local_faults: u64,
    /// Cut short, by a wish to stop or by a kill.
    pub(crate) partial: bool,
    /// The limit that stopped it.
    pub(crate) stopped_by: Option<StopCondition>,
}

/// Puts the result together.
pub(crate) fn assemble(record: &PlanRecord, ledger: &Ledger, circumstances: &Circumstances) -> LoadPhase {
    let mut all = [LatencyHistogram::new(), LatencyHistogram::new(), LatencyHistogram::new()];
    let (mut requests, mut errors, mut outcomes) = (0, 0, BTreeMap::new());
    let mut endpoints = Vec::new();
    for (endpoint, series) in record.endpoints.iter().zip(&ledger.series) {
        for (sum, one) in all.iter_mut().zip([&series.response, &series.service, &series.ttfb]) {
            sum.merge(one);
        }
        let tally = &series.tally;
        requests += tally.requests;
        errors += tally.errors;
        for (outcome, count) in &tally.outcomes {
            *outcomes.entry(*outcome).or_insert(0) += count;
        }
        endpoints.push(of(endpoint, series));
    }
    let [response, service, ttfb] = all;
    let asked = Duration::from_millis((record.measured_until_ms - record.measured_from_ms).get());
    let measured = Duration::from_millis((circumstances.until_ms - record.measured_from_ms).get());
    let offered =
        matches!(record.load, LoadModel::Open { .. }).then(|| PerSecond::from_count(ledger.due, measured));
    let achieved = PerSecond::from_count(ledger.ended, measured);
    let mut exemplars = Vec::new();
    for (at, mut exemplar) in ledger.exemplars.all() {
        exemplar.endpoint =
            record.endpoints.get(at).map(|endpoint| endpoint.name.clone()).unwrap_or_default();
        exemplars.push(exemplar);
    }
    let stages = stages(record, ledger, measured);
    let dry = dry(record, ledger);
    let groups = groups(record, ledger);
    let pages = pages(record, ledger);
    let evidence = Evidence {
        model: record.load,
        offered,
        achieved,
        requests,
        errors,
        shed: outcomes.get(&Outcome::Shed).copied().unwrap_or_default(),
        response: response.quantiles(),
        sched_lag: ledger.sched_lag.quantiles(),
        health: circumstances.cost.health,
        wake_wait: circumstances.cost.wake_wait,
        local_faults: circumstances.local_faults,
        cut: circumstances.partial.then_some((asked, measured)),
        stopped_by: circumstances.stopped_by,
        dry: dry.clone(),
    };
    LoadPhase {
        format_version: FORMAT_VERSION,
        name: record.name.clone(),
        load: record.load,
        http: record.http,
        scenarios: record.scenarios.clone(),
        seed: record.seed,
        started_ms: record.started_ms,
        measured_from_ms: record.measured_from_ms,
        measured_until_ms: circumstances.until_ms,
        offered_rps: offered,
        achieved_rps: achieved,
        requests,
        errors,
        outcomes,
        journeys: ledger.journeys,
        journeys_failed: ledger.journeys_failed,
        exhausted_feeds: dry,
        groups,
        response_us: response.quantiles(),
        service_us: service.quantiles(),
        ttfb_us: ttfb.quantiles(),
        connect_us: ledger.connect.quantiles(),
        tls_us: ledger.tls.quantiles(),
        sched_lag_us: ledger.sched_lag.quantiles(),
        pacing: record.pacing,
        pool_wait_us: ledger.pool_wait.quantiles(),
        curve: response.curve(),
        endpoints,
        seconds: ledger.seconds.clone(),
        segments: stages,
        pages,
        exemplars,
        log: names::hlog(&record.name),
        generator: circumstances.cost.health,
        validity: judge(&evidence),
        partial: circumstances.partial,
        stopped_by: circumstances.stopped_by.map(|limit| limit.to_string()),
    }
}

fn of(endpoint: &Endpoint, series: &Series) -> EndpointStats {
    let tally = &series.tally;
    EndpointStats {
        name: endpoint.name.clone(),
        requests: tally.requests,
        errors: tally.errors,
        outcomes: tally.outcomes.clone(),
        statuses: tally.statuses.clone(),
        response_us: series.response.quantiles(),
        service_us: series.service.quantiles(),
        ttfb_us: series.ttfb.quantiles(),
        wire_bytes: tally.wire_bytes,
        body_bytes: tally.body_bytes,
        undecoded_bytes: tally.undecoded_bytes,
        compressed: tally.compressed,
        redirects: tally.redirects,
        cache: tally.cache.clone(),
        split: tally.split,
        routes: tally.routes.clone(),
        slo: endpoint.slo.clone(),
    }
}

/// All groups, also those that no journey left.
fn groups(record: &PlanRecord, ledger: &Ledger) -> Vec<GroupStats> {
    let none = GroupSeries::default();
    let seen = ledger.groups.iter().chain(std::iter::repeat(&none));
    let one = |(group, series): (&Endpoint, &GroupSeries)| GroupStats {
        name: group.name.clone(),
        journeys: series.tally.ended,
        failed: series.tally.failed,
        unfinished: series.tally.unfinished,
        time_us: series.time.quantiles(),
    };
    record.groups.iter().zip(seen).map(one).collect()
}

/// The feeds that ran dry.
fn dry(record: &PlanRecord, ledger: &Ledger) -> Vec<ExhaustedFeed> {
    let one = |(feed, journeys): (&usize, &u64)| {
        let known = record.feeds.get(*feed)?;
        Some(ExhaustedFeed {
            scenario: known.scenario.clone(),
            feed: known.feed.clone(),
            rows: known.rows,
            journeys: *journeys,
        })
    };
    ledger.dry.iter().filter_map(one).collect()
}

/// The steps whose pages were loaded with their assets.
fn pages(record: &PlanRecord, ledger: &Ledger) -> Vec<PageStats> {
    let of = |(endpoint, series): (&Endpoint, &Series)| {
        let counts = series.tally.pages;
        let page_us = series.page.as_ref().map(|times| times.quantiles()).unwrap_or_default();
        (!counts.is_empty()).then(|| PageStats { name: endpoint.name.clone(), counts, page_us })
    };
    record.endpoints.iter().zip(&ledger.series).filter_map(of).collect()
}

/// The stages that were reached. One that was cut short offered what it did in the time that it had.
fn stages(record: &PlanRecord, ledger: &Ledger, measured: Duration) -> Vec<SegmentStats> {
    let mut begins = Duration::ZERO;
    let mut stats = Vec::new();
    for (stage, seen) in record.stages.iter().zip(ledger.stages.iter()) {
        let length = stage.length().min(measured.saturating_sub(begins));
        begins += stage.length();
        stats.push(SegmentStats {
            segment: *stage,
            offered_rps: PerSecond::from_count(seen.tally.due, length),
            requests: seen.tally.requests,
            errors: seen.tally.errors,
            response_us: seen.response.quantiles(),
            service_us: seen.service.quantiles(),
        });
    }
    stats
}
