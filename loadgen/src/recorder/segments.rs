//! The measured requests by the segment of the load schedule in which they were due.

use kneepoint_model::histogram::LatencyHistogram;
use serde::{Deserialize, Serialize};

use super::completed::CompletedRequest;

/// Counts of one segment, which can be added up exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentCounts {
    pub(crate) due: u64,
    pub(crate) requests: u64,
    pub(crate) errors: u64,
}

/// Statistics of one segment.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct SegmentSeries {
    pub(crate) counts: SegmentCounts,
    pub(crate) response: LatencyHistogram,
    pub(crate) service: LatencyHistogram,
}

/// Statistics by segment, up to the last that was reached; empty where the load is constant.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct SegmentTotals(Vec<SegmentSeries>);

impl SegmentTotals {
    /// Counts a request that became due.
    pub(super) fn count_due(&mut self, segment: usize) {
        self.series_mut(segment).counts.due += 1;
    }

    /// Counts a request that ended.
    pub(super) fn count(&mut self, segment: usize, request: &CompletedRequest<'_>) {
        let series = self.series_mut(segment);
        series.counts.requests += 1;
        series.counts.errors += u64::from(!request.outcome.is_ok());
        series.response.record_duration(request.response());
        if let Some(service) = request.service() {
            series.service.record_duration(service);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (segment, series) in other.0.iter().enumerate() {
            self.add(segment, series.counts);
            let total = self.series_mut(segment);
            total.response.merge(&series.response);
            total.service.merge(&series.service);
        }
    }

    /// Adds counts that were written before.
    pub(crate) fn add(&mut self, segment: usize, counts: SegmentCounts) {
        let total = &mut self.series_mut(segment).counts;
        total.due += counts.due;
        total.requests += counts.requests;
        total.errors += counts.errors;
    }

    /// Adds missing segments.
    pub(crate) fn series_mut(&mut self, segment: usize) -> &mut SegmentSeries {
        if segment >= self.0.len() {
            self.0.resize_with(segment + 1, SegmentSeries::default);
        }
        &mut self.0[segment]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &SegmentSeries> {
        self.0.iter()
    }

    /// Resets the counts, keeps the memory.
    pub(super) fn clear(&mut self) {
        for series in &mut self.0 {
            series.counts = SegmentCounts::default();
            series.response.clear();
            series.service.clear();
        }
    }
}
