//! The result of an experiment, put together from what was measured and what was known before.

use std::collections::BTreeMap;

use kneepoint_analysis::experiment::{Question, agreement, effect, judge, prove};
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
    let question = Question {
        signal: comparison.signal,
        min_effect: comparison.min_effect,
        concurrency: comparison.concurrency,
    };
    let judged = judge(&question, &blocks, &leaks);
    // A verdict from fewer pairs than were wanted would be one more look than the interval allows for.
    let ending = if cut { Ending::Interrupted } else { Ending::Judged(judged.clone()) };
    let is_other = |signal: &Signal| *signal != comparison.signal && !comparison.proofs.contains(signal);
    let others = Signal::ALL.into_iter().filter(is_other);
    ToggleResult {
        without: comparison.without.what.clone(),
        with: comparison.with.what.clone(),
        signal: comparison.signal,
        min_effect: comparison.min_effect,
        agreement: match &ending {
            Ending::Judged(judged) => {
                agreement(toggle.expected, toggle.expected_effect, comparison.signal, judged)
            }
            _ => Agreement::CannotTell,
        },
        ending,
        proofs: comparison.proofs.iter().map(|signal| (*signal, prove(*signal, &blocks))).collect(),
        others: others.filter_map(|signal| Some((signal, effect(signal, &blocks)?))).collect(),
        leaks,
        blocks,
        ..begin(toggle)
    }
}

/// Of an experiment of its own kind, with its verdict.
pub(super) fn special(
    toggle: &Toggle,
    signal: Signal,
    without: &str,
    with: &str,
    judged: Judged,
) -> ToggleResult {
    ToggleResult {
        without: without.to_owned(),
        with: with.to_owned(),
        signal,
        agreement: agreement(toggle.expected, toggle.expected_effect, signal, &judged),
        ending: Ending::Judged(judged),
        ..begin(toggle)
    }
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
