//! Blocks into pairs, pairs into an effect; and which pairs may not be used.

use kneepoint_model::experiment::{Block, Effect, Nature, Scale, Side, Signal};
use kneepoint_model::units::Ratio;

use super::{ALPHA, Question};
use crate::paired::{median, paired};

/// Above this share of the machine a stranger takes what a clock measures.
const FOREIGN_CLOCK: f64 = 0.05;
/// CPU per request bears more: paired blocks with neighbours on both cores gave 0.3 % false alarms in some 3,000 draws, since
/// the inflation (some 15 % for each busy core) is alike on both sides. Beyond half of the machine nobody has looked.
const FOREIGN_CPU: f64 = 0.50;
/// … as long as it is alike: this difference within a pair is worth some 6 % of CPU on two cores.
const FOREIGN_UNLIKE: f64 = 0.20;

/// Two neighbouring blocks, one of each side.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// Without.
    pub without: &'a Block,
    /// With.
    pub with: &'a Block,
}

/// The pairs that count, in order.
pub fn pairs_of(blocks: &[Block]) -> Vec<Pair<'_>> {
    let mut pairs = Vec::new();
    for without in blocks.iter().filter(|block| block.side == Side::Without && block.dropped.is_none()) {
        let partner = blocks
            .iter()
            .find(|block| block.side == Side::With && block.pair == without.pair && block.dropped.is_none());
        pairs.extend(partner.map(|with| Pair { without, with }));
    }
    pairs
}

/// Why a pair must be measured again, if it must. Counters and headers are never disturbed by strangers.
pub fn dropped_because(question: &Question, without: &Block, with: &Block) -> Option<String> {
    let (a, b) = (without.foreign.0, with.foreign.0);
    let nature = if question.concurrency { Nature::Clock } else { question.signal.nature() };
    let worst = Ratio(a.max(b));
    let strangers = |limit: f64| {
        format!("other programs used {worst} of the machine's CPU, and at most {} is allowed", Ratio(limit))
    };
    match nature {
        Nature::Counted => None,
        Nature::Clock => (worst.0 > FOREIGN_CLOCK).then(|| strangers(FOREIGN_CLOCK)),
        Nature::Cpu if worst.0 > FOREIGN_CPU => Some(strangers(FOREIGN_CPU)),
        Nature::Cpu => ((a - b).abs() > FOREIGN_UNLIKE).then(|| {
            format!(
                "other programs used {} of the machine's CPU in one block and {} in the other",
                Ratio(a),
                Ratio(b)
            )
        }),
    }
}

/// The effect on one signal; `None` when it was not measured in enough pairs, or cannot be compared by its scale.
pub fn effect(signal: Signal, blocks: &[Block]) -> Option<Effect> {
    let values: Option<Vec<(f64, f64)>> = pairs_of(blocks)
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
    let found = paired(&differences, ALPHA)?;
    let of = |pick: fn(&(f64, f64)) -> f64| median(&values.iter().map(pick).collect::<Vec<_>>());
    let shown = |value: f64| match signal.scale() {
        Scale::Ratio => value.exp(),
        Scale::Difference => value,
    };
    let half_width = match signal.scale() {
        Scale::Ratio => found.half_width().exp_m1(),
        Scale::Difference => found.half_width(),
    };
    Some(Effect {
        without: of(|pair| pair.0)?,
        with: of(|pair| pair.1)?,
        estimate: shown(found.estimate),
        low: shown(found.low),
        high: shown(found.high),
        confidence: found.confidence,
        pairs: u32::try_from(found.pairs).unwrap_or(u32::MAX),
        half_width,
    })
}
