//! Load generation: one step function, one transport, one recorder; two schedulers, closed (goose) and open (our own).
//!
//! [`run_phase`] blocks until a phase is over and returns its result; [`recover_phase`] rebuilds the result from the files
//! that a killed run left. Nothing here prints, and nothing here rates the site: [`judge_validity`] only decides whether the
//! measurement itself is valid.
//!
//! The path of a request, in the order of the modules: `scheduler` decides when it is due → `user` runs the journey, its
//! steps and the request itself → `transport` exchanges bytes → `recorder` counts it. `page` loads the assets of a step's
//! page; `custom` runs journeys written in Rust; `phase` starts all of this, collects each second, and builds the result.
//! `transport` and `recorder` know nothing of the others.

mod custom;
mod error;
#[cfg(test)]
mod fuzz_inputs;
mod page;
mod phase;
mod plan;
mod recorder;
mod scheduler;
mod transport;
mod user;
mod window;

#[cfg(doctest)]
#[doc = include_str!("../../docs/rust-journeys.md")]
mod rust_journeys_are_as_documented {}

pub use async_trait::async_trait;
pub use custom::{Journey, JourneyError, RequestBuilder, Response, User};
pub use error::LoadError;
pub use phase::block::BlockLoad;
pub use phase::recover::recover_phase;
pub use phase::run::run_phase;
pub use phase::run_folder::{begin_run, end_run};
pub use phase::validity::{ValidityEvidence, judge_validity};
pub use plan::{LoadOptions, PhaseLoad, PhasePlan, RecordedLog};
pub use rand;
pub use rand_chacha::ChaCha8Rng;
pub use scheduler::pacer::Arrivals;
pub use scheduler::pacing::PacingMode;
pub use transport::ReadRate;
pub use transport::content_coding::ContentCoding;
