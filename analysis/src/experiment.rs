//! The verdict of an experiment, from its blocks. Pure: the same blocks always give the same verdict and text.
//!
//! *Helps* or *hurts* needs an interval that excludes zero **and** an estimate of at least the minimum effect. The second
//! condition is needed because two starts of the same stack already differ by about 0.3 % of CPU. Errors never help, and
//! a variant that shows one user's page to another user hurts, however fast it is.

mod agree;
mod format;
mod lost_update;
mod pairs;
mod rollout;

use std::fmt::Write as _;

use kneepoint_model::experiment::{
    Block, Effect, EffectAssessment, EffectVerdict, Leak, Nature, Scale, Side, Signal,
};
use kneepoint_model::metric::{Direction, Unit};
use kneepoint_model::text::plural;

pub use agree::check_agreement;
pub use format::{describe_effect, describe_min_effect, format_value};
pub use lost_update::{lost_update_verdict, summarise_lost_updates};
pub use pairs::{Pair, drop_reason, estimate_effect, valid_pairs};
pub use rollout::rollout_verdict;

use crate::paired;

/// Probability that an interval does not contain the true effect: one in a hundred for each experiment.
pub const ALPHA: f64 = 0.01;
/// Share of failed requests from which the variant causes the failures; below it the measurement is faulty.
const MIN_FAILED_SHARE: f64 = 0.01;
/// Share of a core above which a generator thread limits the throughput itself.
const GENERATOR_SATURATED: f64 = 0.80;

/// The signal and the minimum effect that decide a verdict.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EffectCriterion {
    /// The signal whose effect decides.
    pub signal: Signal,
    /// The minimum effect that matters: a share for ratios, else in the unit of the signal.
    pub min_effect: f64,
    /// True when the variants differ in concurrency (workers, threads): foreign CPU use can change the sign of such an
    /// effect, so any signal then needs a quiet machine.
    pub concurrency: bool,
}

/// The minimum number of pairs for a verdict.
pub fn min_pairs() -> usize {
    paired::min_pairs(ALPHA)
}

/// The verdict on a variant, from its blocks and its leaks of user data.
pub fn judge(criterion: &EffectCriterion, blocks: &[Block], leaks: &[Leak]) -> EffectAssessment {
    let early = unsafe_pages(leaks).or_else(|| failures(criterion, blocks));
    let judged =
        early.or_else(|| too_few(criterion, blocks)).unwrap_or_else(|| judge_effect(criterion, blocks));
    limited_by_generator(criterion, blocks, judged)
}

/// The verdict on a secondary signal: judged by its interval alone, with a fixed minimum effect.
pub fn prove(signal: Signal, blocks: &[Block]) -> EffectAssessment {
    let min_effect = match (signal.scale(), signal.unit()) {
        (Scale::Ratio, _) => 0.03,
        (Scale::Difference, Unit::Ratio) => 0.01,
        (Scale::Difference, _) => 0.05,
    };
    judge_effect(&EffectCriterion { signal, min_effect, concurrency: false }, blocks)
}

fn without_smallest(judgement: EffectVerdict, effect: Option<Effect>, why: String) -> EffectAssessment {
    EffectAssessment { verdict: judgement, effect, smallest_detectable: None, why: vec![why] }
}

fn unsafe_pages(leaks: &[Leak]) -> Option<EffectAssessment> {
    let first = leaks.iter().find(|leak| leak.side == Side::With)?;
    let pages = leaks.iter().filter(|leak| leak.side == Side::With).count();
    let why = format!(
        "not safe, whatever its speed: {} ({} in total; see the leaks)",
        first.what,
        plural(pages, "page")
    );
    Some(without_smallest(EffectVerdict::Hurts, None, why))
}

/// Failed requests are fast, so a side with failures is never compared.
fn failures(criterion: &EffectCriterion, blocks: &[Block]) -> Option<EffectAssessment> {
    if criterion.signal == Signal::Errors {
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
    if bad_without == 0 && bad_with as f64 >= MIN_FAILED_SHARE * all_with as f64 {
        return Some(without_smallest(
            EffectVerdict::Hurts,
            None,
            format!("{counts}; the variant makes requests fail"),
        ));
    }
    Some(without_smallest(
        EffectVerdict::Invalid,
        None,
        format!("{counts}; failed requests are fast, so the blocks are not comparable"),
    ))
}

fn too_few(criterion: &EffectCriterion, blocks: &[Block]) -> Option<EffectAssessment> {
    let pairs = valid_pairs(blocks);
    let empty = blocks.iter().filter(|block| block.dropped.is_none() && block.requests == 0).count();
    if empty > 0 {
        let why = format!("no request completed in {}", plural(empty, "block"));
        return Some(without_smallest(EffectVerdict::Invalid, None, why));
    }
    if pairs.len() >= min_pairs() {
        return None;
    }
    let dropped: Vec<&str> = blocks.iter().filter_map(|block| block.dropped.as_deref()).collect();
    let mut why = format!("only {} could be used; {} are needed", plural(pairs.len(), "pair"), min_pairs());
    if let Some(last) = dropped.last() {
        let pairs = plural(dropped.len() / 2, "pair");
        let _ = write!(why, "; {pairs} were dropped, the last because {last}");
        why.push_str(if criterion.concurrency {
            ": variants that differ in concurrency can only be compared on a quiet machine"
        } else {
            ": run the experiment again when the machine is quieter"
        });
    }
    Some(without_smallest(EffectVerdict::Invalid, None, why))
}

fn judge_effect(criterion: &EffectCriterion, blocks: &[Block]) -> EffectAssessment {
    let signal = criterion.signal;
    let Some(effect) = estimate_effect(signal, blocks) else {
        let why = format!("{} was not measured on both sides", signal.label());
        return without_smallest(EffectVerdict::Invalid, None, why);
    };
    let (estimate, low, high) = on_scale(signal, &effect);
    let min_effect = match signal.scale() {
        Scale::Ratio => criterion.min_effect.ln_1p(),
        Scale::Difference => criterion.min_effect,
    };
    let mut why = vec![describe_effect(signal, &effect)];
    let is_seen = (low > 0.0 || high < 0.0) && estimate.abs() >= min_effect;
    if is_seen {
        let up = estimate > 0.0;
        let better = up == (signal.better() == Direction::Higher);
        let judgement = if better { EffectVerdict::Helps } else { EffectVerdict::Hurts };
        return EffectAssessment { verdict: judgement, effect: Some(effect), smallest_detectable: None, why };
    }
    let half = (high - low) / 2.0;
    let smallest = match signal.scale() {
        Scale::Ratio => half.max(min_effect).exp_m1(),
        Scale::Difference => half.max(min_effect),
    };
    why.push(format!("an effect of {} or more would have been seen", describe_min_effect(signal, smallest)));
    EffectAssessment {
        verdict: EffectVerdict::NoEffectSeen,
        effect: Some(effect),
        smallest_detectable: Some(smallest),
        why,
    }
}

/// Estimate and interval on the scale where zero means no effect: logarithms of ratios, or plain differences.
fn on_scale(signal: Signal, effect: &Effect) -> (f64, f64, f64) {
    match signal.scale() {
        Scale::Ratio => (effect.estimate.ln(), effect.low.ln(), effect.high.ln()),
        Scale::Difference => (effect.estimate, effect.low, effect.high),
    }
}

/// A generator at its limit hides the throughput of the site: a gain is then a lower bound, any other result is invalid.
fn limited_by_generator(
    criterion: &EffectCriterion,
    blocks: &[Block],
    mut judged: EffectAssessment,
) -> EffectAssessment {
    if criterion.signal.nature() != Nature::Clock {
        return judged;
    }
    let busy = |side| {
        let of_side = blocks.iter().filter(|block| block.side == side && block.dropped.is_none());
        paired::median(&of_side.map(|block| block.generator.0).collect::<Vec<_>>())
            .is_some_and(|busiest| busiest > GENERATOR_SATURATED)
    };
    let (without, with) = (busy(Side::Without), busy(Side::With));
    match judged.verdict {
        EffectVerdict::Helps if with => {
            judged.why.push(
                "the load generator limited the throughput with it: the gain is at least this".to_owned(),
            );
        }
        EffectVerdict::NoEffectSeen if without || with => {
            judged.verdict = EffectVerdict::Invalid;
            judged.why.push("the load generator, not the site, limited the throughput".to_owned());
        }
        EffectVerdict::Hurts if with && judged.effect.is_some() => {
            judged.verdict = EffectVerdict::Invalid;
            judged.why.push("the load generator, not the site, limited the throughput with it".to_owned());
        }
        _ => {}
    }
    judged
}

#[cfg(test)]
mod tests;
