//! What ended since the last swap: histograms and counts, by endpoint.

use std::collections::BTreeMap;

use kneepoint_model::histogram::LatencyHistogram;
use kneepoint_model::outcome::Outcome;

use super::completed::{CompletedPage, CompletedRequest};
use super::counts::EndpointCounts;
use super::exemplars::Exemplars;
use super::groups::GroupTotals;
use super::segments::SegmentTotals;
use crate::window::Window;

/// Latencies and counts of one endpoint.
#[derive(Debug, Default)]
pub(crate) struct EndpointSeries {
    pub(crate) response: LatencyHistogram,
    pub(crate) service: LatencyHistogram,
    pub(crate) ttfb: LatencyHistogram,
    pub(crate) counts: EndpointCounts,
    /// Times of whole pages, where assets are loaded.
    pub(crate) page: Option<Box<LatencyHistogram>>,
}

impl EndpointSeries {
    fn count(&mut self, request: &CompletedRequest<'_>) {
        self.response.record_duration(request.response());
        if let Some(service) = request.service() {
            self.service.record_duration(service);
        }
        if let Some(ttfb) = request.ttfb() {
            self.ttfb.record_duration(ttfb);
        }
        self.counts.count(request);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.response.merge(&other.response);
        self.service.merge(&other.service);
        self.ttfb.merge(&other.ttfb);
        self.counts.merge(&other.counts);
        if let Some(page) = &other.page {
            self.page_times_mut().merge(page);
        }
    }

    /// Created when the first page ends.
    pub(crate) fn page_times_mut(&mut self) -> &mut LatencyHistogram {
        self.page.get_or_insert_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.counts.requests == 0 && self.counts.pages.is_empty()
    }

    fn clear(&mut self) {
        if !self.is_empty() {
            self.response.clear();
            self.service.clear();
            self.ttfb.clear();
            self.counts = EndpointCounts::default();
            self.page.iter_mut().for_each(|page| page.clear());
        }
    }
}

/// Statistics since the last swap. Memory is allocated when an endpoint is first used, and kept.
#[derive(Debug)]
pub(crate) struct IntervalStats {
    /// By endpoint: due in the measured part.
    pub(crate) measured: Vec<Option<Box<EndpointSeries>>>,
    /// By endpoint: due in the warm-up.
    pub(crate) warmup: Vec<Option<Box<EndpointSeries>>>,
    /// This and the next three: of measured requests.
    pub(crate) connect: LatencyHistogram,
    pub(crate) tls: LatencyHistogram,
    pub(crate) sched_lag: LatencyHistogram,
    pub(crate) pool_wait: LatencyHistogram,
    pub(crate) exemplars: Exemplars,
    pub(crate) segments: SegmentTotals,
    pub(crate) groups: GroupTotals,
    /// Requests that became due.
    pub(crate) started: u64,
    /// Of those, in the measured part.
    pub(crate) due: u64,
    /// Requests that ended (neither censored nor shed) during the measured part, whenever they were due.
    pub(crate) ended: u64,
    pub(crate) journeys: u64,
    pub(crate) journeys_failed: u64,
    /// Journeys that were not begun, by the feed that had no row left.
    pub(crate) exhausted_feeds: BTreeMap<usize, u64>,
}

impl IntervalStats {
    pub(crate) fn new(endpoints: usize) -> Self {
        Self {
            measured: (0..endpoints).map(|_| None).collect(),
            warmup: (0..endpoints).map(|_| None).collect(),
            connect: LatencyHistogram::new(),
            tls: LatencyHistogram::new(),
            sched_lag: LatencyHistogram::new(),
            pool_wait: LatencyHistogram::new(),
            exemplars: Exemplars::default(),
            segments: SegmentTotals::default(),
            groups: GroupTotals::default(),
            started: 0,
            due: 0,
            ended: 0,
            journeys: 0,
            journeys_failed: 0,
            exhausted_feeds: BTreeMap::new(),
        }
    }

    /// Counts a request that became due.
    pub(crate) fn count_due(&mut self, measured: bool, segment: Option<usize>) {
        self.started += 1;
        self.due += u64::from(measured);
        if let Some(segment) = segment {
            self.segments.count_due(segment);
        }
    }

    /// Counts a request that ended; `segment` is that of its due time.
    pub(crate) fn record(&mut self, request: &CompletedRequest<'_>, window: &Window, segment: Option<usize>) {
        let measured = window.measures(request.counted_at);
        let has_response = !matches!(request.outcome, Outcome::Censored | Outcome::Shed);
        if has_response && window.measures(request.done) {
            self.ended += 1;
        }
        let series = if measured { &mut self.measured } else { &mut self.warmup };
        series[request.endpoint].get_or_insert_default().count(request);
        if !measured {
            return;
        }
        if let Some(segment) = segment {
            self.segments.count(segment, request);
        }
        for (histogram, value) in [
            (&mut self.connect, request.connect),
            (&mut self.tls, request.tls),
            (&mut self.sched_lag, request.lag),
            (&mut self.pool_wait, request.pool_wait),
        ] {
            if let Some(value) = value {
                histogram.record_duration(value);
            }
        }
        self.exemplars.consider(request, window);
    }

    /// Counts a page load under the endpoint of its document.
    pub(crate) fn record_page(&mut self, request: &CompletedPage, measured: bool) {
        let series = if measured { &mut self.measured } else { &mut self.warmup };
        let series = series[request.endpoint].get_or_insert_default();
        series.page_times_mut().record_duration(request.done.saturating_duration_since(request.due));
        series.counts.pages.add(&request.counts);
    }

    /// Resets the statistics, keeps the memory.
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
        self.segments.clear();
        self.groups.clear();
        self.exhausted_feeds.clear();
        (self.started, self.due, self.ended, self.journeys, self.journeys_failed) = (0, 0, 0, 0, 0);
    }
}
