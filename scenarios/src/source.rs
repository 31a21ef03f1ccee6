//! The list or range that a variable's values come from, and how one of them is chosen.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::value::Value;

/// How one of several values is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VarPick {
    /// At random, once per journey.
    Random,
    /// At random, again at each use.
    EveryTime,
    /// In order, by the number of the journey among those of its scenario; after the last value comes the first.
    InTurn,
    /// The same in every journey of one user.
    PerUser,
}

/// The values of one `[vars]` entry and how one is chosen.
#[derive(Debug, Clone)]
pub struct VarSource {
    pub(crate) values: Choices,
    pub(crate) pick: VarPick,
}

/// The values to choose from.
#[derive(Debug, Clone)]
pub(crate) enum Choices {
    /// At least one value.
    List(Vec<Value>),
    /// Both ends included; first ≤ last.
    Range(i64, i64),
}

impl VarSource {
    fn len(&self) -> u64 {
        match &self.values {
            Choices::List(list) => list.len() as u64,
            Choices::Range(first, last) => last.abs_diff(*first).saturating_add(1),
        }
    }
    fn nth(&self, n: u64) -> Value {
        match &self.values {
            Choices::List(list) => list[(n % list.len() as u64) as usize].clone(),
            Choices::Range(first, _) => Value::Number(first.saturating_add_unsigned(n % self.len())),
        }
    }
    pub(crate) fn choose(&self, user: u64, scenario_journey: u64, rng: &mut ChaCha8Rng) -> Value {
        match self.pick {
            VarPick::Random | VarPick::EveryTime => self.nth(rng.random_range(0..self.len())),
            VarPick::InTurn => self.nth(scenario_journey.saturating_sub(1)),
            VarPick::PerUser => self.nth(user.saturating_sub(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn in_turn_returns_every_value_in_order_and_starts_again() {
        let source = VarSource { values: Choices::Range(5, 7), pick: VarPick::InTurn };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let chosen: Vec<Value> = (1..=4).map(|journey| source.choose(9, journey, &mut rng)).collect();
        assert_eq!(chosen, [5, 6, 7, 5].map(Value::Number));
    }
}
