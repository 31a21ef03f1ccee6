//! The result of an experiment, put together from what was measured and what was known before.

use std::collections::BTreeMap;

use kneepoint_analysis::experiment::{EffectCriterion, check_agreement, estimate_effect, judge, prove};
use kneepoint_model::experiment::{Agreement, Block, Ending, Judged, Judgement, Leak, Signal, ToggleResult};
use kneepoint_model::units::Micros;
use kneepoint_stack::toggle::{Comparison, Toggle};

/// Of a comparison that was measured, or cut short.
pub(super) fn of_pairs(
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
    // A verdict from fewer pairs than were wanted would be one more look than the interval allows for.
    let ending = ending(judge(&question, &blocks, &leaks), cut);
    let is_other = |signal: &Signal| *signal != comparison.signal && !comparison.proofs.contains(signal);
    let others = Signal::ALL.into_iter().filter(is_other);
    ToggleResult {
        without: comparison.without.what.clone(),
        with: comparison.with.what.clone(),
        signal: comparison.signal,
        min_effect: comparison.min_effect,
        agreement: agreement_of(toggle, comparison.signal, &ending),
        ending,
        proofs: comparison.proofs.iter().map(|signal| (*signal, prove(*signal, &blocks))).collect(),
        others: others.filter_map(|signal| Some((signal, estimate_effect(signal, &blocks)?))).collect(),
        leaks,
        blocks,
        ..begin(toggle)
    }
}

/// Of an experiment of its own kind.
pub(super) fn special(
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
        agreement: agreement_of(toggle, signal, &ending),
        ending,
        ..begin(toggle)
    }
}

/// What was cut short has no verdict: half of what was wanted could say anything.
pub(super) fn ending(judged: Judged, cut: bool) -> Ending {
    if cut { Ending::Interrupted } else { Ending::Judged(judged) }
}

/// Only a verdict can agree with what was found before.
fn agreement_of(toggle: &Toggle, signal: Signal, ending: &Ending) -> Agreement {
    match ending {
        Ending::Judged(judged) => check_agreement(toggle.expected, toggle.expected_effect, signal, judged),
        Ending::NotRun { .. } | Ending::Interrupted => Agreement::CannotTell,
    }
}

/// Of one that was cut short before anything could be said.
pub(super) fn interrupted(toggle: &Toggle) -> ToggleResult {
    begin(toggle)
}

/// Of one that could not be run.
pub(super) fn not_run(toggle: &Toggle, why: String, fix: String) -> ToggleResult {
    ToggleResult { ending: Ending::NotRun { why, fix }, ..begin(toggle) }
}

fn begin(toggle: &Toggle) -> ToggleResult {
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

/// For the line of progress.
pub(super) fn in_a_word(ending: &Ending) -> String {
    match ending {
        Ending::Judged(Judged { judgement: Judgement::Invalid, why, .. }) => {
            format!("invalid: {}", why.first().map_or("", String::as_str))
        }
        Ending::Judged(judged) => {
            format!("{}; {}", judged.judgement.words(), judged.why.first().map_or("", String::as_str))
        }
        Ending::NotRun { why, .. } => format!("not run: {why}"),
        Ending::Interrupted => "cut short".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_short_agrees_with_nothing() {
        let toggle = Toggle::named("lost-update").unwrap();
        let judged = || Judged {
            judgement: Judgement::Helps,
            effect: None,
            smallest_seen: None,
            why: vec!["copies that were not there were sold by naive at repeatable read".to_owned()],
        };
        let result = |cut| special(&toggle, Signal::Oversold, "lower", "SERIALIZABLE", ending(judged(), cut));
        assert_eq!(result(false).agreement, Agreement::Agrees);
        assert_eq!(result(true).agreement, Agreement::CannotTell);
        assert_eq!(result(true).ending, Ending::Interrupted);
        assert_eq!(interrupted(&toggle).ending, Ending::Interrupted);
    }
}
