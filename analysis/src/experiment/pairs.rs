//! Pairs of blocks, the effect estimated from them, and the reasons to drop a pair.

use kneepoint_model::experiment::{Block, Effect, Nature, Scale, Side, Signal};
use kneepoint_model::units::Ratio;

use super::{ALPHA, EffectCriterion};
use crate::paired::{estimate_paired, median};

/// Foreign CPU share of the machine above which signals measured by a clock are unreliable.
const MAX_FOREIGN_CLOCK: f64 = 0.05;
/// CPU per request tolerates more: paired blocks with foreign load on both cores gave 0.3 % false alarms in about 3,000
/// draws, because the inflation (about 15 % for each busy core) is equal on both sides. More than half is untested.
const MAX_FOREIGN_CPU: f64 = 0.50;
/// … as long as it is equal: this difference within a pair changes CPU per request by about 6 % on two cores.
const MAX_FOREIGN_DIFFERENCE: f64 = 0.20;

/// Two neighbouring blocks, one of each side.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// The block without the variant.
    pub without: &'a Block,
    /// The block with the variant.
    pub with: &'a Block,
}

/// The pairs that were not dropped, in order.
pub fn valid_pairs(blocks: &[Block]) -> Vec<Pair<'_>> {
    let mut pairs = Vec::new();
    for without in blocks.iter().filter(|block| block.side == Side::Without && block.dropped.is_none()) {
        let partner = blocks
            .iter()
            .find(|block| block.side == Side::With && block.pair == without.pair && block.dropped.is_none());
        pairs.extend(partner.map(|with| Pair { without, with }));
    }
    pairs
}

/// Why a pair must be measured again; `None` when it is valid. Foreign CPU use never changes counters and headers.
pub fn drop_reason(criterion: &EffectCriterion, without: &Block, with: &Block) -> Option<String> {
    let (a, b) = (without.foreign.0, with.foreign.0);
    let nature = if criterion.concurrency { Nature::Clock } else { criterion.signal.nature() };
    let worst = Ratio(a.max(b));
    let foreign = |limit: f64| {
        format!("other programs used {worst} of the machine's CPU; at most {} is allowed", Ratio(limit))
    };
    match nature {
        Nature::Counted => None,
        Nature::Clock => (worst.0 > MAX_FOREIGN_CLOCK).then(|| foreign(MAX_FOREIGN_CLOCK)),
        Nature::Cpu if worst.0 > MAX_FOREIGN_CPU => Some(foreign(MAX_FOREIGN_CPU)),
        Nature::Cpu => ((a - b).abs() > MAX_FOREIGN_DIFFERENCE).then(|| {
            format!(
                "other programs used {} of the machine's CPU in one block and {} in the other",
                Ratio(a),
                Ratio(b)
            )
        }),
    }
}

/// The effect on one signal; `None` when too few pairs measured it, or its values have no ratio.
pub fn estimate_effect(signal: Signal, blocks: &[Block]) -> Option<Effect> {
    let values: Option<Vec<(f64, f64)>> = valid_pairs(blocks)
        .iter()
        .map(|pair| Some((*pair.without.values.get(&signal)?, *pair.with.values.get(&signal)?)))
        .collect();
    let values = values?;
    let differences: Vec<f64> = values
        .iter()
        .map(|(without, with)| match signal.scale() {
            Scale::Ratio => (with / without).ln(),
            Scale::Difference => with - without,
        })
        .collect();
    let found = estimate_paired(&differences, ALPHA)?;
    let median_of = |pick: fn(&(f64, f64)) -> f64| median(&values.iter().map(pick).collect::<Vec<_>>());
    let from_log = |value: f64| match signal.scale() {
        Scale::Ratio => value.exp(),
        Scale::Difference => value,
    };
    let half_width = match signal.scale() {
        Scale::Ratio => found.half_width().exp_m1(),
        Scale::Difference => found.half_width(),
    };
    Some(Effect {
        without: median_of(|pair| pair.0)?,
        with: median_of(|pair| pair.1)?,
        estimate: from_log(found.estimate),
        low: from_log(found.low),
        high: from_log(found.high),
        confidence: found.confidence,
        pairs: u32::try_from(found.pairs).unwrap_or(u32::MAX),
        half_width,
    })
}
