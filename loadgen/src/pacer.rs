//! When the next journey is due: pure, seeded, never dependent on answers.
//!
//! Constant: the i-th arrival is due at i / rate, computed for each i from the start, so that nothing adds up.
//! Poisson: gaps are -ln(U) / rate with seeded U (inversion of the exponential distribution).

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// How arrivals are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrivals {
    /// Evenly.
    #[default]
    Constant,
    /// Independently of each other, as real visitors come.
    Poisson,
}

/// Gives due times as offsets from the start, in order, without end.
#[derive(Debug)]
pub(crate) struct Pacer {
    rate: f64,
    next: u64,
    poisson: Option<(ChaCha8Rng, f64)>,
}

impl Pacer {
    pub(crate) fn new(rate: f64, arrivals: Arrivals, seed: u64) -> Self {
        let poisson = (arrivals == Arrivals::Poisson).then(|| (ChaCha8Rng::seed_from_u64(seed), 0.0));
        Self { rate, next: 0, poisson }
    }
}

impl Iterator for Pacer {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let seconds = match &mut self.poisson {
            None => self.next as f64 / self.rate,
            Some((rng, at)) => {
                let uniform: f64 = rng.random();
                *at += -(1.0 - uniform).ln() / self.rate;
                *at
            }
        };
        self.next += 1;
        Some(Duration::from_secs_f64(seconds.clamp(0.0, 1.0e9)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_millionth_arrival_of_a_constant_rate_has_not_drifted() {
        let at = Pacer::new(3000.0, Arrivals::Constant, 1).nth(3_000_000).expect("endless");
        assert!(at.abs_diff(Duration::from_secs(1000)) < Duration::from_nanos(2), "{at:?}");
    }

    #[test]
    fn poisson_gaps_have_the_mean_and_the_spread_of_the_exponential() {
        let times: Vec<f64> =
            Pacer::new(100.0, Arrivals::Poisson, 7).take(20_000).map(|d| d.as_secs_f64()).collect();
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean - 0.01).abs() < 0.0005, "{mean}");
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.05, "{variance}");
    }

    proptest! {
        #[test]
        fn schedules_never_run_backwards_and_equal_seeds_agree(rate in 0.1f64..1e5, seed: u64, poisson: bool) {
            let arrivals = if poisson { Arrivals::Poisson } else { Arrivals::Constant };
            let take = || Pacer::new(rate, arrivals, seed).take(200).collect::<Vec<_>>();
            let times = take();
            prop_assert!(times.is_sorted());
            prop_assert_eq!(times, take());
        }
    }
}
