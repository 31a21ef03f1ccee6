//! Which scenario is next: smooth weighted round-robin over the whole phase, a pure function of the journey's number.
//!
//! Shares are exact at every moment, with any number of users: goose's own weights assign whole users to scenarios, which with
//! eight users and a total weight of ten gives a different mix.

/// A repeating table of scenario numbers.
#[derive(Debug, Clone)]
pub(crate) struct Picker {
    table: Vec<usize>,
}

/// Weights with a larger sum are scaled down.
const MAX_TABLE_LEN: u64 = 10_000;

impl Picker {
    /// Weights of zero are never picked; at least one must be above zero.
    pub(crate) fn new(weights: &[u32]) -> Self {
        let divisor = weights.iter().copied().fold(0, gcd).max(1);
        let mut weights: Vec<u64> = weights.iter().map(|weight| u64::from(weight / divisor)).collect();
        let total: u64 = weights.iter().sum();
        if total > MAX_TABLE_LEN {
            for weight in weights.iter_mut().filter(|weight| **weight > 0) {
                *weight = (*weight * MAX_TABLE_LEN / total).max(1);
            }
        }
        let total = weights.iter().sum::<u64>() as i64;
        let mut current = vec![0_i64; weights.len()];
        let mut table = Vec::with_capacity(total as usize);
        for _ in 0..total {
            for (have, weight) in current.iter_mut().zip(&weights) {
                *have += *weight as i64;
            }
            let mut best = 0;
            for at in 1..current.len() {
                if current[at] > current[best] {
                    best = at;
                }
            }
            current[best] -= total;
            table.push(best);
        }
        Self { table }
    }

    /// Index of the scenario of the n-th journey, from 0.
    pub(crate) fn pick(&self, n: u64) -> usize {
        match self.table.len() as u64 {
            0 => 0,
            len => self.table[(n % len) as usize],
        }
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn picks_are_spread_and_zero_is_never_picked() {
        let picker = Picker::new(&[6, 0, 2, 4]);
        let picks: Vec<usize> = (0..6).map(|n| picker.pick(n)).collect();
        assert_eq!(picks, [0, 3, 0, 2, 3, 0]);
    }

    proptest! {
        #[test]
        fn shares_are_exact_over_a_round(weights in prop::collection::vec(0u32..30, 1..6)) {
            let total: u32 = weights.iter().sum();
            prop_assume!(total > 0);
            let picker = Picker::new(&weights);
            let mut counts = vec![0u32; weights.len()];
            for n in 0..u64::from(total) {
                counts[picker.pick(n)] += 1;
            }
            prop_assert_eq!(counts, weights);
        }
    }
}
