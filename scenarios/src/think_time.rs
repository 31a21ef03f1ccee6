//! Think times: the distributions of the pauses before steps.
//!
//! Formulas: exponential by inversion, `−m ln U` (Devroye, Non-Uniform Random Variate Generation, 1986, II.2); normal by the
//! method of Box and Muller (A note on the generation of random normal deviates, 1958), `√(−2 ln U₁) cos 2πU₂`; lognormal as
//! `exp(μ + σZ)`, where μ is the logarithm of the median and σ follows from the 95th percentile, 1.6449 deviations above it.

use std::time::Duration;

use rand::RngExt as _;

use crate::user_context::UserContext;

/// Longest pause; longer draws are cut to it.
pub(crate) const MAX_PAUSE: Duration = Duration::from_mins(10);
/// An exponential pause is cut at this many means. That affects one draw in 22,026 and reduces the mean by the same share.
const MAX_MEANS: f64 = 10.0;
/// Distance of the 95th percentile of a normal distribution from its median, in standard deviations: Φ⁻¹(0.95).
const P95_DEVIATIONS: f64 = 1.644_853_626_951_472_2;

/// The distribution of the pause before a step; the default is no pause.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ThinkTime(Distribution);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Distribution {
    /// Uniform between two bounds.
    Uniform { min: Duration, max: Duration },
    /// Memoryless: the interarrival times of a Poisson process.
    Exponential { mean: f64 },
    /// Symmetric around a mean; negative draws become zero.
    Normal { mean: f64, deviation: f64 },
    /// Mostly short and rarely very long, like reading times.
    LogNormal { mu: f64, sigma: f64 },
}

impl Default for Distribution {
    fn default() -> Self {
        Self::Uniform { min: Duration::ZERO, max: Duration::ZERO }
    }
}

impl ThinkTime {
    /// Uniform between two bounds, the smaller first.
    pub(crate) const fn uniform(min: Duration, max: Duration) -> Self {
        Self(Distribution::Uniform { min, max })
    }
    /// Exponential with this mean, cut at ten times the mean.
    pub(crate) const fn exponential(mean: Duration) -> Self {
        Self(Distribution::Exponential { mean: mean.as_secs_f64() })
    }
    /// Normal with this mean and standard deviation, cut at zero.
    pub(crate) const fn normal(mean: Duration, deviation: Duration) -> Self {
        Self(Distribution::Normal { mean: mean.as_secs_f64(), deviation: deviation.as_secs_f64() })
    }
    /// Lognormal with this median, above zero, and this 95th percentile, not below the median.
    pub(crate) fn lognormal(median: Duration, p95: Duration) -> Self {
        let mu = median.as_secs_f64().ln();
        Self(Distribution::LogNormal { mu, sigma: (p95.as_secs_f64().ln() - mu) / P95_DEVIATIONS })
    }

    /// Draws a pause of at most ten minutes and multiplies it by `scale` (0 to 1000).
    pub fn draw(&self, context: &mut UserContext, scale: f64) -> Duration {
        let scale = scale.clamp(0.0, 1000.0);
        match self.0 {
            Distribution::Uniform { min, max } => {
                let span = max.saturating_sub(min);
                let extra = if span.is_zero() {
                    Duration::ZERO
                } else {
                    Duration::from_micros(context.draw_below(span.as_micros() as u64 + 1))
                };
                (min + extra).mul_f64(scale)
            }
            Distribution::Exponential { mean } => {
                clamp_pause((-mean * context.draw_positive().ln()).min(MAX_MEANS * mean)).mul_f64(scale)
            }
            Distribution::Normal { mean, deviation } => {
                clamp_pause(mean + deviation * draw_normal(context)).mul_f64(scale)
            }
            Distribution::LogNormal { mu, sigma } => {
                clamp_pause((mu + sigma * draw_normal(context)).exp()).mul_f64(scale)
            }
        }
    }
}

/// Limits a draw in seconds to the allowed range.
fn clamp_pause(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, MAX_PAUSE.as_secs_f64()))
}

/// Draws from the normal distribution with mean 0 and standard deviation 1.
fn draw_normal(context: &mut UserContext) -> f64 {
    let radius = (-2.0 * context.draw_positive().ln()).sqrt();
    radius * (std::f64::consts::TAU * context.rng.random::<f64>()).cos()
}

impl UserContext {
    /// Uniform in (0, 1], so that its logarithm is finite.
    fn draw_positive(&mut self) -> f64 {
        1.0 - self.rng.random::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// Sorted draws in milliseconds.
    fn draws(think: ThinkTime, seed: u64) -> Vec<f64> {
        let mut context = UserContext::new(seed, 1);
        let mut draws: Vec<f64> =
            (0..40_000).map(|_| think.draw(&mut context, 1.0).as_secs_f64() * 1000.0).collect();
        draws.sort_by(f64::total_cmp);
        draws
    }

    fn mean_and_deviation(draws: &[f64]) -> (f64, f64) {
        let n = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / n;
        (mean, (draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / n).sqrt())
    }

    /// Asserts that `found` is within `percent` of `expected`.
    #[track_caller]
    fn assert_near(found: f64, expected: f64, percent: f64) {
        assert!((found - expected).abs() <= expected * percent / 100.0, "{found}, not {expected}");
    }

    #[test]
    fn each_distribution_has_its_mean_and_deviation() {
        // The standard error of 40,000 draws is about 0.5 % of a mean that equals its deviation.
        let (mean, deviation) = mean_and_deviation(&draws(ThinkTime::uniform(MS(300), MS(1200)), 1));
        assert_near(mean, 750.0, 1.0);
        assert_near(deviation, 900.0 / 12.0_f64.sqrt(), 2.0);

        let exponential = draws(ThinkTime::exponential(MS(1000)), 2);
        let (mean, deviation) = mean_and_deviation(&exponential);
        assert_near(mean, 1000.0, 2.0);
        assert_near(deviation, 1000.0, 3.0);
        assert_near(exponential[20_000], 1000.0 * 2.0_f64.ln(), 3.0);
        assert!(exponential[39_999] <= 10_000.0, "cut at ten means");

        let normal = draws(ThinkTime::normal(MS(1000), MS(200)), 3);
        let (mean, deviation) = mean_and_deviation(&normal);
        assert_near(mean, 1000.0, 1.0);
        assert_near(deviation, 200.0, 2.0);
        // 68.27 % within one deviation.
        let within = normal.iter().filter(|draw| (800.0..1200.0).contains(*draw)).count();
        assert_near(within as f64, 27_308.0, 2.0);

        let lognormal = draws(ThinkTime::lognormal(MS(800), MS(4000)), 4);
        assert_near(lognormal[20_000], 800.0, 3.0);
        assert_near(lognormal[38_000], 4000.0, 5.0);
        let sigma = (5.0_f64).ln() / P95_DEVIATIONS;
        assert_near(mean_and_deviation(&lognormal).0, 800.0 * (sigma * sigma / 2.0).exp(), 4.0);
    }

    #[test]
    fn a_normal_pause_is_cut_at_zero_and_a_narrow_one_is_fixed() {
        let wide = draws(ThinkTime::normal(MS(100), MS(100)), 5);
        // Φ(−1) = 15.87 % would be below zero.
        assert_near(wide.iter().filter(|draw| **draw == 0.0).count() as f64, 6_346.0, 5.0);
        assert!(draws(ThinkTime::normal(MS(7), MS(0)), 6).iter().all(|draw| (*draw - 7.0).abs() < 1e-9));
        assert!(draws(ThinkTime::lognormal(MS(7), MS(7)), 6).iter().all(|draw| (*draw - 7.0).abs() < 1e-6));
    }

    proptest! {
        #[test]
        fn no_pause_is_longer_than_ten_minutes_and_equal_seeds_pause_alike(
            a in 1u64..600_000, b in 0u64..600_000, kind in 0..4, seed in any::<u64>(), scale in 0.0f64..=1.0,
        ) {
            let (small, large) = (MS(a.min(b).max(1)), MS(a.max(b)));
            let think = match kind {
                0 => ThinkTime::uniform(small, large),
                1 => ThinkTime::exponential(MS(a)),
                2 => ThinkTime::normal(MS(a), MS(b)),
                _ => ThinkTime::lognormal(small, large),
            };
            let (mut one, mut same) = (UserContext::new(seed, 1), UserContext::new(seed, 1));
            for _ in 0..20 {
                let pause = think.draw(&mut one, scale);
                prop_assert!(pause <= MAX_PAUSE);
                prop_assert_eq!(pause, think.draw(&mut same, scale));
            }
        }
    }
}
