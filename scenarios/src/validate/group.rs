//! Validates groups: the steps that are timed together.

use std::collections::BTreeSet;

use super::{ValidationResult, Validator};
use crate::raw::RawScenario;

impl Validator<'_> {
    /// The time of a group is one contiguous part of a journey, so its steps must be adjacent.
    pub(super) fn validate_groups(&self, raw: &RawScenario, in_order: bool) -> ValidationResult<()> {
        let mut finished: BTreeSet<&str> = BTreeSet::new();
        let mut current: Option<&str> = None;
        for step in &raw.step {
            let group = step.get_ref().group.as_ref();
            let name = group.map(|group| group.get_ref().as_str());
            if let Some(group) = group {
                let name = group.get_ref().as_str();
                let problem = if !in_order {
                    "cannot be used with pick_steps, because its steps must run in order"
                } else if name.trim().is_empty() || name.len() > 60 {
                    "must have 1 to 60 characters"
                } else if current != Some(name) && finished.contains(name) {
                    "is interrupted by another step; the steps of a group must be adjacent"
                } else {
                    ""
                };
                if !problem.is_empty() {
                    return Err(self.error_at(&group.span(), "step.group", problem));
                }
            }
            if current != name {
                finished.extend(current);
                current = name;
            }
        }
        Ok(())
    }
}
