//! Load: one step function, one transport, one recorder; two schedulers, closed (goose) and open (ours).
//!
//! [`run_phase`] blocks until a phase is over and returns what it saw; [`recover_phase`] puts together the same from the
//! files that a killed run left. Nothing here prints, and nothing here judges the site: only whether the figures hold.
//!
//! The path of a request: `open` or `closed` decides when → `journey` → `step` → `transport` → `recorder`. A step whose page is
//! loaded with its assets goes through `page`; a journey written in Rust goes from `journey` through `coded`.

mod answer;
mod assemble;
#[cfg(test)]
mod bent;
mod block;
mod closed;
mod coded;
mod coding;
mod cookies;
mod error;
mod health;
mod journey;
mod judge;
mod live;
mod open;
mod pacer;
mod page;
mod patience;
mod phase;
mod picker;
mod plan;
mod recorder;
mod recover;
mod session;
mod site;
mod standalone;
mod stay;
mod step;
mod timer;
mod transport;
mod travel;
mod unfinished;
mod validity;
mod wake;
mod window;
mod world;

#[cfg(doctest)]
#[doc = include_str!("../../docs/rust-journeys.md")]
mod rust_journeys_are_as_documented {}

pub use async_trait::async_trait;
pub use block::BlockLoad;
pub use coded::{Ask, Journey, Response, Stop, Visitor};
pub use coding::Coding;
pub use error::LoadError;
pub use pacer::Arrivals;
pub use phase::run_phase;
pub use plan::{PhasePlan, Recorded};
pub use rand;
pub use rand_chacha::ChaCha8Rng;
pub use recover::recover_phase;
pub use standalone::{begin_run, end_run};
pub use transport::ReadRate;
pub use validity::{Evidence, judge};
pub use wake::Wake;
