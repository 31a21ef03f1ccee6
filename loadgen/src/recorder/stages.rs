//! The measured requests once more, by the stage of the phase in which they were due.

use kneepoint_model::histogram::LatencyHistogram;
use serde::{Deserialize, Serialize};

use super::hit::Hit;

/// Counts of one stage; sums are exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StageTally {
    pub(crate) due: u64,
    pub(crate) requests: u64,
    pub(crate) errors: u64,
}

/// One stage.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct StageSeries {
    pub(crate) tally: StageTally,
    pub(crate) response: LatencyHistogram,
    pub(crate) service: LatencyHistogram,
}

/// All stages up to the last that was reached; none where the rate does not change.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Stages(Vec<StageSeries>);

impl Stages {
    /// Counts a request that became due.
    pub(super) fn due(&mut self, stage: usize) {
        self.at(stage).tally.due += 1;
    }

    /// Counts a request that ended.
    pub(super) fn count(&mut self, stage: usize, hit: &Hit<'_>) {
        let series = self.at(stage);
        series.tally.requests += 1;
        series.tally.errors += u64::from(!hit.outcome.is_ok());
        series.response.record_duration(hit.response());
        if let Some(service) = hit.service() {
            series.service.record_duration(service);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (stage, series) in other.0.iter().enumerate() {
            self.add(stage, series.tally);
            let own = self.at(stage);
            own.response.merge(&series.response);
            own.service.merge(&series.service);
        }
    }

    /// Adds counts that were written before.
    pub(crate) fn add(&mut self, stage: usize, tally: StageTally) {
        let own = &mut self.at(stage).tally;
        own.due += tally.due;
        own.requests += tally.requests;
        own.errors += tally.errors;
    }

    /// Made when it is first asked for.
    pub(crate) fn at(&mut self, stage: usize) -> &mut StageSeries {
        if stage >= self.0.len() {
            self.0.resize_with(stage + 1, StageSeries::default);
        }
        &mut self.0[stage]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &StageSeries> {
        self.0.iter()
    }

    /// Forgets everything, keeps the memory.
    pub(super) fn clear(&mut self) {
        for series in &mut self.0 {
            series.tally = StageTally::default();
            series.response.clear();
            series.service.clear();
        }
    }
}
