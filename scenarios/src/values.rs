//! The values behind placeholders: where they come from, and those of one visit.
//!
//! Every choice comes from the visit's own seeded generator, so that equal seeds make equal journeys.

use std::borrow::Cow;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// A value of a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A whole number; stays a number in JSON.
    Number(i64),
}

impl Value {
    /// As it is written in a path or a form.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Number(number) => Cow::Owned(number.to_string()),
        }
    }
}

/// How one of several values is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// At random, once a journey.
    Random,
    /// At random, anew at each use.
    EveryTime,
    /// Journey by journey, in order.
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
    fn choose(&self, visit_user: u64, journey: u64, rng: &mut ChaCha8Rng) -> Value {
        match self.pick {
            Pick::Random | Pick::EveryTime => self.nth(rng.random_range(0..self.len())),
            Pick::InTurn => self.nth(journey.saturating_sub(1)),
            Pick::PerUser => self.nth(visit_user.saturating_sub(1)),
        }
    }
}

/// The place of a variable in a scenario's [`Values`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VarId(pub(crate) u16);

/// The values that one visitor holds, by variable.
#[derive(Debug, Clone, Default)]
pub struct Values(Vec<Option<Value>>);

impl Values {
    /// The value, when there is one.
    pub fn get(&self, id: VarId) -> Option<&Value> {
        self.0.get(usize::from(id.0)).and_then(Option::as_ref)
    }
    /// Sets (or removes) a value.
    pub fn set(&mut self, id: VarId, value: Option<Value>) {
        let at = usize::from(id.0);
        if self.0.len() <= at {
            self.0.resize(at + 1, None);
        }
        self.0[at] = value;
    }
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// One visitor in the middle of a journey: everything that rendering may look at.
#[derive(Debug)]
pub struct Visit {
    /// Number of the visitor, from 1.
    pub user: u64,
    /// Number of the journey in the run, from 1.
    pub journey: u64,
    /// Values at hand.
    pub values: Values,
    /// The visitor's own source of chance.
    pub rng: ChaCha8Rng,
}

impl Visit {
    /// A visitor; the same seed and number make the same choices.
    pub fn new(seed: u64, user: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(user);
        Self { user, journey: 0, values: Values::default(), rng }
    }
    /// Chooses the values of a journey.
    pub(crate) fn choose(&mut self, sources: &[(VarId, VarSource)]) {
        for (id, source) in sources {
            if source.pick != Pick::EveryTime {
                let value = source.choose(self.user, self.journey, &mut self.rng);
                self.values.set(*id, Some(value));
            }
        }
    }
    /// The value of a variable, chosen now when its source wants that.
    pub(crate) fn value(&mut self, id: VarId, anew: Option<&VarSource>) -> Option<Cow<'_, Value>> {
        match anew {
            Some(source) => Some(Cow::Owned(source.choose(self.user, self.journey, &mut self.rng))),
            None => self.values.get(id).map(Cow::Borrowed),
        }
    }
    /// True with the given probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        probability >= 1.0 || self.rng.random_bool(probability.clamp(0.0, 1.0))
    }
    /// A whole number below `bound` (at least 1).
    pub fn below(&mut self, bound: u64) -> u64 {
        self.rng.random_range(0..bound.max(1))
    }
}
