use std::collections::BTreeMap;

use kneepoint_model::units::Ratio;

use super::*;

/// Deterministic noise: xorshift, summed to a bell curve.
struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
    fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

fn block(pair: u32, side: Side, values: &[(Signal, f64)]) -> Block {
    Block {
        pair,
        side,
        requests: 400,
        errors: 0,
        foreign: Ratio(0.01),
        generator: Ratio(0.1),
        tier_cpu_us: BTreeMap::new(),
        values: values.iter().copied().collect(),
        dropped: None,
    }
}

fn pairs(signal: Signal, count: u32, mut value: impl FnMut(u32, Side) -> f64) -> Vec<Block> {
    let both = |pair| [(pair, Side::Without), (pair, Side::With)];
    (0..count).flat_map(both).map(|(pair, side)| block(pair, side, &[(signal, value(pair, side))])).collect()
}

const CPU: EffectCriterion =
    EffectCriterion { signal: Signal::CpuPerRequest, min_effect: 0.03, concurrency: false };

fn steady(factor: f64) -> Vec<Block> {
    pairs(CPU.signal, 10, |pair, side| {
        let wobble = 1.0 + f64::from(pair % 3) * 0.01;
        if side == Side::With { 10_000.0 * factor * wobble } else { 10_000.0 }
    })
}

#[test]
fn less_cpu_helps_more_hurts_and_a_little_is_no_effect() {
    let verdict = |factor| judge(&CPU, &steady(factor), &[]).verdict;
    assert_eq!(verdict(0.5), EffectVerdict::Helps);
    assert_eq!(verdict(1.5), EffectVerdict::Hurts);
    assert_eq!(verdict(0.99), EffectVerdict::NoEffectSeen);
    let judged = judge(&CPU, &steady(0.99), &[]);
    // One per cent is far outside of the noise, and still too little to matter: three per cent would have been an effect.
    assert!((judged.smallest_detectable.expect("a size") - 0.03).abs() < 1e-9, "{judged:?}");
    assert!(judged.why[1].ends_with("an effect of 3.0 % or more would have been seen"), "{judged:?}");
}

#[test]
fn more_throughput_helps() {
    let criterion = EffectCriterion { signal: Signal::Throughput, min_effect: 0.05, concurrency: true };
    let blocks = pairs(Signal::Throughput, 10, |_, side| if side == Side::With { 190.0 } else { 100.0 });
    assert_eq!(judge(&criterion, &blocks, &[]).verdict, EffectVerdict::Helps);
}

#[test]
fn counters_are_compared_by_difference_also_from_zero() {
    let criterion = EffectCriterion { signal: Signal::CacheHitShare, min_effect: 0.05, concurrency: false };
    let blocks = pairs(Signal::CacheHitShare, 10, |_, side| if side == Side::With { 0.99 } else { 0.0 });
    let judged = judge(&criterion, &blocks, &[]);
    assert_eq!(judged.verdict, EffectVerdict::Helps);
    assert!((judged.effect.expect("an effect").estimate - 0.99).abs() < 1e-12);
}

#[test]
fn two_equal_variants_have_an_effect_no_more_often_than_alpha() {
    // Noise within a pair as measured on a busy machine (2.7 %), and three times as much; without a minimum effect.
    for spread in [0.027, 0.08] {
        let criterion = EffectCriterion { min_effect: 0.0, ..CPU };
        let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
        let alarms = (0..3_000)
            .filter(|_| {
                let blocks = pairs(CPU.signal, 10, |_, _| 10_000.0 * (spread * noise.bell()).exp());
                judge(&criterion, &blocks, &[]).verdict != EffectVerdict::NoEffectSeen
            })
            .count();
        // Nominal 1 %, exact 0.98 %: 29 of 3,000 expected, 50 is four standard deviations above.
        assert!(alarms <= 50, "{alarms} of 3000 at {spread}");
        assert!(alarms >= 5, "{alarms} of 3000 at {spread}: the interval is wider than it claims");
    }
}

#[test]
fn the_minimum_effect_removes_false_alarms_and_a_larger_effect_is_found() {
    let mut noise = Noise(42);
    let mut count = |factor: f64| {
        (0..1_000)
            .filter(|_| {
                let blocks = pairs(CPU.signal, 10, |_, side| {
                    let ratio = if side == Side::With { factor } else { 1.0 };
                    10_000.0 * ratio * (0.02 * noise.bell()).exp()
                });
                judge(&CPU, &blocks, &[]).verdict == EffectVerdict::Hurts
            })
            .count()
    };
    assert!(count(1.0) <= 5);
    assert!(count(1.08) >= 950);
}

#[test]
fn errors_never_help() {
    let mut blocks = steady(0.01);
    for block in blocks.iter_mut().filter(|block| block.side == Side::With) {
        block.errors = 200;
    }
    let judged = judge(&CPU, &blocks, &[]);
    assert_eq!(judged.verdict, EffectVerdict::Hurts);
    assert!(judged.why[0].contains("2000 of 4000 with it"), "{judged:?}");
    for block in &mut blocks {
        block.errors = 1;
    }
    assert_eq!(judge(&CPU, &blocks, &[]).verdict, EffectVerdict::Invalid);
    for block in &mut blocks {
        block.errors = u64::from(block.side == Side::Without);
    }
    assert_eq!(judge(&CPU, &blocks, &[]).verdict, EffectVerdict::Invalid);
}

#[test]
fn a_leaked_page_hurts_however_fast() {
    let leak = |side| Leak {
        side,
        path: "/".to_owned(),
        what: "an anonymous user saw reader0001's name on /".to_owned(),
    };
    let judged = judge(&CPU, &steady(0.001), &[leak(Side::With)]);
    assert_eq!(judged.verdict, EffectVerdict::Hurts);
    assert!(judged.why[0].starts_with("not safe"), "{judged:?}");
    assert_eq!(judge(&CPU, &steady(0.5), &[leak(Side::Without)]).verdict, EffectVerdict::Helps);
}

#[test]
fn dropped_pairs_do_not_count_and_too_few_are_no_measurement() {
    let mut blocks = steady(0.5);
    for block in blocks.iter_mut().filter(|block| block.pair < 3) {
        block.dropped = Some("other programs used 40.0 % of the machine's CPU".to_owned());
    }
    let judged = judge(&CPU, &blocks, &[]);
    assert_eq!(judged.verdict, EffectVerdict::Invalid);
    assert!(judged.why[0].starts_with("only 7 pairs could be used; 8 are needed; 3 pairs"), "{judged:?}");
}

#[test]
fn foreign_cpu_invalidates_clocks_and_never_counters() {
    let noisy = |share: f64| Block { foreign: Ratio(share), ..block(0, Side::With, &[]) };
    let dropped = |signal, concurrency, a, b| {
        drop_reason(&EffectCriterion { signal, min_effect: 0.0, concurrency }, &noisy(a), &noisy(b)).is_some()
    };
    assert!(dropped(Signal::Throughput, false, 0.0, 0.06) && !dropped(Signal::Throughput, false, 0.04, 0.04));
    assert!(!dropped(Signal::CpuPerRequest, false, 0.30, 0.35));
    assert!(dropped(Signal::CpuPerRequest, false, 0.10, 0.40), "unlike");
    assert!(dropped(Signal::CpuPerRequest, false, 0.60, 0.60), "too much");
    assert!(dropped(Signal::CpuPerRequest, true, 0.10, 0.10), "variants that differ in concurrency");
    assert!(!dropped(Signal::StatementsPerRequest, false, 0.9, 0.1));
}

#[test]
fn a_generator_at_its_limit_hides_effects() {
    let criterion = EffectCriterion { signal: Signal::Throughput, min_effect: 0.05, concurrency: false };
    let busy = |ratio: f64| {
        let mut blocks =
            pairs(Signal::Throughput, 10, |_, side| if side == Side::With { 100.0 * ratio } else { 100.0 });
        for block in &mut blocks {
            block.generator = Ratio(0.95);
        }
        judge(&criterion, &blocks, &[])
    };
    assert_eq!(busy(1.0).verdict, EffectVerdict::Invalid);
    assert_eq!(busy(0.5).verdict, EffectVerdict::Invalid);
    let gain = busy(3.0);
    assert_eq!(gain.verdict, EffectVerdict::Helps);
    assert!(gain.why.last().is_some_and(|why| why.ends_with("at least this")), "{gain:?}");
}

#[test]
fn a_signal_that_was_not_measured_is_invalid() {
    let criterion = EffectCriterion { signal: Signal::RowsExaminedPerRequest, ..CPU };
    assert_eq!(judge(&criterion, &steady(0.5), &[]).verdict, EffectVerdict::Invalid);
    // A ratio from zero is no number.
    let zero = pairs(Signal::CpuPerRequest, 10, |_, side| if side == Side::With { 5.0 } else { 0.0 });
    assert_eq!(judge(&CPU, &zero, &[]).verdict, EffectVerdict::Invalid);
}
