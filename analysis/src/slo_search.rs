//! The search for the highest rate that meets the SLO: which rate to try next, from the trials so far. A pure function of
//! them, so that an interrupted ladder run continues exactly as it began, and tests can search any simulated system.
//!
//! First the search looks for a bracket (a rate that meets the SLO and a higher one that violates it), then it halves the
//! bracket in log space, because the factor between two rates is what counts. An invalid trial is repeated at the same
//! rate and never moves an end of the bracket. No rate outside the bracket is tried, so that a system that is not
//! monotone cannot invert it.

use kneepoint_model::ladder::SearchPlan;
use kneepoint_model::units::PerSecond;
use serde::{Deserialize, Serialize};

/// The result of one trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialOutcome {
    /// The SLO was met at this rate.
    #[serde(rename = "kept")]
    Met,
    /// The site violated the SLO at this rate.
    #[serde(rename = "broken")]
    Violated,
    /// The measurement is invalid, so the trial proves nothing.
    Invalid,
}

/// One finished trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TriedRate {
    /// Journeys a second.
    pub rate: PerSecond,
    /// Whether this rate met the SLO.
    pub outcome: TrialOutcome,
}

/// What the search does next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NextRate {
    /// Try this rate, in journeys a second.
    Try(PerSecond),
    /// The bracket is narrow enough, or no trial is left.
    Done(Bracket),
}

/// Bounds of the highest rate that meets the SLO, in journeys a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bracket {
    /// It lies between two rates that were tried.
    Between {
        /// The highest rate that met the SLO.
        met: PerSecond,
        /// The lowest rate that violated it.
        violated: PerSecond,
    },
    /// No trial violated the SLO.
    AtLeast(PerSecond),
    /// Every trial violated the SLO.
    Below(PerSecond),
    /// No trial was valid.
    Unknown,
}

/// Invalid trials in a row after which the search gives up: the machine is not quiet enough.
const MAX_INVALID: usize = 2;
/// The first factor upward from a rate that met the SLO; later factors are larger.
const FIRST_UP: f64 = 1.3;
/// The first factor downward from a rate that violated the SLO; it grows faster, to leave the overload quickly.
const FIRST_DOWN: f64 = 1.5;
/// The largest factor.
const MAX_FACTOR: f64 = 4.0;
/// The highest rate that the generator accepts.
const MAX_RATE: f64 = 1_000_000.0;

/// The next rate to try, beginning with `start`; the search makes at most `plan.max_trials` trials.
pub fn next_rate(plan: &SearchPlan, start: PerSecond, tried: &[TriedRate]) -> NextRate {
    let bracket = bracket(tried);
    let invalid = tried.iter().rev().take_while(|trial| trial.outcome == TrialOutcome::Invalid).count();
    if tried.len() >= plan.max_trials || invalid >= MAX_INVALID {
        return NextRate::Done(bracket);
    }
    let valid = (tried.len() - tried.iter().filter(|t| t.outcome == TrialOutcome::Invalid).count()) as i32;
    let wanted = match bracket {
        Bracket::Unknown => start.0,
        Bracket::Between { met, violated } if violated.0 / met.0 <= plan.precision => {
            return NextRate::Done(bracket);
        }
        Bracket::Between { met, violated } => (met.0 * violated.0).sqrt(),
        Bracket::AtLeast(met) if met.0 >= MAX_RATE => return NextRate::Done(bracket),
        Bracket::AtLeast(met) => met.0 * FIRST_UP.powi(valid).min(MAX_FACTOR),
        Bracket::Below(violated) if violated.0 <= plan.lowest.0 => return NextRate::Done(bracket),
        Bracket::Below(violated) => violated.0 / FIRST_DOWN.powi(valid).min(MAX_FACTOR),
    };
    let wanted = if wanted.is_finite() { wanted } else { plan.lowest.0 };
    NextRate::Try(PerSecond(wanted.clamp(plan.lowest.0, MAX_RATE)))
}

/// The bracket after the trials so far: the two rates nearest to each other. A rate that met the SLO above one that
/// violated it is luck and does not count.
pub fn bracket(tried: &[TriedRate]) -> Bracket {
    let rates =
        |outcome| tried.iter().filter(move |trial| trial.outcome == outcome).map(|trial| trial.rate.0);
    let violated = rates(TrialOutcome::Violated).fold(f64::INFINITY, f64::min);
    let met = rates(TrialOutcome::Met).filter(|rate| *rate < violated).fold(0.0, f64::max);
    match (met > 0.0, violated.is_finite()) {
        (true, true) => Bracket::Between { met: PerSecond(met), violated: PerSecond(violated) },
        (true, false) => Bracket::AtLeast(PerSecond(met)),
        (false, true) => Bracket::Below(PerSecond(violated)),
        (false, false) => Bracket::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Searches a simulated system; returns the trials and the bracket.
    fn search(
        plan: &SearchPlan,
        start: f64,
        mut system: impl FnMut(f64) -> TrialOutcome,
    ) -> (Vec<TriedRate>, Bracket) {
        let mut tried = Vec::new();
        loop {
            match next_rate(plan, PerSecond(start), &tried) {
                NextRate::Try(rate) => tried.push(TriedRate { rate, outcome: system(rate.0) }),
                NextRate::Done(bracket) => return (tried, bracket),
            }
        }
    }

    fn up_to(capacity: f64) -> impl FnMut(f64) -> TrialOutcome {
        move |rate| if rate <= capacity { TrialOutcome::Met } else { TrialOutcome::Violated }
    }

    #[test]
    fn near_the_start_six_trials_are_within_a_tenth() {
        // The start is 70 % of what the closed phase reached; the SLO is usually met from there up to all of it.
        for capacity in [71.0, 80.0, 85.0, 95.0, 99.0] {
            let (tried, found) = search(&SearchPlan::default(), 70.0, up_to(capacity));
            let Bracket::Between { met, violated } = found else { panic!("{capacity}: {found:?} {tried:?}") };
            assert!(violated.0 / met.0 <= 1.1, "{capacity}: {met} {violated} {tried:?}");
        }
    }

    #[test]
    fn a_system_without_violations_is_at_least_and_one_without_successes_is_below() {
        let plan = SearchPlan::default();
        let (tried, found) = search(&plan, 10.0, |_| TrialOutcome::Met);
        assert_eq!(tried.len(), plan.max_trials);
        assert!(matches!(found, Bracket::AtLeast(met) if met.0 > 400.0), "{found:?}");
        let (tried, found) = search(&plan, 10.0, |_| TrialOutcome::Violated);
        assert_eq!(found, Bracket::Below(plan.lowest), "{tried:?}");
    }

    #[test]
    fn an_invalid_trial_is_repeated_and_two_in_a_row_end_the_search() {
        let plan = SearchPlan::default();
        let (tried, found) = search(&plan, 10.0, |_| TrialOutcome::Invalid);
        assert_eq!((tried.len(), found), (2, Bracket::Unknown));
        assert_eq!(tried[0].rate, tried[1].rate);
        let mut calls = 0;
        let mut real = up_to(12.0);
        let (tried, found) = search(&plan, 10.0, |rate| {
            calls += 1;
            if calls == 2 { TrialOutcome::Invalid } else { real(rate) }
        });
        assert_eq!(tried[1].rate, tried[2].rate);
        assert!(matches!(found, Bracket::Between { .. }));
    }

    #[test]
    fn a_rate_that_met_the_slo_above_a_violation_does_not_count() {
        let trial = |rate, outcome| TriedRate { rate: PerSecond(rate), outcome };
        let tried = [
            trial(10.0, TrialOutcome::Met),
            trial(20.0, TrialOutcome::Violated),
            trial(30.0, TrialOutcome::Met),
        ];
        assert_eq!(bracket(&tried), Bracket::Between { met: PerSecond(10.0), violated: PerSecond(20.0) });
    }

    proptest! {
        #[test]
        fn the_limit_of_a_monotone_system_lies_in_the_bracket(
            capacity in 0.01f64..100_000.0,
            start in 0.01f64..100_000.0,
            max_trials in 1usize..12,
        ) {
            let plan = SearchPlan { max_trials, ..SearchPlan::default() };
            let (tried, found) = search(&plan, start, up_to(capacity));
            prop_assert!(tried.len() <= max_trials);
            match found {
                Bracket::Between { met, violated } => prop_assert!(met.0 <= capacity && capacity < violated.0),
                Bracket::AtLeast(met) => prop_assert!(met.0 <= capacity),
                Bracket::Below(violated) => prop_assert!(capacity < violated.0),
                Bracket::Unknown => prop_assert!(false, "every trial was valid"),
            }
            // No valid rate is tried twice.
            for (at, trial) in tried.iter().enumerate() {
                prop_assert!(tried[..at].iter().all(|before| before.rate != trial.rate), "{tried:?}");
            }
        }

        #[test]
        fn the_budget_and_the_bracket_hold_for_any_outcomes(
            outcomes in prop::collection::vec(0u8..3, 12),
            start in prop_oneof![0.001f64..1e9, Just(f64::NAN), Just(0.0), Just(f64::INFINITY)],
            max_trials in 0usize..12,
        ) {
            let plan = SearchPlan { max_trials, ..SearchPlan::default() };
            let mut at = 0;
            let (tried, found) = search(&plan, start, |_| {
                at += 1;
                [TrialOutcome::Met, TrialOutcome::Violated, TrialOutcome::Invalid][outcomes[at - 1] as usize]
            });
            prop_assert!(tried.len() <= max_trials);
            prop_assert!(tried.iter().all(|s| s.rate.0 >= plan.lowest.0 && s.rate.0 <= MAX_RATE));
            if let Bracket::Between { met, violated } = found {
                prop_assert!(met.0 < violated.0);
            }
            // Once there is a bracket, nothing outside of it is tried.
            for (at, trial) in tried.iter().enumerate() {
                if let Bracket::Between { met, violated } = bracket(&tried[..at]) {
                    prop_assert!(met.0 < trial.rate.0 && trial.rate.0 < violated.0);
                }
            }
        }
    }
}
