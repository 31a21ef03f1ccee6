//! How long journeys took for the groups of steps that they went through.

use std::time::Duration;

use kneepoint_model::histogram::LatencyHistogram;
use serde::{Deserialize, Serialize};

/// How a journey left a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// After its last step.
    Done,
    /// A step failed.
    Failed,
    /// The phase was over before.
    Unfinished,
}

/// Counts of one group; sums are exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GroupTally {
    pub(crate) ended: u64,
    pub(crate) failed: u64,
    pub(crate) unfinished: u64,
}

/// One group.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct GroupSeries {
    pub(crate) tally: GroupTally,
    pub(crate) time: LatencyHistogram,
}

/// All groups up to the last that was left; none where steps have no groups.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Groups(Vec<GroupSeries>);

impl Groups {
    /// Counts a journey that left a group, so long after the first step of the group was due.
    pub(super) fn count(&mut self, group: usize, left: Left, time: Duration) {
        let series = self.at(group);
        if left == Left::Unfinished {
            series.tally.unfinished += 1;
            return;
        }
        series.tally.ended += 1;
        series.tally.failed += u64::from(left == Left::Failed);
        series.time.record_duration(time);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (group, series) in other.0.iter().enumerate() {
            self.add(group, series.tally);
            self.at(group).time.merge(&series.time);
        }
    }

    /// Adds counts that were written before.
    pub(crate) fn add(&mut self, group: usize, tally: GroupTally) {
        let own = &mut self.at(group).tally;
        own.ended += tally.ended;
        own.failed += tally.failed;
        own.unfinished += tally.unfinished;
    }

    /// Made when it is first asked for.
    pub(crate) fn at(&mut self, group: usize) -> &mut GroupSeries {
        if group >= self.0.len() {
            self.0.resize_with(group + 1, GroupSeries::default);
        }
        &mut self.0[group]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &GroupSeries> {
        self.0.iter()
    }

    /// Forgets everything, keeps the memory.
    pub(super) fn clear(&mut self) {
        for series in &mut self.0 {
            series.tally = GroupTally::default();
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
        fn cutting_into_seconds_changes_no_sum(seen in prop::collection::vec((0usize..4, 0..3, 1u64..1_000_000, any::<bool>()), 1..80)) {
            let (mut whole, mut sum, mut part) = (Groups::default(), Groups::default(), Groups::default());
            for (group, left, us, cut) in &seen {
                let left = [Left::Done, Left::Failed, Left::Unfinished][*left as usize];
                for groups in [&mut whole, &mut part] {
                    groups.count(*group, left, Duration::from_micros(*us));
                }
                if *cut {
                    sum.merge(&part);
                    part.clear();
                }
            }
            sum.merge(&part);
            prop_assert_eq!(&sum, &whole);
            let counted: u64 = whole.iter().map(|own| own.tally.ended + own.tally.unfinished).sum();
            prop_assert_eq!(counted, seen.len() as u64);
            prop_assert!(whole.iter().all(|own| own.time.count() == own.tally.ended));
        }
    }
}
