//! What ended since the last second: histograms and counts, by endpoint.

use std::collections::BTreeMap;

use kneepoint_model::histogram::LatencyHistogram;
use kneepoint_model::outcome::Outcome;

use super::exemplars::Exemplars;
use super::groups::Groups;
use super::hit::Hit;
use super::stages::Stages;
use super::tally::Tally;
use crate::page::PageHit;
use crate::window::Window;

/// One endpoint's latencies and counts.
#[derive(Debug, Default)]
pub(crate) struct Series {
    pub(crate) response: LatencyHistogram,
    pub(crate) service: LatencyHistogram,
    pub(crate) ttfb: LatencyHistogram,
    pub(crate) tally: Tally,
    /// Times of whole pages, where they are loaded with their assets.
    pub(crate) page: Option<Box<LatencyHistogram>>,
}

impl Series {
    fn count(&mut self, hit: &Hit<'_>) {
        self.response.record_duration(hit.response());
        if let Some(service) = hit.service() {
            self.service.record_duration(service);
        }
        if let Some(ttfb) = hit.ttfb() {
            self.ttfb.record_duration(ttfb);
        }
        self.tally.count(hit);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.response.merge(&other.response);
        self.service.merge(&other.service);
        self.ttfb.merge(&other.ttfb);
        self.tally.merge(&other.tally);
        if let Some(page) = &other.page {
            self.page_times().merge(page);
        }
    }

    /// Made when the first page ends.
    pub(crate) fn page_times(&mut self) -> &mut LatencyHistogram {
        self.page.get_or_insert_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tally.requests == 0 && self.tally.pages.is_empty()
    }

    fn clear(&mut self) {
        if !self.is_empty() {
            self.response.clear();
            self.service.clear();
            self.ttfb.clear();
            self.tally = Tally::default();
            self.page.iter_mut().for_each(|page| page.clear());
        }
    }
}

/// Everything since the last swap. Memory is made when an endpoint is first used, and kept.
#[derive(Debug)]
pub(crate) struct Shard {
    /// By endpoint: due in the measured part.
    pub(crate) measured: Vec<Option<Box<Series>>>,
    /// By endpoint: due before it.
    pub(crate) warmup: Vec<Option<Box<Series>>>,
    /// Of measured requests.
    pub(crate) connect: LatencyHistogram,
    pub(crate) tls: LatencyHistogram,
    pub(crate) sched_lag: LatencyHistogram,
    pub(crate) pool_wait: LatencyHistogram,
    pub(crate) exemplars: Exemplars,
    pub(crate) stages: Stages,
    pub(crate) groups: Groups,
    /// Became due since the last swap.
    pub(crate) started: u64,
    /// Of those, in the measured part.
    pub(crate) due: u64,
    /// Ended (neither censored nor shed) while the measured part lasted, whenever they were due.
    pub(crate) ended: u64,
    pub(crate) journeys: u64,
    pub(crate) journeys_failed: u64,
    /// Journeys that were not begun, by the feed that had no row for them.
    pub(crate) dry: BTreeMap<usize, u64>,
}

impl Shard {
    pub(crate) fn new(endpoints: usize) -> Self {
        Self {
            measured: (0..endpoints).map(|_| None).collect(),
            warmup: (0..endpoints).map(|_| None).collect(),
            connect: LatencyHistogram::new(),
            tls: LatencyHistogram::new(),
            sched_lag: LatencyHistogram::new(),
            pool_wait: LatencyHistogram::new(),
            exemplars: Exemplars::default(),
            stages: Stages::default(),
            groups: Groups::default(),
            started: 0,
            due: 0,
            ended: 0,
            journeys: 0,
            journeys_failed: 0,
            dry: BTreeMap::new(),
        }
    }

    /// Counts a request that became due, in the measured part or not, in a stage of it or not.
    pub(crate) fn due(&mut self, measured: bool, stage: Option<usize>) {
        self.started += 1;
        self.due += u64::from(measured);
        if let Some(stage) = stage {
            self.stages.due(stage);
        }
    }

    /// Counts a request that ended, and was due in this stage of the measured part.
    pub(crate) fn record(&mut self, hit: &Hit<'_>, window: &Window, stage: Option<usize>) {
        let measured = window.measures(hit.counted);
        let was_answered = !matches!(hit.outcome, Outcome::Censored | Outcome::Shed);
        if was_answered && window.measures(hit.done) {
            self.ended += 1;
        }
        let series = if measured { &mut self.measured } else { &mut self.warmup };
        series[hit.endpoint].get_or_insert_default().count(hit);
        if !measured {
            return;
        }
        if let Some(stage) = stage {
            self.stages.count(stage, hit);
        }
        for (histogram, value) in [
            (&mut self.connect, hit.connect),
            (&mut self.tls, hit.tls),
            (&mut self.sched_lag, hit.lag),
            (&mut self.pool_wait, hit.pool_wait),
        ] {
            if let Some(value) = value {
                histogram.record_duration(value);
            }
        }
        self.exemplars.consider(hit, window);
    }

    /// Counts a page that ended, under its document's endpoint.
    pub(crate) fn page(&mut self, hit: &PageHit, measured: bool) {
        let series = if measured { &mut self.measured } else { &mut self.warmup };
        let series = series[hit.endpoint].get_or_insert_default();
        series.page_times().record_duration(hit.done.saturating_duration_since(hit.due));
        series.tally.pages.add(&hit.counts);
    }

    /// Forgets everything, keeps the memory.
    pub(crate) fn clear(&mut self) {
        for series in self.measured.iter_mut().chain(&mut self.warmup).flatten() {
            series.clear();
        }
        for histogram in [&mut self.connect, &mut self.tls, &mut self.sched_lag, &mut self.pool_wait] {
            if !histogram.is_empty() {
                histogram.clear();
            }
        }
        self.exemplars.clear();
        self.stages.clear();
        self.groups.clear();
        self.dry.clear();
        (self.started, self.due, self.ended, self.journeys, self.journeys_failed) = (0, 0, 0, 0, 0);
    }
}
