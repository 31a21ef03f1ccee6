//! Pauses before steps, and how they are spread.
//!
//! Formulas: exponential by inversion, `−m ln U` (Devroye, Non-Uniform Random Variate Generation, 1986, II.2); normal by the
//! method of Box and Muller (A note on the generation of random normal deviates, 1958), `√(−2 ln U₁) cos 2πU₂`; lognormal as
//! `exp(μ + σZ)` with μ the logarithm of the median and σ from the 95th percentile, which lies 1.6449 deviations above it.

use std::time::Duration;

use rand::RngExt as _;

use crate::values::Visit;

/// No pause is longer; what is drawn beyond it is cut.
pub(crate) const LONGEST: Duration = Duration::from_mins(10);
/// An exponential pause is cut at this many means: one in 22,026 is, and the mean shrinks by as much.
const MEANS: f64 = 10.0;
/// How many deviations the 95th percentile of a normal spread lies above its median: Φ⁻¹(0.95).
const P95: f64 = 1.644_853_626_951_472_2;

/// A pause before a step.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Think(Spread);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Spread {
    /// Evenly between two bounds.
    Even { min: Duration, max: Duration },
    /// Without memory, as between strangers who come by.
    Exponential { mean: f64 },
    /// Around a mean; what would be below zero is zero.
    Normal { mean: f64, deviation: f64 },
    /// Mostly short, seldom very long: as people read.
    LogNormal { mu: f64, sigma: f64 },
}

impl Default for Spread {
    fn default() -> Self {
        Self::Even { min: Duration::ZERO, max: Duration::ZERO }
    }
}

impl Think {
    /// Evenly between two bounds, the smaller first.
    pub(crate) const fn even(min: Duration, max: Duration) -> Self {
        Self(Spread::Even { min, max })
    }
    /// Exponential with this mean.
    pub(crate) const fn exponential(mean: Duration) -> Self {
        Self(Spread::Exponential { mean: mean.as_secs_f64() })
    }
    /// Normal with this mean and standard deviation, cut at zero.
    pub(crate) const fn normal(mean: Duration, deviation: Duration) -> Self {
        Self(Spread::Normal { mean: mean.as_secs_f64(), deviation: deviation.as_secs_f64() })
    }
    /// Lognormal with this median, above zero, and this 95th percentile, not below it.
    pub(crate) fn lognormal(median: Duration, p95: Duration) -> Self {
        let mu = median.as_secs_f64().ln();
        Self(Spread::LogNormal { mu, sigma: (p95.as_secs_f64().ln() - mu) / P95 })
    }

    /// Draws a pause, at most ten minutes long, and multiplies it by `scale`.
    pub fn draw(&self, visit: &mut Visit, scale: f64) -> Duration {
        let scale = scale.clamp(0.0, 1000.0);
        match self.0 {
            Spread::Even { min, max } => {
                let span = max.saturating_sub(min);
                let extra = if span.is_zero() {
                    Duration::ZERO
                } else {
                    Duration::from_micros(visit.below(span.as_micros() as u64 + 1))
                };
                (min + extra).mul_f64(scale)
            }
            Spread::Exponential { mean } => {
                pause((-mean * visit.above_zero().ln()).min(MEANS * mean)).mul_f64(scale)
            }
            Spread::Normal { mean, deviation } => pause(mean + deviation * normal(visit)).mul_f64(scale),
            Spread::LogNormal { mu, sigma } => pause((mu + sigma * normal(visit)).exp()).mul_f64(scale),
        }
    }
}

/// Seconds within what a pause may be.
fn pause(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, LONGEST.as_secs_f64()))
}

/// A draw with mean 0 and standard deviation 1.
fn normal(visit: &mut Visit) -> f64 {
    let radius = (-2.0 * visit.above_zero().ln()).sqrt();
    radius * (std::f64::consts::TAU * visit.rng.random::<f64>()).cos()
}

impl Visit {
    /// Evenly above 0 and up to 1: its logarithm is finite.
    fn above_zero(&mut self) -> f64 {
        1.0 - self.rng.random::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// Sorted draws in milliseconds.
    fn draws(think: Think, seed: u64) -> Vec<f64> {
        let mut visit = Visit::new(seed, 1);
        let mut draws: Vec<f64> =
            (0..40_000).map(|_| think.draw(&mut visit, 1.0).as_secs_f64() * 1000.0).collect();
        draws.sort_by(f64::total_cmp);
        draws
    }

    fn mean_and_deviation(draws: &[f64]) -> (f64, f64) {
        let n = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / n;
        (mean, (draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / n).sqrt())
    }

    /// Within so many hundredths.
    #[track_caller]
    fn near(found: f64, expected: f64, hundredths: f64) {
        assert!((found - expected).abs() <= expected * hundredths / 100.0, "{found}, not {expected}");
    }

    #[test]
    fn each_spread_has_the_mean_and_the_width_that_it_promises() {
        // Standard errors of 40,000 draws: about 0.5 % of a mean that is as large as its deviation.
        let (mean, deviation) = mean_and_deviation(&draws(Think::even(MS(300), MS(1200)), 1));
        near(mean, 750.0, 1.0);
        near(deviation, 900.0 / 12.0_f64.sqrt(), 2.0);

        let exponential = draws(Think::exponential(MS(1000)), 2);
        let (mean, deviation) = mean_and_deviation(&exponential);
        near(mean, 1000.0, 2.0);
        near(deviation, 1000.0, 3.0);
        near(exponential[20_000], 1000.0 * 2.0_f64.ln(), 3.0);
        assert!(exponential[39_999] <= 10_000.0, "cut at ten means");

        let normal = draws(Think::normal(MS(1000), MS(200)), 3);
        let (mean, deviation) = mean_and_deviation(&normal);
        near(mean, 1000.0, 1.0);
        near(deviation, 200.0, 2.0);
        // 68.27 % within one deviation.
        let within = normal.iter().filter(|draw| (800.0..1200.0).contains(*draw)).count();
        near(within as f64, 27_308.0, 2.0);

        let lognormal = draws(Think::lognormal(MS(800), MS(4000)), 4);
        near(lognormal[20_000], 800.0, 3.0);
        near(lognormal[38_000], 4000.0, 5.0);
        let sigma = (5.0_f64).ln() / P95;
        near(mean_and_deviation(&lognormal).0, 800.0 * (sigma * sigma / 2.0).exp(), 4.0);
    }

    #[test]
    fn a_normal_pause_is_cut_at_zero_and_a_narrow_one_is_fixed() {
        let wide = draws(Think::normal(MS(100), MS(100)), 5);
        // Φ(−1) = 15.87 % would be below zero.
        near(wide.iter().filter(|draw| **draw == 0.0).count() as f64, 6_346.0, 5.0);
        assert!(draws(Think::normal(MS(7), MS(0)), 6).iter().all(|draw| (*draw - 7.0).abs() < 1e-9));
        assert!(draws(Think::lognormal(MS(7), MS(7)), 6).iter().all(|draw| (*draw - 7.0).abs() < 1e-6));
    }

    proptest! {
        #[test]
        fn no_pause_is_longer_than_ten_minutes_and_equal_seeds_pause_alike(
            a in 1u64..600_000, b in 0u64..600_000, kind in 0..4, seed in any::<u64>(), scale in 0.0f64..=1.0,
        ) {
            let (small, large) = (MS(a.min(b).max(1)), MS(a.max(b)));
            let think = match kind {
                0 => Think::even(small, large),
                1 => Think::exponential(MS(a)),
                2 => Think::normal(MS(a), MS(b)),
                _ => Think::lognormal(small, large),
            };
            let (mut one, mut same) = (Visit::new(seed, 1), Visit::new(seed, 1));
            for _ in 0..20 {
                let pause = think.draw(&mut one, scale);
                prop_assert!(pause <= LONGEST);
                prop_assert_eq!(pause, think.draw(&mut same, scale));
            }
        }
    }
}
