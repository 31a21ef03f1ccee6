//! Foreign CPU: what the host spent beyond the tiers and kneepoint itself.
//!
//! The host counts in clock ticks of 10 ms, the tiers in nanoseconds, so a single difference is off by a few ticks
//! either way. Cutting each at zero would keep the positive errors and drop the negative ones; therefore a small
//! deficit is carried into the next tick.

use kneepoint_model::units::Micros;

/// The largest deficit that is carried: rounding of two ticks on each of a few cores, never a real gap.
const MAX_DEFICIT_US: i64 = 50_000;

/// Remembers the deficit from tick to tick.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Foreign {
    deficit_us: i64,
}

impl Foreign {
    /// Foreign CPU of one tick: busy − known, never below zero, a small deficit carried.
    pub(crate) fn of_tick(&mut self, busy: Micros, known: Micros) -> Micros {
        let signed = |micros: Micros| i64::try_from(micros.0).unwrap_or(i64::MAX);
        let left = signed(busy).saturating_sub(signed(known)).saturating_sub(self.deficit_us);
        self.deficit_us = left.saturating_neg().clamp(0, MAX_DEFICIT_US);
        Micros(u64::try_from(left).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rounding_evens_out_instead_of_adding_up() {
        let mut foreign = Foreign::default();
        // The tiers use 25 ms each tick, the host's clock shows 20 and 30 in turn: nothing is foreign.
        let total: u64 =
            (0..100).map(|i| foreign.of_tick(Micros([20_000, 30_000][i % 2]), Micros(25_000)).0).sum();
        assert_eq!(total, 0);
        assert_eq!(foreign.of_tick(Micros(500_000), Micros(100_000)), Micros(400_000));
    }

    proptest! {
        #[test]
        fn never_more_than_busy_and_never_a_panic(ticks in proptest::collection::vec((any::<u64>(), any::<u64>()), 0..20)) {
            let mut foreign = Foreign::default();
            for (busy, known) in ticks {
                prop_assert!(foreign.of_tick(Micros(busy), Micros(known)).0 <= busy);
            }
        }
    }
}
