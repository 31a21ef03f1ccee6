//! From the blocks of an experiment to its verdict. Pure: the same blocks always give the same words.
//!
//! The rule: *helps* or *hurts* needs an interval that leaves zero out **and** an estimate of at least the least effect
//! that matters; a pair without the second alone would call the luck of one launch an effect, since two launches of the
//! same thing differ by some 0.3 % of CPU. Errors never help; what shows one visitor's page to another hurts, however fast.

mod agree;
mod lost_update;
mod format;
mod pairs;
mod rollout;

use std::fmt::Write as _;

use kneepoint_model::experiment::{Block, Effect, Judged, Judgement, Leak, Nature, Scale, Side, Signal};
use kneepoint_model::metric::{Direction, Unit};

pub use agree::agreement;
pub use lost_update::{conclusions, lost_update_verdict};
pub use rollout::manoeuvre_verdict;
pub use pairs::{Pair, dropped_because, effect, pairs_of};
pub use format::{effect_words, least_words, value_words};

use crate::paired::least_pairs;

/// Chance that an interval misses the truth: one in a hundred for each experiment.
pub const ALPHA: f64 = 0.01;
/// From this share of failed requests on, failing is what the advice does; below, the measurement has a fault.
const FAILING: f64 = 0.01;
/// A generator thread busier than this sets the pace itself.
const SATURATED: f64 = 0.80;

/// What is asked of the blocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Question {
    /// What decides.
    pub signal: Signal,
    /// The least effect that matters: a share for ratios, else in the unit of the signal.
    pub min_effect: f64,
    /// Whether two ways of doing things at the same time are compared (workers, threads): a busy neighbour turns the sign of
    /// that, so it is refused on a noisy machine whatever the signal.
    pub concurrency: bool,
}

/// The least number of pairs that can be judged.
pub fn least() -> usize {
    least_pairs(ALPHA)
}

/// The verdict.
pub fn judge(question: &Question, blocks: &[Block], leaks: &[Leak]) -> Judged {
    let safe = unsafe_pages(leaks).or_else(|| failures(question, blocks));
    let judged = safe.or_else(|| too_few(question, blocks)).unwrap_or_else(|| weigh(question, blocks));
    limited_by_generator(question, blocks, judged)
}

/// What a signal that only proves says: judged by its own interval alone, with the least effect that is worth a word.
pub fn prove(signal: Signal, blocks: &[Block]) -> Judged {
    let min_effect = match (signal.scale(), signal.unit()) {
        (Scale::Ratio, _) => 0.03,
        (Scale::Difference, Unit::Ratio) => 0.01,
        (Scale::Difference, _) => 0.05,
    };
    weigh(&Question { signal, min_effect, concurrency: false }, blocks)
}

fn plainly(judgement: Judgement, effect: Option<Effect>, why: String) -> Judged {
    Judged { judgement, effect, smallest_seen: None, why: vec![why] }
}

fn unsafe_pages(leaks: &[Leak]) -> Option<Judged> {
    let first = leaks.iter().find(|leak| leak.side == Side::With)?;
    let pages = leaks.iter().filter(|leak| leak.side == Side::With).count();
    let why = format!(
        "not safe, whatever its speed: {} ({} in all; see the leaks)",
        first.what,
        format::plural(pages as u64, "page", "pages")
    );
    Some(plainly(Judgement::Hurts, None, why))
}

/// Errors are fast: a side that fails is never compared.
fn failures(question: &Question, blocks: &[Block]) -> Option<Judged> {
    if question.signal == Signal::Errors {
        return None;
    }
    let sum = |side| {
        let of_side = blocks.iter().filter(move |block| block.side == side);
        of_side.fold((0, 0), |(requests, errors), block| (requests + block.requests, errors + block.errors))
    };
    let ((all_without, bad_without), (all_with, bad_with)) = (sum(Side::Without), sum(Side::With));
    if bad_without == 0 && bad_with == 0 {
        return None;
    }
    let counts =
        format!("requests failed: {bad_without} of {all_without} without, {bad_with} of {all_with} with it");
    if bad_without == 0 && bad_with as f64 >= FAILING * all_with as f64 {
        return Some(plainly(Judgement::Hurts, None, format!("{counts}; it makes requests fail")));
    }
    Some(plainly(Judgement::Invalid, None, format!("{counts}; errors are fast, and never a speed-up")))
}

fn too_few(question: &Question, blocks: &[Block]) -> Option<Judged> {
    let pairs = pairs_of(blocks);
    let silent = blocks.iter().filter(|block| block.dropped.is_none() && block.requests == 0).count();
    if silent > 0 {
        let why = format!("no request ended in {}", format::plural(silent as u64, "block", "blocks"));
        return Some(plainly(Judgement::Invalid, None, why));
    }
    if pairs.len() >= least() {
        return None;
    }
    let dropped: Vec<&str> = blocks.iter().filter_map(|block| block.dropped.as_deref()).collect();
    let mut why = format!(
        "only {} could be used, and {} are needed",
        format::plural(pairs.len() as u64, "pair", "pairs"),
        least()
    );
    if let Some(last) = dropped.last() {
        let pairs = format::plural(dropped.len() as u64 / 2, "pair", "pairs");
        let _ = write!(why, "; {pairs} had to be dropped, the last because {last}");
        why.push_str(if question.concurrency {
            ": ways of doing things at the same time can be compared on a quiet machine only"
        } else {
            ": run it again when the machine is quieter"
        });
    }
    Some(plainly(Judgement::Invalid, None, why))
}

fn weigh(question: &Question, blocks: &[Block]) -> Judged {
    let signal = question.signal;
    let Some(effect) = effect(signal, blocks) else {
        let why = format!("{} could not be measured on both sides", signal.words());
        return plainly(Judgement::Invalid, None, why);
    };
    let (estimate, low, high) = on_scale(signal, &effect);
    let least = match signal.scale() {
        Scale::Ratio => question.min_effect.ln_1p(),
        Scale::Difference => question.min_effect,
    };
    let mut why = vec![effect_words(signal, &effect)];
    let is_seen = (low > 0.0 || high < 0.0) && estimate.abs() >= least;
    if is_seen {
        let up = estimate > 0.0;
        let better = up == (signal.better() == Direction::Higher);
        let judgement = if better { Judgement::Helps } else { Judgement::Hurts };
        return Judged { judgement, effect: Some(effect), smallest_seen: None, why };
    }
    let half = (high - low) / 2.0;
    let smallest = match signal.scale() {
        Scale::Ratio => half.max(least).exp_m1(),
        Scale::Difference => half.max(least),
    };
    why.push(format!("the smallest effect that would have been seen: {}", least_words(signal, smallest)));
    Judged { judgement: Judgement::NoEffectSeen, effect: Some(effect), smallest_seen: Some(smallest), why }
}

/// Estimate and interval where zero means no effect: logarithms of ratios, or plain differences.
fn on_scale(signal: Signal, effect: &Effect) -> (f64, f64, f64) {
    match signal.scale() {
        Scale::Ratio => (effect.estimate.ln(), effect.low.ln(), effect.high.ln()),
        Scale::Difference => (effect.estimate, effect.low, effect.high),
    }
}

/// A generator at its limit hides what the site could do: a gain is then a lower bound, and anything else is no finding.
fn limited_by_generator(question: &Question, blocks: &[Block], mut judged: Judged) -> Judged {
    if question.signal.nature() != Nature::Clock {
        return judged;
    }
    let busy = |side| {
        let of_side = blocks.iter().filter(|block| block.side == side && block.dropped.is_none());
        crate::paired::median(&of_side.map(|block| block.generator.0).collect::<Vec<_>>())
            .is_some_and(|busiest| busiest > SATURATED)
    };
    let (without, with) = (busy(Side::Without), busy(Side::With));
    match judged.judgement {
        Judgement::Helps if with => {
            judged.why.push("the load generator set the pace with it: the gain is at least this".to_owned());
        }
        Judgement::NoEffectSeen if without || with => {
            judged.judgement = Judgement::Invalid;
            judged.why.push("the load generator, not the site, set the pace".to_owned());
        }
        Judgement::Hurts if with && judged.effect.is_some() => {
            judged.judgement = Judgement::Invalid;
            judged.why.push("the load generator, not the site, set the pace with it".to_owned());
        }
        _ => {}
    }
    judged
}

#[cfg(test)]
mod tests;
