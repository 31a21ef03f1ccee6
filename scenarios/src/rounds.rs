//! How often a step is done, decided when its turn comes and before each time.

use std::sync::Arc;

use crate::condition::Condition;
use crate::scenario::Step;
use crate::values::{Value, VarId, Visit};

/// How often.
#[derive(Debug, Clone)]
pub(crate) enum Repeat {
    /// A number of times, evenly between two bounds.
    Times {
        /// Fewest.
        min: u32,
        /// Most; not below `min`.
        max: u32,
    },
    /// As long as a condition holds.
    While {
        /// Looked at before each time.
        condition: Condition,
        /// Then it ends all the same.
        at_most: u32,
    },
    /// Once for each value of a list.
    Each {
        /// The list.
        list: VarId,
        /// Where the value is that it is the turn of.
        element: VarId,
        /// More are left out.
        at_most: u32,
    },
}

impl Repeat {
    pub(crate) const ONCE: Self = Self::Times { min: 1, max: 1 };

    /// True when the step is done for sure.
    pub(crate) const fn is_sure(&self) -> bool {
        matches!(self, Self::Times { min: 1.., .. })
    }
    /// True when the step may be done again.
    pub(crate) const fn is_loop(&self) -> bool {
        !matches!(self, Self::Times { max: 1, .. })
    }
}

/// The times that are left of a step under way.
#[derive(Debug)]
pub struct Rounds {
    left: u32,
    list: Option<(Arc<[Value]>, usize)>,
}

impl Step {
    /// Decides whether the step is done at all in this journey, and how often where that is known beforehand.
    pub fn rounds(&self, visit: &mut Visit, first_journey: bool) -> Rounds {
        let wanted = (!self.once || first_journey)
            && self.when.as_ref().is_none_or(|condition| condition.holds(visit))
            && visit.chance(self.chance);
        if !wanted {
            return Rounds { left: 0, list: None };
        }
        match &self.repeat {
            Repeat::Times { min, max } if min == max => Rounds { left: *min, list: None },
            Repeat::Times { min, max } => {
                Rounds { left: min + visit.below(u64::from(max - min) + 1) as u32, list: None }
            }
            Repeat::While { at_most, .. } => Rounds { left: *at_most, list: None },
            Repeat::Each { list, at_most, .. } => {
                // The step may take a new list of the same name: this one stays as it was found.
                let list = visit.values.list(*list);
                Rounds { left: *at_most, list: list.map(|list| (list, 0)) }
            }
        }
    }
}

impl Rounds {
    /// True when the step is to be done (again) now.
    pub fn next(&mut self, step: &Step, visit: &mut Visit) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        match &step.repeat {
            Repeat::Times { .. } => true,
            Repeat::While { condition, .. } => condition.holds(visit),
            Repeat::Each { element, .. } => {
                let Some((list, at)) = &mut self.list else { return false };
                let Some(value) = list.get(*at) else { return false };
                *at += 1;
                visit.values.set(*element, Some(value.clone()));
                true
            }
        }
    }
}
