//! How long journeys took for the groups of steps that they passed.

use std::time::Duration;

use kneepoint_model::histogram::LatencyHistogram;
use serde::{Deserialize, Serialize};

/// How a journey left a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupEnd {
    /// After its last step.
    Completed,
    /// A step failed.
    Failed,
    /// The phase ended before.
    Unfinished,
}

/// Counts of one group, which can be added up exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GroupCounts {
    pub(crate) ended: u64,
    pub(crate) failed: u64,
    pub(crate) unfinished: u64,
}

/// Statistics of one group.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct GroupSeries {
    pub(crate) counts: GroupCounts,
    pub(crate) time: LatencyHistogram,
}

/// Statistics by group, up to the last group that was left; empty where steps have no groups.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct GroupTotals(Vec<GroupSeries>);

impl GroupTotals {
    /// Counts a journey that left a group after `time`, from the due time of the group's first step.
    pub(super) fn count(&mut self, group: usize, end: GroupEnd, time: Duration) {
        let series = self.series_mut(group);
        if end == GroupEnd::Unfinished {
            series.counts.unfinished += 1;
            return;
        }
        series.counts.ended += 1;
        series.counts.failed += u64::from(end == GroupEnd::Failed);
        series.time.record_duration(time);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (group, series) in other.0.iter().enumerate() {
            self.add(group, series.counts);
            self.series_mut(group).time.merge(&series.time);
        }
    }

    /// Adds counts that were written before.
    pub(crate) fn add(&mut self, group: usize, counts: GroupCounts) {
        let total = &mut self.series_mut(group).counts;
        total.ended += counts.ended;
        total.failed += counts.failed;
        total.unfinished += counts.unfinished;
    }

    /// Adds missing groups.
    pub(crate) fn series_mut(&mut self, group: usize) -> &mut GroupSeries {
        if group >= self.0.len() {
            self.0.resize_with(group + 1, GroupSeries::default);
        }
        &mut self.0[group]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &GroupSeries> {
        self.0.iter()
    }

    /// Resets the counts, keeps the memory.
    pub(super) fn clear(&mut self) {
        for series in &mut self.0 {
            series.counts = GroupCounts::default();
            series.time.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cutting_into_seconds_changes_no_sum(samples in prop::collection::vec((0usize..4, 0..3, 1u64..1_000_000, any::<bool>()), 1..80)) {
            let (mut whole, mut sum, mut part) = (GroupTotals::default(), GroupTotals::default(), GroupTotals::default());
            for (group, end, us, cut) in &samples {
                let end = [GroupEnd::Completed, GroupEnd::Failed, GroupEnd::Unfinished][*end as usize];
                for groups in [&mut whole, &mut part] {
                    groups.count(*group, end, Duration::from_micros(*us));
                }
                if *cut {
                    sum.merge(&part);
                    part.clear();
                }
            }
            sum.merge(&part);
            prop_assert_eq!(&sum, &whole);
            let counted: u64 = whole.iter().map(|group| group.counts.ended + group.counts.unfinished).sum();
            prop_assert_eq!(counted, samples.len() as u64);
            prop_assert!(whole.iter().all(|group| group.time.count() == group.counts.ended));
        }
    }
}
