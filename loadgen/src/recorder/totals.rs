//! Totals of the measured part of a phase, added up second by second; the same from memory and from files.

use std::collections::BTreeMap;

use kneepoint_model::histogram::LatencyHistogram;
use kneepoint_model::load::SecondStats;
use kneepoint_model::units::UnixMillis;

use super::exemplars::Exemplars;
use super::groups::GroupTotals;
use super::interval::{EndpointSeries, IntervalStats};
use super::segments::SegmentTotals;

/// Sums over the measured part.
#[derive(Debug)]
pub(crate) struct PhaseTotals {
    /// One per endpoint.
    pub(crate) series: Vec<EndpointSeries>,
    pub(crate) connect: LatencyHistogram,
    pub(crate) tls: LatencyHistogram,
    pub(crate) sched_lag: LatencyHistogram,
    pub(crate) pool_wait: LatencyHistogram,
    pub(crate) exemplars: Exemplars,
    pub(crate) segments: SegmentTotals,
    pub(crate) groups: GroupTotals,
    pub(crate) due: u64,
    pub(crate) ended: u64,
    pub(crate) journeys: u64,
    pub(crate) journeys_failed: u64,
    /// Journeys that were not begun, by feed.
    pub(crate) exhausted_feeds: BTreeMap<usize, u64>,
    pub(crate) seconds: Vec<SecondStats>,
}

impl PhaseTotals {
    pub(crate) fn new(endpoints: usize) -> Self {
        Self {
            series: (0..endpoints).map(|_| EndpointSeries::default()).collect(),
            connect: LatencyHistogram::new(),
            tls: LatencyHistogram::new(),
            sched_lag: LatencyHistogram::new(),
            pool_wait: LatencyHistogram::new(),
            exemplars: Exemplars::default(),
            segments: SegmentTotals::default(),
            groups: GroupTotals::default(),
            due: 0,
            ended: 0,
            journeys: 0,
            journeys_failed: 0,
            exhausted_feeds: BTreeMap::new(),
            seconds: Vec::new(),
        }
    }

    /// Adds what ended in an interval.
    pub(crate) fn add(&mut self, interval: &IntervalStats) {
        for (total, series) in self.series.iter_mut().zip(&interval.measured) {
            if let Some(series) = series.as_ref().filter(|series| !series.is_empty()) {
                total.merge(series);
            }
        }
        self.connect.merge(&interval.connect);
        self.tls.merge(&interval.tls);
        self.sched_lag.merge(&interval.sched_lag);
        self.pool_wait.merge(&interval.pool_wait);
        self.exemplars.merge(&interval.exemplars);
        self.segments.merge(&interval.segments);
        self.groups.merge(&interval.groups);
        self.due += interval.due;
        self.ended += interval.ended;
        self.journeys += interval.journeys;
        self.journeys_failed += interval.journeys_failed;
        self.add_exhausted_feeds(&interval.exhausted_feeds);
    }

    /// Adds journeys that were not begun.
    pub(crate) fn add_exhausted_feeds(&mut self, exhausted_feeds: &BTreeMap<usize, u64>) {
        for (feed, journeys) in exhausted_feeds {
            *self.exhausted_feeds.entry(*feed).or_default() += journeys;
        }
    }
}

/// Statistics of one interval: everything that ended in it, whenever it was due.
pub(crate) fn second_stats(
    interval: &IntervalStats,
    at_ms: UnixMillis,
    warmup: bool,
    in_flight: u64,
) -> SecondStats {
    let mut response = LatencyHistogram::new();
    let (mut requests, mut errors) = (0, 0);
    for series in
        interval.measured.iter().chain(&interval.warmup).flatten().filter(|series| !series.is_empty())
    {
        response.merge(&series.response);
        requests += series.counts.requests;
        errors += series.counts.errors;
    }
    let figures = response.quantiles();
    SecondStats {
        at_ms,
        warmup,
        requests,
        errors,
        started: interval.started,
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
    use crate::recorder::CompletedRequest;
    use crate::transport::TraceId;
    use crate::window::Window;

    fn request(at: Instant, n: usize, us: u64) -> CompletedRequest<'static> {
        CompletedRequest {
            endpoint: n % 3,
            due: at,
            counted_at: at,
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
            response: None,
        }
    }

    proptest! {
        #[test]
        fn cutting_into_seconds_changes_no_sum(values in prop::collection::vec(1u64..1_000_000, 1..80), cuts in prop::collection::vec(any::<bool>(), 80)) {
            let window = Window::new(Duration::ZERO, Duration::ZERO, Duration::from_mins(1));
            let (mut whole, mut parts) = (PhaseTotals::new(3), PhaseTotals::new(3));
            let (mut all, mut interval) = (IntervalStats::new(3), IntervalStats::new(3));
            for (n, us) in values.iter().enumerate() {
                let request = request(window.from, n, *us);
                let segment = Some(n % 2);
                all.record(&request, &window, segment);
                interval.record(&request, &window, segment);
                if cuts[n] {
                    parts.add(&interval);
                    interval.clear();
                }
            }
            whole.add(&all);
            parts.add(&interval);
            prop_assert_eq!(&whole.exemplars, &parts.exemplars);
            prop_assert_eq!(&whole.segments, &parts.segments);
            let by_segment: u64 = whole.segments.iter().map(|segment| segment.counts.requests).sum();
            prop_assert_eq!(by_segment, values.len() as u64);
            prop_assert_eq!((whole.ended, &whole.sched_lag), (parts.ended, &parts.sched_lag));
            for (a, b) in whole.series.iter().zip(&parts.series) {
                prop_assert_eq!((&a.response, &a.service, &a.counts), (&b.response, &b.service, &b.counts));
            }
        }
    }
}
