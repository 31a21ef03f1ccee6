//! When the next journey is due. Pure, seeded, independent of responses.
//!
//! `Schedule::when(n)` gives the time at which the expected number of arrivals reaches n. Constant: arrival i is due at
//! `when(i)`. Poisson: arrival i is due at `when(s)`, where s is the sum of i exponential draws of mean 1 (time change of a
//! unit-rate process). At a constant rate that makes gaps of -ln(U) / rate; in a ramp the intensity follows the ramp. Source:
//! Çınlar, Introduction to Stochastic Processes, 1975, chapter 4.7.

use std::time::Duration;

use kneepoint_model::rate_schedule::RateSchedule;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// How arrivals are spread over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrivals {
    /// At even distances.
    #[default]
    Constant,
    /// Independently of each other, as arrivals of real users are.
    Poisson,
}

/// Yields due times as offsets from the start, in order, until the schedule ends.
#[derive(Debug)]
pub(crate) struct Pacer {
    schedule: RateSchedule,
    next: u64,
    poisson: Option<(ChaCha8Rng, f64)>,
}

impl Pacer {
    pub(crate) fn new(schedule: RateSchedule, arrivals: Arrivals, seed: u64) -> Self {
        let poisson = (arrivals == Arrivals::Poisson).then(|| (ChaCha8Rng::seed_from_u64(seed), 0.0));
        Self { schedule, next: 0, poisson }
    }
}

impl Iterator for Pacer {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let arrivals = match &mut self.poisson {
            None => self.next as f64,
            Some((rng, at)) => {
                let uniform: f64 = rng.random();
                *at += -(1.0 - uniform).ln();
                *at
            }
        };
        self.next += 1;
        self.schedule.arrival_time(arrivals).map(Duration::from_secs_f64)
    }
}

#[cfg(test)]
mod tests {
    use kneepoint_model::load_segment::RateSegment;
    use proptest::prelude::*;

    use super::*;

    fn pacer(segments: &[&str], arrivals: Arrivals, seed: u64) -> Pacer {
        let segments: Vec<RateSegment> =
            segments.iter().map(|text| text.parse().expect("a segment")).collect();
        Pacer::new(RateSchedule::new(&segments), arrivals, seed)
    }

    #[test]
    fn the_millionth_arrival_of_a_constant_rate_has_not_drifted() {
        let at = pacer(&["hold 3000/s for 1h"], Arrivals::Constant, 1).nth(3_000_000).expect("long enough");
        assert!(at.abs_diff(Duration::from_secs(1000)) < Duration::from_nanos(2), "{at:?}");
    }

    #[test]
    fn poisson_gaps_have_the_mean_and_the_spread_of_the_exponential() {
        let times: Vec<f64> = pacer(&["hold 100/s for 1h"], Arrivals::Poisson, 7)
            .take(20_000)
            .map(|d| d.as_secs_f64())
            .collect();
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean - 0.01).abs() < 0.0005, "{mean}");
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.05, "{variance}");
    }

    #[test]
    fn random_arrivals_follow_a_ramp() {
        // 0 to 200/s over 100 s: 10,000 are expected, a quarter of them in the first half; three standard deviations.
        let times: Vec<f64> = pacer(&["ramp 0/s to 200/s over 100s"], Arrivals::Poisson, 3)
            .map(|due| due.as_secs_f64())
            .collect();
        let early = times.iter().filter(|due| **due < 50.0).count() as f64;
        assert!((times.len() as f64 - 10_000.0).abs() < 300.0, "{}", times.len());
        assert!((early - 2_500.0).abs() < 150.0, "{early}");
    }

    proptest! {
        #[test]
        fn schedules_never_run_backwards_and_equal_seeds_agree(rate in 0.1f64..1e5, seed: u64, poisson: bool) {
            let arrivals = if poisson { Arrivals::Poisson } else { Arrivals::Constant };
            let segment = format!("hold {rate}/s for 24h");
            let take = || pacer(&[&segment], arrivals, seed).take(200).collect::<Vec<_>>();
            let times = take();
            prop_assert!(times.is_sorted());
            prop_assert_eq!(times, take());
        }
    }
}
