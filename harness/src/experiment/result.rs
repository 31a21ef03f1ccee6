//! Builds the result of an experiment from the measurement and from what the toggle states.

use std::collections::BTreeMap;

use kneepoint_analysis::experiment::{EffectCriterion, check_agreement, estimate_effect, judge, prove};
use kneepoint_model::experiment::{
    Agreement, Block, EffectAssessment, EffectVerdict, Ending, Leak, Signal, ToggleResult,
};
use kneepoint_model::units::Micros;
use kneepoint_stack::toggle::{Comparison, Toggle};

/// The result of a comparison that was measured, completely or not (`cut`).
pub(super) fn paired_result(
    toggle: &Toggle,
    comparison: &Comparison,
    blocks: Vec<Block>,
    leaks: Vec<Leak>,
    cut: bool,
) -> ToggleResult {
    let question = EffectCriterion {
        signal: comparison.signal,
        min_effect: comparison.min_effect,
        concurrency: comparison.concurrency,
    };
    // Fewer pairs than planned give no verdict: the interval does not allow for looking early.
    let ending = ending(judge(&question, &blocks, &leaks), cut);
    let is_other = |signal: &Signal| *signal != comparison.signal && !comparison.proofs.contains(signal);
    let others = Signal::ALL.into_iter().filter(is_other);
    ToggleResult {
        without: comparison.without.what.clone(),
        with: comparison.with.what.clone(),
        signal: comparison.signal,
        min_effect: comparison.min_effect,
        agreement: agreement_with_expectation(toggle, comparison.signal, &ending),
        ending,
        proofs: comparison.proofs.iter().map(|signal| (*signal, prove(*signal, &blocks))).collect(),
        others: others.filter_map(|signal| Some((signal, estimate_effect(signal, &blocks)?))).collect(),
        leaks,
        blocks,
        ..empty_result(toggle)
    }
}

/// The result of a special test.
pub(super) fn special_result(
    toggle: &Toggle,
    signal: Signal,
    without: &str,
    with: &str,
    ending: Ending,
) -> ToggleResult {
    ToggleResult {
        without: without.to_owned(),
        with: with.to_owned(),
        signal,
        agreement: agreement_with_expectation(toggle, signal, &ending),
        ending,
        ..empty_result(toggle)
    }
}

/// An interrupted experiment has no verdict: half of the data could show anything.
pub(super) fn ending(judged: EffectAssessment, cut: bool) -> Ending {
    if cut { Ending::Interrupted } else { Ending::Assessed(judged) }
}

/// Only a verdict can agree with the expectation of the toggle.
fn agreement_with_expectation(toggle: &Toggle, signal: Signal, ending: &Ending) -> Agreement {
    match ending {
        Ending::Assessed(judged) => check_agreement(toggle.expected, toggle.expected_effect, signal, judged),
        Ending::NotRun { .. } | Ending::Interrupted => Agreement::CannotTell,
    }
}

/// The result of an experiment that was interrupted before any data.
pub(super) fn interrupted(toggle: &Toggle) -> ToggleResult {
    empty_result(toggle)
}

/// The result of an experiment that could not be run.
pub(super) fn not_run(toggle: &Toggle, why: String, fix: String) -> ToggleResult {
    ToggleResult { ending: Ending::NotRun { why, fix }, ..empty_result(toggle) }
}

fn empty_result(toggle: &Toggle) -> ToggleResult {
    let (without, with, signal, min_effect) = match &toggle.test {
        kneepoint_stack::toggle::Test::Pairs(comparison) => (
            comparison.without.what.clone(),
            comparison.with.what.clone(),
            comparison.signal,
            comparison.min_effect,
        ),
        kneepoint_stack::toggle::Test::Special(_) => (String::new(), String::new(), Signal::Errors, 0.0),
    };
    ToggleResult {
        name: toggle.name.clone(),
        group: toggle.group.title().to_owned(),
        advice: toggle.advice.clone(),
        seeds: toggle.seeds.iter().map(|seed| seed.number().to_owned()).collect(),
        without,
        with,
        signal,
        min_effect,
        expected: toggle.expected,
        measured_before: toggle.measured.clone(),
        ending: Ending::Interrupted,
        agreement: Agreement::CannotTell,
        proofs: BTreeMap::new(),
        others: BTreeMap::new(),
        leaks: Vec::new(),
        notes: toggle.notes.clone(),
        blocks: Vec::new(),
        took_us: Micros::ZERO,
    }
}

/// The ending in one line, for the console.
pub(super) fn summarize_ending(ending: &Ending) -> String {
    match ending {
        Ending::Assessed(EffectAssessment { verdict: EffectVerdict::Invalid, why, .. }) => {
            format!("invalid: {}", why.first().map_or("", String::as_str))
        }
        Ending::Assessed(judged) => {
            format!("{}; {}", judged.verdict.label(), judged.why.first().map_or("", String::as_str))
        }
        Ending::NotRun { why, .. } => format!("not run: {why}"),
        Ending::Interrupted => "interrupted".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_experiment_agrees_with_nothing() {
        let toggle = Toggle::named("lost-update").unwrap();
        let judged = || EffectAssessment {
            verdict: EffectVerdict::Helps,
            effect: None,
            smallest_detectable: None,
            why: vec!["copies that were not there were sold by naive at repeatable read".to_owned()],
        };
        let result =
            |cut| special_result(&toggle, Signal::Oversold, "lower", "SERIALIZABLE", ending(judged(), cut));
        assert_eq!(result(false).agreement, Agreement::Agrees);
        assert_eq!(result(true).agreement, Agreement::CannotTell);
        assert_eq!(result(true).ending, Ending::Interrupted);
        assert_eq!(interrupted(&toggle).ending, Ending::Interrupted);
    }
}
