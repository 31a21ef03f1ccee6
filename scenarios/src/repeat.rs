//! How often a step runs: decided when the journey reaches it, and checked before each repetition.

use std::sync::Arc;

use crate::condition::Condition;
use crate::scenario::Step;
use crate::user_context::UserContext;
use crate::value::Value;
use crate::values::VarId;

/// The repetition settings of a step, compiled from `repeat`, `while` and `for_each`.
#[derive(Debug, Clone)]
pub(crate) enum Repeat {
    /// A random number of times, uniform between two bounds.
    Times {
        /// Inclusive lower bound; 0 means that the step may be skipped.
        min: u32,
        /// Inclusive upper bound; not below `min`.
        max: u32,
    },
    /// As long as a condition holds.
    While {
        /// Checked before each repetition.
        condition: Condition,
        /// Limit for a condition that never becomes false.
        at_most: u32,
    },
    /// Once for each value of a list.
    Each {
        /// The variable that holds the list.
        list: VarId,
        /// The variable that holds the current element.
        element: VarId,
        /// Elements beyond this number are ignored.
        at_most: u32,
    },
}

impl Repeat {
    pub(crate) const ONCE: Self = Self::Times { min: 1, max: 1 };

    /// True when the step runs at least once.
    pub(crate) const fn is_guaranteed(&self) -> bool {
        matches!(self, Self::Times { min: 1.., .. })
    }
    /// True when the step may run more than once.
    pub(crate) const fn is_loop(&self) -> bool {
        !matches!(self, Self::Times { max: 1, .. })
    }
}

/// The remaining repetitions of a step that has been reached.
#[derive(Debug)]
pub struct Repetitions {
    remaining: u32,
    list: Option<(Arc<[Value]>, usize)>,
}

impl Step {
    /// Decides whether the step runs in this journey, and how often where that is known in advance.
    pub fn plan_repetitions(&self, context: &mut UserContext, first_journey: bool) -> Repetitions {
        let runs = (!self.once || first_journey)
            && self.when.as_ref().is_none_or(|condition| condition.holds(context))
            && context.draw_bool(self.chance);
        if !runs {
            return Repetitions { remaining: 0, list: None };
        }
        match &self.repeat {
            Repeat::Times { min, max } if min == max => Repetitions { remaining: *min, list: None },
            Repeat::Times { min, max } => Repetitions {
                remaining: min + context.draw_below(u64::from(max - min) + 1) as u32,
                list: None,
            },
            Repeat::While { at_most, .. } => Repetitions { remaining: *at_most, list: None },
            Repeat::Each { list, at_most, .. } => {
                // A copy, because the step itself may extract a new list of the same name.
                let list = context.values.list(*list);
                Repetitions { remaining: *at_most, list: list.map(|list| (list, 0)) }
            }
        }
    }
}

impl Repetitions {
    /// Consumes one repetition; false when the step is finished.
    pub fn advance(&mut self, step: &Step, context: &mut UserContext) -> bool {
        if self.remaining == 0 {
            return false;
        }
        self.remaining -= 1;
        match &step.repeat {
            Repeat::Times { .. } => true,
            Repeat::While { condition, .. } => condition.holds(context),
            Repeat::Each { element, .. } => {
                let Some((list, position)) = &mut self.list else { return false };
                let Some(value) = list.get(*position) else { return false };
                *position += 1;
                context.values.set(*element, Some(value.clone()));
                true
            }
        }
    }
}
