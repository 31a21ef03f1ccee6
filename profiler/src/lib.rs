//! Observe: stacks and resources of every tier while load runs.
//!
//! - [`sample`]: what host and tiers use, a few times a second, from `/proc`;
//! - [`proxy_log`]: the proxy's access log over a phase, summed by route;
//! - [`profile`]: stacks of every tier over one window, each by the best [`source`] that is permitted;
//! - [`export`]: the forms of a profile (folded, SVG, pprof, speedscope, merged);
//! - [`store`]: what databases and caches count themselves, before and after a phase;
//! - [`doctor`]: what can be measured on this machine, and what to do about the rest.
//!
//! What is not permitted is a value ([`kneepoint_model::unmeasured::Unmeasured`]), never an error that ends a run.
//! This crate never prints and never reads `/proc/net/tcp` (20 ms with a few thousand sockets). Linux only.

pub mod doctor;
mod error;
pub mod export;
mod http;
mod os;
mod parse;
pub mod profile;
pub mod proxy_log;
pub mod sample;
pub mod source;
pub mod store;

pub use doctor::{Capability, capabilities};
pub use error::ProfilerError;
pub use profile::{ProfileOutcome, ProfilePlan, profile_all};
pub use sample::{SamplePlan, SampleSummary, Sampler, SamplerHandle, Stock, Stocktaker};
pub use store::{GaugeSlot, Readings, StorePlan, StoreWatch};
