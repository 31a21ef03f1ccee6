//! The state of one user within a journey: everything that rendering and conditions read.
//!
//! Every random choice comes from the user's own seeded generator, so that equal seeds make equal journeys.

use std::borrow::Cow;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::source::{VarPick, VarSource};
use crate::value::Value;
use crate::values::{Values, VarId};

/// One user in the middle of a journey.
#[derive(Debug)]
pub struct UserContext {
    /// Number of the user, from 1.
    pub user: u64,
    /// Number of the journey in the phase, from 1.
    pub journey: u64,
    /// Number of the journey among those of the same scenario, from 1.
    pub scenario_journey: u64,
    /// Status of the last response of the journey; `None` before the first.
    pub status: Option<u16>,
    /// Chosen and extracted values.
    pub values: Values,
    /// Source of every random choice of this user.
    pub rng: ChaCha8Rng,
}

impl UserContext {
    /// A user without values; the same seed and number make the same choices.
    pub fn new(seed: u64, user: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(user);
        Self { user, journey: 0, scenario_journey: 0, status: None, values: Values::default(), rng }
    }
    /// Chooses the values of a journey, except those that are drawn again at each use.
    pub(crate) fn choose_values(&mut self, sources: &[(VarId, VarSource)]) {
        for (id, source) in sources {
            if source.pick != VarPick::EveryTime {
                let value = source.choose(self.user, self.scenario_journey, &mut self.rng);
                self.values.set(*id, Some(value));
            }
        }
    }
    /// The value of a variable; drawn now when `redraw_from` is given.
    pub(crate) fn resolve_value(
        &mut self,
        id: VarId,
        redraw_from: Option<&VarSource>,
    ) -> Option<Cow<'_, Value>> {
        match redraw_from {
            Some(source) => Some(Cow::Owned(source.choose(self.user, self.scenario_journey, &mut self.rng))),
            None => self.values.get(id).map(Cow::Borrowed),
        }
    }
    /// True with the given probability.
    pub fn draw_bool(&mut self, probability: f64) -> bool {
        probability >= 1.0 || self.rng.random_bool(probability.clamp(0.0, 1.0))
    }
    /// A whole number from 0 to `bound - 1`; a bound of 0 counts as 1.
    pub fn draw_below(&mut self, bound: u64) -> u64 {
        self.rng.random_range(0..bound.max(1))
    }
}
