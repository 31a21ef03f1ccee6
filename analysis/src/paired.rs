//! Paired differences: the Hodges–Lehmann estimate with the exact Wilcoxon signed-rank interval.
//!
//! Both use the Walsh averages (dᵢ + dⱼ)/2, i ≤ j: the estimate is their median, and the interval omits at each end the
//! number that the signed-rank statistic falls below with probability α/2 (Hollander, Wolfe & Chicken, *Nonparametric
//! Statistical Methods*, §3.1–3.3). No random numbers, no tables, no normal approximation; heavy tails widen the interval
//! but do not make it wrong.

use kneepoint_model::units::Ratio;

/// Maximum number of pairs: the exact distribution is O(n³), too slow beyond it.
const MAX_PAIRS: usize = 400;

/// The estimated difference within a pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedEstimate {
    /// The Hodges–Lehmann estimate of the typical difference.
    pub estimate: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Confidence level of the interval, at least.
    pub confidence: Ratio,
    /// Number of pairs.
    pub pairs: usize,
}

impl PairedEstimate {
    /// Half of the length of the interval: a smaller effect may stay unseen.
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// True when zero is outside the interval.
    pub fn excludes_zero(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// The minimum number of pairs for an interval with error probability `alpha`.
pub fn min_pairs(alpha: f64) -> usize {
    (1..=MAX_PAIRS).find(|n| cut_off(*n, alpha).is_some()).unwrap_or(MAX_PAIRS)
}

/// Estimate and two-sided interval with error probability `alpha`; `None` with too few pairs, or a value that is not finite.
pub fn estimate_paired(differences: &[f64], alpha: f64) -> Option<PairedEstimate> {
    let pairs = differences.len();
    if pairs > MAX_PAIRS || differences.iter().any(|d| !d.is_finite()) {
        return None;
    }
    let (cut, tail) = cut_off(pairs, alpha)?;
    let walsh = walsh_averages(differences);
    Some(PairedEstimate {
        estimate: middle(&walsh),
        low: walsh[cut],
        high: walsh[walsh.len() - 1 - cut],
        confidence: Ratio(1.0 - 2.0 * tail),
        pairs,
    })
}

/// The median; `None` of an empty slice.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (!sorted.is_empty()).then(|| middle(&sorted))
}

/// All (dᵢ + dⱼ)/2 with i ≤ j, sorted.
fn walsh_averages(differences: &[f64]) -> Vec<f64> {
    let mut walsh = Vec::with_capacity(differences.len() * (differences.len() + 1) / 2);
    for (at, a) in differences.iter().enumerate() {
        walsh.extend(differences[at..].iter().map(|b| f64::midpoint(*a, *b)));
    }
    walsh.sort_by(f64::total_cmp);
    walsh
}

fn middle(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[half - 1], sorted[half]) } else { sorted[half] }
}

/// The number of Walsh averages to omit at each end, and the probability that the statistic is at most that.
fn cut_off(pairs: usize, alpha: f64) -> Option<(usize, f64)> {
    let mut chance = 0.0;
    let mut last = None;
    for (rank_sum, share) in signed_rank_shares(pairs).into_iter().enumerate() {
        chance += share;
        if chance > alpha / 2.0 {
            break;
        }
        last = Some((rank_sum, chance));
    }
    last
}

/// P(W⁺ = s) for s = 0, 1, …: each of the ranks 1…n is in the sum or not, all 2ⁿ combinations equally likely.
fn signed_rank_shares(pairs: usize) -> Vec<f64> {
    let most = pairs * (pairs + 1) / 2;
    let mut shares = vec![0.0; most + 1];
    shares[0] = 1.0;
    for rank in 1..=pairs {
        for sum in (0..=most).rev() {
            let without = shares[sum];
            let with = if sum >= rank { shares[sum - rank] } else { 0.0 };
            shares[sum] = f64::midpoint(without, with);
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn critical_values_match_the_published_tables() {
        // Two-sided 0.01: n = 8 → 0, 10 → 3, 12 → 7, 20 → 37 (Wilcoxon's table); below 8 there is no interval.
        for (pairs, expected) in [(8, 0), (10, 3), (12, 7), (20, 37)] {
            assert_eq!(cut_off(pairs, 0.01).map(|(cut, _)| cut), Some(expected), "{pairs} pairs");
        }
        assert_eq!(cut_off(7, 0.01), None);
        assert_eq!((min_pairs(0.01), min_pairs(0.05)), (8, 6));
        let (_, tail) = cut_off(10, 0.01).expect("enough");
        assert!((tail - 5.0 / 1024.0).abs() < 1e-12, "{tail}");
    }

    #[test]
    fn a_small_example_is_exact() {
        // Walsh averages of 1, 2, 4: 1, 1.5, 2, 2.5, 3, 4.
        assert_eq!(walsh_averages(&[4.0, 1.0, 2.0]), [1.0, 1.5, 2.0, 2.5, 3.0, 4.0]);
        let wide: Vec<f64> = (1..=8).map(f64::from).collect();
        let all = estimate_paired(&wide, 0.01).expect("eight pairs");
        assert_eq!((all.estimate, all.low, all.high), (4.5, 1.0, 8.0));
        assert!((all.confidence.0 - (1.0 - 2.0 / 256.0)).abs() < 1e-12);
    }

    #[test]
    fn too_few_pairs_and_values_that_are_not_finite_give_no_estimate() {
        assert_eq!(estimate_paired(&[0.1; 7], 0.01), None);
        assert_eq!(estimate_paired(&[], 0.05), None);
        assert_eq!(estimate_paired(&[0.1, 0.1, 0.1, f64::NAN, 0.1, 0.1, 0.1, 0.1], 0.01), None);
    }

    #[test]
    fn equal_differences_have_an_interval_without_width() {
        let same = estimate_paired(&[-24.0; 10], 0.01).expect("ten pairs");
        assert_eq!((same.estimate, same.low, same.high), (-24.0, -24.0, -24.0));
        assert!(same.excludes_zero());
        assert!(!estimate_paired(&[0.0; 10], 0.01).expect("ten pairs").excludes_zero());
    }

    proptest! {
        #[test]
        fn the_distribution_is_whole_and_symmetric(pairs in 1_usize..40) {
            let shares = signed_rank_shares(pairs);
            prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            for (a, b) in shares.iter().zip(shares.iter().rev()) {
                prop_assert!((a - b).abs() < 1e-12);
            }
        }

        #[test]
        fn the_interval_holds_the_estimate_and_moves_with_the_values(
            values in prop::collection::vec(-1.0_f64..1.0, 8..30), shift in -5.0_f64..5.0,
        ) {
            let plain = estimate_paired(&values, 0.01).expect("enough");
            prop_assert!(plain.low <= plain.estimate && plain.estimate <= plain.high);
            let moved: Vec<f64> = values.iter().map(|v| v + shift).collect();
            let moved = estimate_paired(&moved, 0.01).expect("enough");
            prop_assert!((moved.estimate - plain.estimate - shift).abs() < 1e-9);
            prop_assert!((moved.low - plain.low - shift).abs() < 1e-9);
            let turned: Vec<f64> = values.iter().map(|v| -v).collect();
            let turned = estimate_paired(&turned, 0.01).expect("enough");
            prop_assert!((turned.estimate + plain.estimate).abs() < 1e-9);
            prop_assert!((turned.low + plain.high).abs() < 1e-9);
        }

        #[test]
        fn order_does_not_matter(mut values in prop::collection::vec(-1.0_f64..1.0, 8..20)) {
            let before = estimate_paired(&values, 0.05);
            values.reverse();
            prop_assert_eq!(before, estimate_paired(&values, 0.05));
        }
    }
}
