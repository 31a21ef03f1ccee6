//! Think: pure functions from what was measured to what it means.
//!
//! The sentence: [`facts`] reads a run folder (the only input or output of this crate); [`Analysis`] is what is said of
//! it; [`timeline`] draws the series for charts. Nothing here looks at a clock, a socket or a random number.

pub mod facts;
pub mod timeline;
mod types;

#[cfg(test)]
mod hand;

pub use facts::{FactsError, RunFacts};
pub use timeline::{Timeline, timeline};
pub use types::{Analysis, Disturbance, HostUse, PhaseConditions, RuleReport};
