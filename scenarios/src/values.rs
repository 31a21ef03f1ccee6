//! The values behind placeholders: where they come from, and those of one visit.
//!
//! Every choice comes from the visit's own seeded generator, so that equal seeds make equal journeys.

use std::borrow::Cow;
use std::sync::Arc;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::source::{Pick, VarSource};

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

/// The place of a variable in a scenario's [`Values`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VarId(pub(crate) u16);

/// The values that one visitor holds, by variable.
#[derive(Debug, Clone, Default)]
pub struct Values {
    single: Vec<Option<Value>>,
    /// Few scenarios have any.
    lists: Vec<(VarId, Arc<[Value]>)>,
}

impl Values {
    /// The value, when there is one.
    pub fn get(&self, id: VarId) -> Option<&Value> {
        self.single.get(usize::from(id.0)).and_then(Option::as_ref)
    }
    /// All values of a list, when there are any.
    pub fn list(&self, id: VarId) -> Option<Arc<[Value]>> {
        self.lists.iter().find(|(own, _)| *own == id).map(|(_, list)| Arc::clone(list))
    }
    /// Is there a value, or a list?
    pub fn has(&self, id: VarId) -> bool {
        self.get(id).is_some() || self.lists.iter().any(|(own, _)| *own == id)
    }
    /// Sets (or removes) a value.
    pub fn set(&mut self, id: VarId, value: Option<Value>) {
        let at = usize::from(id.0);
        if self.single.len() <= at {
            self.single.resize(at + 1, None);
        }
        self.single[at] = value;
    }
    /// Sets a list; an empty one is none.
    pub fn set_list(&mut self, id: VarId, list: Vec<Value>) {
        self.lists.retain(|(own, _)| *own != id);
        if !list.is_empty() {
            self.lists.push((id, list.into()));
        }
    }
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.single.clear();
        self.lists.clear();
    }
}

/// One visitor in the middle of a journey: everything that rendering may look at.
#[derive(Debug)]
pub struct Visit {
    /// Number of the visitor, from 1.
    pub user: u64,
    /// Number of the journey in the phase, from 1.
    pub journey: u64,
    /// Its number among those of the same scenario, from 1.
    pub turn: u64,
    /// Status of the last answer of the journey.
    pub status: Option<u16>,
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
        Self { user, journey: 0, turn: 0, status: None, values: Values::default(), rng }
    }
    /// Chooses the values of a journey.
    pub(crate) fn choose(&mut self, sources: &[(VarId, VarSource)]) {
        for (id, source) in sources {
            if source.pick != Pick::EveryTime {
                let value = source.choose(self.user, self.turn, &mut self.rng);
                self.values.set(*id, Some(value));
            }
        }
    }
    /// The value of a variable, chosen now when its source wants that.
    pub(crate) fn value(&mut self, id: VarId, anew: Option<&VarSource>) -> Option<Cow<'_, Value>> {
        match anew {
            Some(source) => Some(Cow::Owned(source.choose(self.user, self.turn, &mut self.rng))),
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
