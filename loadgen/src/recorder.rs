//! Records requests under one short lock; each second the whole statistics are swapped out, merged and written elsewhere.
//!
//! Hot path: [`Recorder::record`]. Everything else happens on the collector's thread.

mod completed;
mod counts;
mod diagnostic_headers;
mod endpoints;
mod exemplars;
mod files;
mod groups;
mod interval;
mod records;
mod segments;
mod totals;

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

pub(crate) use completed::{CompletedPage, CompletedRequest, HopTiming, RecordedHead};
pub(crate) use endpoints::{
    Endpoint, assets_endpoint_name, collect_endpoints, collect_feeds, collect_groups, intern_endpoint,
};
pub(crate) use files::PhaseFiles;
pub(crate) use groups::{GroupEnd, GroupSeries};
pub(crate) use interval::{EndpointSeries, IntervalStats};
pub(crate) use records::{CountsLine, HistogramTag, PlanRecord, parse_tag};
pub(crate) use totals::PhaseTotals;

use crate::window::Window;

/// Receives what ended, from the threads of the generator.
pub(crate) struct Recorder {
    window: Window,
    /// Ends of the segments; empty where the load is constant.
    segments: Vec<Instant>,
    interval: Mutex<Box<IntervalStats>>,
}

impl Recorder {
    pub(crate) fn new(window: Window, segments: Vec<Instant>, endpoints: usize) -> Self {
        Self { window, segments, interval: Mutex::new(Box::new(IntervalStats::new(endpoints))) }
    }

    /// The segment that contains a moment of the measured part.
    fn segment_at(&self, due: Instant) -> Option<usize> {
        if self.segments.is_empty() || !self.window.measures(due) {
            return None;
        }
        Some(self.segments.partition_point(|end| *end <= due).min(self.segments.len() - 1))
    }

    /// Counts a request that ended.
    pub(crate) fn record(&self, request: &CompletedRequest<'_>) {
        let segment = self.segment_at(request.counted_at);
        self.lock().record(request, &self.window, segment);
    }

    /// Counts a page load that ended.
    pub(crate) fn record_page(&self, request: &CompletedPage) {
        self.lock().record_page(request, self.window.measures(request.due));
    }

    /// Counts a request that became due.
    pub(crate) fn count_due(&self, due: Instant) {
        let segment = self.segment_at(due);
        self.lock().count_due(self.window.measures(due), segment);
    }

    /// Counts a journey that ended.
    pub(crate) fn count_journey(&self, ended: Instant, completed: bool) {
        if self.window.measures(ended) {
            let mut interval = self.lock();
            if completed {
                interval.journeys += 1;
            } else {
                interval.journeys_failed += 1;
            }
        }
    }

    /// Counts a journey that left a group of steps.
    pub(crate) fn count_group(&self, group: usize, end: GroupEnd, due: Instant, done: Instant) {
        if self.window.measures(due) {
            self.lock().groups.count(group, end, done.saturating_duration_since(due));
        }
    }

    /// Counts a journey that was not begun because this feed had no row left.
    pub(crate) fn count_exhausted_feed(&self, due: Instant, feed: usize) {
        if self.window.measures(due) {
            *self.lock().exhausted_feeds.entry(feed).or_default() += 1;
        }
    }

    /// Returns what was recorded since the last swap, and continues with `empty`.
    pub(crate) fn swap(&self, empty: Box<IntervalStats>) -> Box<IntervalStats> {
        std::mem::replace(&mut *self.lock(), empty)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Box<IntervalStats>> {
        self.interval.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
