//! Where the values of a variable come from, and which of them a visitor is given.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::values::Value;

/// How one of several values is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// At random, once a journey.
    Random,
    /// At random, anew at each use.
    EveryTime,
    /// In order, counted among the journeys of its scenario.
    InTurn,
    /// Always the same for one visitor.
    PerUser,
}

/// Where the values of a variable come from.
#[derive(Debug, Clone)]
pub struct VarSource {
    pub(crate) values: Choices,
    pub(crate) pick: Pick,
}

/// What can be chosen.
#[derive(Debug, Clone)]
pub(crate) enum Choices {
    /// Not empty.
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
    pub(crate) fn choose(&self, user: u64, turn: u64, rng: &mut ChaCha8Rng) -> Value {
        match self.pick {
            Pick::Random | Pick::EveryTime => self.nth(rng.random_range(0..self.len())),
            Pick::InTurn => self.nth(turn.saturating_sub(1)),
            Pick::PerUser => self.nth(user.saturating_sub(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn in_turn_visits_every_value_in_order_and_begins_again() {
        let source = VarSource { values: Choices::Range(5, 7), pick: Pick::InTurn };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let seen: Vec<Value> = (1..=4).map(|turn| source.choose(9, turn, &mut rng)).collect();
        assert_eq!(seen, [5, 6, 7, 5].map(Value::Number));
    }
}
