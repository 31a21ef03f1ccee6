//! Decides when the site is warm: two consecutive rounds with the same figures. Pure.

use kneepoint_model::units::Micros;
use kneepoint_model::warm::WarmRound;

/// Largest relative change of a time that counts as steady …
const MAX_RELATIVE_CHANGE: f64 = 0.15;
/// … or the largest absolute change: below it the scheduler dominates, not the site.
const TIMER_NOISE: Micros = Micros(2_000);
/// Largest change of the cache hit ratio that counts as steady.
const MAX_HIT_RATIO_CHANGE: f64 = 0.02;

/// True when median, 95th percentile and hit ratio of the last two rounds agree, and both rounds had successful
/// requests.
pub fn is_steady(rounds: &[WarmRound]) -> bool {
    let [.., before, last] = rounds else { return false };
    let both_succeeded = [before, last].iter().all(|round| round.requests > round.errors);
    let hits = match (before.hit_ratio, last.hit_ratio) {
        (Some(before), Some(last)) => (before.0 - last.0).abs() < MAX_HIT_RATIO_CHANGE,
        (before, last) => before.is_none() && last.is_none(),
    };
    both_succeeded
        && hits
        && is_same_time(before.p50_us, last.p50_us)
        && is_same_time(before.p95_us, last.p95_us)
}

fn is_same_time(a: Micros, b: Micros) -> bool {
    let difference = a.max(b) - a.min(b);
    difference <= TIMER_NOISE || difference.as_f64() <= MAX_RELATIVE_CHANGE * a.max(b).as_f64()
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
    fn two_equal_rounds_are_steady() {
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
            assert_eq!(is_steady(&[before.clone(), last.clone()]), expected, "{before:?} {last:?}");
        }
    }

    #[test]
    fn one_round_is_not_enough_and_errors_are_not_warm() {
        assert!(!is_steady(&[]) && !is_steady(&[round(1, 1, None)]));
        let failed = WarmRound { errors: 10, ..round(100, 100, None) };
        assert!(!is_steady(&[failed.clone(), failed]));
    }

    #[test]
    fn only_the_last_two_count() {
        assert!(is_steady(&[round(900_000, 900_000, None), round(10, 20, None), round(10, 20, None)]));
    }
}
