//! When is warm? When two rounds in a row say the same: a pure decision.

use kneepoint_model::units::Micros;
use kneepoint_model::warm::WarmRound;

/// Times are the same within this share of the larger …
const SHARE: f64 = 0.15;
/// … or within this much: below it the scheduler speaks, not the site.
const NOISE: Micros = Micros(2_000);
/// Hit ratios are the same within this many points.
const POINTS: f64 = 0.02;

/// True when median, 95th percentile and hit ratio of the last two rounds are the same, and something was answered.
pub fn is_flat(rounds: &[WarmRound]) -> bool {
    let [.., before, last] = rounds else { return false };
    let answered = [before, last].iter().all(|round| round.requests > round.errors);
    let hits = match (before.hit_ratio, last.hit_ratio) {
        (Some(before), Some(last)) => (before.0 - last.0).abs() < POINTS,
        (before, last) => before.is_none() && last.is_none(),
    };
    answered && hits && same(before.p50_us, last.p50_us) && same(before.p95_us, last.p95_us)
}

fn same(a: Micros, b: Micros) -> bool {
    let difference = a.max(b) - a.min(b);
    difference <= NOISE || difference.as_f64() <= SHARE * a.max(b).as_f64()
}

#[cfg(test)]
mod tests {
    use kneepoint_model::units::Ratio;

    use super::*;

    fn round(p50: u64, p95: u64, hits: Option<f64>) -> WarmRound {
        let (p50_us, p95_us) = (Micros(p50), Micros(p95));
        WarmRound { requests: 10, errors: 0, p50_us, p95_us, hit_ratio: hits.map(Ratio) }
    }

    #[test]
    fn two_rounds_that_say_the_same_are_flat() {
        let cases = [
            (round(30_000, 90_000, None), round(28_000, 80_000, None), true),
            (round(30_000, 90_000, None), round(20_000, 90_000, None), false),
            (round(30_000, 90_000, None), round(30_000, 50_000, None), false),
            (round(3_000, 5_000, None), round(1_500, 3_500, None), true),
            (round(3_000, 5_000, Some(0.5)), round(3_000, 5_000, Some(0.9)), false),
            (round(3_000, 5_000, Some(0.99)), round(3_000, 5_000, Some(1.0)), true),
            (round(3_000, 5_000, None), round(3_000, 5_000, Some(1.0)), false),
        ];
        for (before, last, expected) in cases {
            assert_eq!(is_flat(&[before.clone(), last.clone()]), expected, "{before:?} {last:?}");
        }
    }

    #[test]
    fn one_round_says_nothing_and_errors_are_not_warm() {
        assert!(!is_flat(&[]) && !is_flat(&[round(1, 1, None)]));
        let failed = WarmRound { errors: 10, ..round(100, 100, None) };
        assert!(!is_flat(&[failed.clone(), failed]));
    }

    #[test]
    fn only_the_last_two_count() {
        assert!(is_flat(&[round(900_000, 900_000, None), round(10, 20, None), round(10, 20, None)]));
    }
}
