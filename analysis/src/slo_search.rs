//! The highest rate that keeps a promise: which rate to try next, from the steps seen so far. Pure, so that a climb that
//! was cut off is continued in thought exactly as it was begun, and every system can be tried on paper.
//!
//! First a bracket is looked for (a rate that is kept and a higher one that is broken), then it is halved in log space,
//! because what counts is by which factor two rates differ. A step that may not be believed is tried again at the same
//! rate, and never moves an end of the bracket. Nothing is ever tried outside of the bracket, so that a system that is
//! not monotone cannot turn it around.

use kneepoint_model::ladder::SearchPlan;
use kneepoint_model::units::PerSecond;
use serde::{Deserialize, Serialize};

/// What one step showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// The promise was kept at this rate.
    Kept,
    /// It was not, and that was the site's doing.
    Broken,
    /// Nothing can be said.
    Invalid,
}

/// One step that was made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tried {
    /// Journeys a second.
    pub rate: PerSecond,
    /// What it showed.
    pub outcome: StepOutcome,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Next {
    /// Try this rate.
    Try(PerSecond),
    /// Nothing more to learn, or no step left.
    Done(Answer),
}

/// What is known of the highest rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    /// Between these two.
    Between {
        /// Kept.
        kept: PerSecond,
        /// Broken.
        broken: PerSecond,
    },
    /// At least this: nothing that was tried broke the promise.
    AtLeast(PerSecond),
    /// Less than this: everything that was tried broke the promise.
    Below(PerSecond),
    /// Nothing: no step could be believed.
    Unknown,
}

/// Steps in a row that may not be believed before the search is given up: the machine is not quiet enough.
const MOST_INVALID: usize = 2;
/// The first step upward from a kept rate; later ones are longer.
const FIRST_UP: f64 = 1.3;
/// The first step downward from a broken rate: as the square of the number of steps, to get away quickly.
const FIRST_DOWN: f64 = 1.5;
/// The longest step.
const LONGEST: f64 = 4.0;
/// Nothing above this is tried: the generator's own bound.
const HIGHEST: f64 = 1_000_000.0;

/// The next rate to try, beginning with `start`; at most `plan.max_trials` are ever asked for.
pub fn next(plan: &SearchPlan, start: PerSecond, tried: &[Tried]) -> Next {
    let answer = answer(tried);
    let invalid = tried.iter().rev().take_while(|step| step.outcome == StepOutcome::Invalid).count();
    if tried.len() >= plan.max_trials || invalid >= MOST_INVALID {
        return Next::Done(answer);
    }
    let valid = (tried.len() - tried.iter().filter(|s| s.outcome == StepOutcome::Invalid).count()) as i32;
    let wanted = match answer {
        Answer::Unknown => start.0,
        Answer::Between { kept, broken } if broken.0 / kept.0 <= plan.precision => {
            return Next::Done(answer);
        }
        Answer::Between { kept, broken } => (kept.0 * broken.0).sqrt(),
        Answer::AtLeast(kept) if kept.0 >= HIGHEST => return Next::Done(answer),
        Answer::AtLeast(kept) => kept.0 * FIRST_UP.powi(valid).min(LONGEST),
        Answer::Below(broken) if broken.0 <= plan.lowest.0 => return Next::Done(answer),
        Answer::Below(broken) => broken.0 / FIRST_DOWN.powi(valid).min(LONGEST),
    };
    let wanted = if wanted.is_finite() { wanted } else { plan.lowest.0 };
    Next::Try(PerSecond(wanted.clamp(plan.lowest.0, HIGHEST)))
}

/// What the steps so far say. Of several kept and broken rates the ones nearest to each other count; a rate that was
/// kept above one that was broken is luck, and is left out.
pub fn answer(tried: &[Tried]) -> Answer {
    let rates = |outcome| tried.iter().filter(move |step| step.outcome == outcome).map(|step| step.rate.0);
    let broken = rates(StepOutcome::Broken).fold(f64::INFINITY, f64::min);
    let kept = rates(StepOutcome::Kept).filter(|rate| *rate < broken).fold(0.0, f64::max);
    match (kept > 0.0, broken.is_finite()) {
        (true, true) => Answer::Between { kept: PerSecond(kept), broken: PerSecond(broken) },
        (true, false) => Answer::AtLeast(PerSecond(kept)),
        (false, true) => Answer::Below(PerSecond(broken)),
        (false, false) => Answer::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Searches a system and gives the steps and the answer.
    fn search(
        plan: &SearchPlan,
        start: f64,
        mut system: impl FnMut(f64) -> StepOutcome,
    ) -> (Vec<Tried>, Answer) {
        let mut tried = Vec::new();
        loop {
            match next(plan, PerSecond(start), &tried) {
                Next::Try(rate) => tried.push(Tried { rate, outcome: system(rate.0) }),
                Next::Done(answer) => return (tried, answer),
            }
        }
    }

    fn up_to(capacity: f64) -> impl FnMut(f64) -> StepOutcome {
        move |rate| if rate <= capacity { StepOutcome::Kept } else { StepOutcome::Broken }
    }

    #[test]
    fn near_the_start_six_steps_are_within_a_tenth() {
        // The start is 70 % of what the closed phase reached; the promise usually holds from there up to all of it.
        for capacity in [71.0, 80.0, 85.0, 95.0, 99.0] {
            let (tried, answer) = search(&SearchPlan::default(), 70.0, up_to(capacity));
            let Answer::Between { kept, broken } = answer else { panic!("{capacity}: {answer:?} {tried:?}") };
            assert!(broken.0 / kept.0 <= 1.1, "{capacity}: {kept} {broken} {tried:?}");
        }
    }

    #[test]
    fn what_never_breaks_is_at_least_and_what_never_holds_is_below() {
        let plan = SearchPlan::default();
        let (tried, answer) = search(&plan, 10.0, |_| StepOutcome::Kept);
        assert_eq!(tried.len(), plan.max_trials);
        assert!(matches!(answer, Answer::AtLeast(kept) if kept.0 > 400.0), "{answer:?}");
        let (tried, answer) = search(&plan, 10.0, |_| StepOutcome::Broken);
        assert_eq!(answer, Answer::Below(plan.lowest), "{tried:?}");
    }

    #[test]
    fn a_step_that_cannot_be_believed_is_tried_again_and_twice_is_enough() {
        let plan = SearchPlan::default();
        let (tried, answer) = search(&plan, 10.0, |_| StepOutcome::Invalid);
        assert_eq!((tried.len(), answer), (2, Answer::Unknown));
        assert_eq!(tried[0].rate, tried[1].rate);
        let mut calls = 0;
        let mut real = up_to(12.0);
        let (tried, answer) = search(&plan, 10.0, |rate| {
            calls += 1;
            if calls == 2 { StepOutcome::Invalid } else { real(rate) }
        });
        assert_eq!(tried[1].rate, tried[2].rate);
        assert!(matches!(answer, Answer::Between { .. }));
    }

    #[test]
    fn luck_above_a_broken_rate_is_left_out() {
        let step = |rate, outcome| Tried { rate: PerSecond(rate), outcome };
        let tried =
            [step(10.0, StepOutcome::Kept), step(20.0, StepOutcome::Broken), step(30.0, StepOutcome::Kept)];
        assert_eq!(answer(&tried), Answer::Between { kept: PerSecond(10.0), broken: PerSecond(20.0) });
    }

    proptest! {
        #[test]
        fn of_a_monotone_system_the_truth_lies_between(
            capacity in 0.01f64..100_000.0,
            start in 0.01f64..100_000.0,
            max_trials in 1usize..12,
        ) {
            let plan = SearchPlan { max_trials, ..SearchPlan::default() };
            let (tried, answer) = search(&plan, start, up_to(capacity));
            prop_assert!(tried.len() <= max_trials);
            match answer {
                Answer::Between { kept, broken } => prop_assert!(kept.0 <= capacity && capacity < broken.0),
                Answer::AtLeast(kept) => prop_assert!(kept.0 <= capacity),
                Answer::Below(broken) => prop_assert!(capacity < broken.0),
                Answer::Unknown => prop_assert!(false, "every step was valid"),
            }
            // No valid rate is tried twice.
            for (at, step) in tried.iter().enumerate() {
                prop_assert!(tried[..at].iter().all(|before| before.rate != step.rate), "{tried:?}");
            }
        }

        #[test]
        fn whatever_the_steps_show_the_budget_and_the_bracket_hold(
            outcomes in prop::collection::vec(0u8..3, 12),
            start in prop_oneof![0.001f64..1e9, Just(f64::NAN), Just(0.0), Just(f64::INFINITY)],
            max_trials in 0usize..12,
        ) {
            let plan = SearchPlan { max_trials, ..SearchPlan::default() };
            let mut at = 0;
            let (tried, answer) = search(&plan, start, |_| {
                at += 1;
                [StepOutcome::Kept, StepOutcome::Broken, StepOutcome::Invalid][outcomes[at - 1] as usize]
            });
            prop_assert!(tried.len() <= max_trials);
            prop_assert!(tried.iter().all(|s| s.rate.0 >= plan.lowest.0 && s.rate.0 <= HIGHEST));
            if let Answer::Between { kept, broken } = answer {
                prop_assert!(kept.0 < broken.0);
            }
            // Once there is a bracket, nothing outside of it is tried.
            for (at, step) in tried.iter().enumerate() {
                if let Answer::Between { kept, broken } = super::answer(&tried[..at]) {
                    prop_assert!(kept.0 < step.rate.0 && step.rate.0 < broken.0);
                }
            }
        }
    }
}
