//! Samples what the host and each tier use, tick by tick, into `samples/resources.jsonl`.
//!
//! A thread reads `/proc` directly (2–5 times a second; about half a percent of a core with ten processes). Counters
//! in a sample are deltas since the previous tick. The usage of a process between its last tick and its end is lost,
//! which the summary reports.
//! Cutting the samples into windows and judging them is the task of the analysis crate.

mod foreign;
mod host;
mod plan;
mod process;
mod resource_window;
mod sampler;
mod tier;

pub use plan::SamplePlan;
pub use resource_window::{ResourceSnapshotter, ResourceWindow};
pub use sampler::{SampleSummary, Sampler, SamplerHandle};
pub(crate) use tier::{Detail, Tick, TierTracker};
