//! The judgement of groups: which steps are timed together.

use std::collections::BTreeSet;

use super::{Judge, Judged};
use crate::raw::RawScenario;

impl Judge<'_> {
    /// The time of a group is one stretch of a journey, so its steps stand together.
    pub(super) fn groups(&self, raw: &RawScenario, in_order: bool) -> Judged<()> {
        let mut left: BTreeSet<&str> = BTreeSet::new();
        let mut within: Option<&str> = None;
        for step in &raw.step {
            let group = step.get_ref().group.as_ref();
            let name = group.map(|group| group.get_ref().as_str());
            if let Some(group) = group {
                let name = group.get_ref().as_str();
                let problem = if !in_order {
                    "goes with steps in order only, not with pick_steps"
                } else if name.trim().is_empty() || name.len() > 60 {
                    "must have 1 to 60 characters"
                } else if within != Some(name) && left.contains(name) {
                    "stands apart: the steps of a group follow one another"
                } else {
                    ""
                };
                if !problem.is_empty() {
                    return Err(self.refuse(&group.span(), "step.group", problem));
                }
            }
            if within != name {
                left.extend(within);
                within = name;
            }
        }
        Ok(())
    }
}
