//! Foreign CPU: host CPU that neither the tiers nor kneepoint used.
//!
//! The host counts in clock ticks of 10 ms, the tiers in nanoseconds, so a single difference is off by a few ticks
//! either way. Cutting each at zero would keep the positive errors and drop the negative ones; therefore a small
//! deficit is carried into the next tick.

use kneepoint_model::units::Micros;

/// Largest deficit that is carried: rounding of two ticks on a few cores, never a real gap.
const MAX_DEFICIT_US: i64 = 50_000;

/// Carries the deficit from tick to tick.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ForeignCpu {
    deficit_us: i64,
}

impl ForeignCpu {
    /// Returns the foreign CPU of one tick: busy − known, never below zero, with a small deficit carried over.
    pub(crate) fn add_tick(&mut self, busy: Micros, known: Micros) -> Micros {
        let signed = |micros: Micros| i64::try_from(micros.0).unwrap_or(i64::MAX);
        let foreign_us = signed(busy).saturating_sub(signed(known)).saturating_sub(self.deficit_us);
        self.deficit_us = foreign_us.saturating_neg().clamp(0, MAX_DEFICIT_US);
        Micros(u64::try_from(foreign_us).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rounding_evens_out_instead_of_adding_up() {
        let mut foreign = ForeignCpu::default();
        // The tiers use 25 ms per tick, the host's clock shows 20 and 30 in turn: nothing is foreign.
        let total: u64 =
            (0..100).map(|i| foreign.add_tick(Micros([20_000, 30_000][i % 2]), Micros(25_000)).0).sum();
        assert_eq!(total, 0);
        assert_eq!(foreign.add_tick(Micros(500_000), Micros(100_000)), Micros(400_000));
    }

    proptest! {
        #[test]
        fn never_more_than_busy_and_never_a_panic(ticks in proptest::collection::vec((any::<u64>(), any::<u64>()), 0..20)) {
            let mut foreign = ForeignCpu::default();
            for (busy, known) in ticks {
                prop_assert!(foreign.add_tick(Micros(busy), Micros(known)).0 <= busy);
            }
        }
    }
}
