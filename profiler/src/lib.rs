//! Observation of the stack under load: profiles and resource use of every tier.
//!
//! - [`sample`]: resource use of host and tiers, a few times a second, from `/proc`;
//! - [`proxy_log`]: the proxy's access log over a phase, summed by route;
//! - [`profile`]: stacks of every tier over one window, each from the best permitted [`source`];
//! - [`export`]: file formats of a profile (folded, SVG, pprof, speedscope, merged);
//! - [`store`]: counters of databases and caches, before and after a phase;
//! - [`doctor`]: what can be measured on this machine, and how to fix the rest.
//!
//! A missing permission is a value ([`kneepoint_model::unmeasured::Unmeasured`]), never an error that ends a run. This
//! crate never prints and never reads `/proc/net/tcp` (20 ms with a few thousand sockets). Linux only.

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
pub use sample::{ResourceSnapshotter, ResourceWindow, SamplePlan, SampleSummary, Sampler, SamplerHandle};
pub use store::{GaugeSlot, StorePlan, StoreReadings, StoreWatch};
