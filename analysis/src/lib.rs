//! Analysis: pure functions from measured data to conclusions.
//!
//! The pipeline: [`facts`] reads a run folder (the only I/O of this crate), [`analyse`] turns the facts into an
//! [`Analysis`], [`verdict`] computes the base verdict, [`summary`] builds `summary.json`, [`timeline`] computes the
//! series for charts. Nothing here reads a clock, opens a socket or draws a random number.

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
mod fixtures;

pub use analyse::analyse;
pub use facts::{FactsError, RunFacts};
pub use summary::summarise;
pub use timeline::{Timeline, timeline};
pub use types::{Analysis, Disturbance, HostUse, PhaseConditions, RuleCounts, RuleReport};
pub use verdict::base_verdict;
