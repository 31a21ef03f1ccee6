//! Think: pure functions from what was measured to what it means.
//!
//! The sentence: [`facts`] reads a run folder (the only input or output of this crate), [`analyse`] turns facts into
//! an [`Analysis`], [`verdict`] says what may be claimed, [`summary`] writes the public contract, [`timeline`] draws
//! the series for charts. Nothing here looks at a clock, a socket or a random number.

mod analyse;
pub mod attribute;
pub mod conditions;
mod db_summary;
pub mod db_time;
pub mod experiment;
pub mod facts;
pub mod findings;
pub mod ladder;
pub mod paired;
pub mod server_timing;
pub mod slo_search;
pub mod summary;
pub mod tiers;
pub mod timeline;
mod types;
pub mod verdict;

#[cfg(test)]
mod hand;

pub use analyse::analyse;
pub use facts::{FactsError, RunFacts};
pub use summary::summarise;
pub use timeline::{Timeline, timeline};
pub use types::{Analysis, Disturbance, HostUse, PhaseConditions, RuleReport};
pub use verdict::base_verdict;
