//! Resources: what the host and each tier used, tick by tick, into `samples/resources.jsonl`.
//!
//! A thread of its own reads `/proc` by hand (2–5 times a second; about half a percent of a core with ten
//! processes). Counters in a sample are deltas since the tick before. What a process used between its last tick and its
//! end is lost, and said so in the summary.
//! Cutting the samples into windows and judging them is the analysis's part, not done here.

mod foreign;
mod host;
mod plan;
mod process;
mod sampler;
mod stock;
mod tier;

pub use plan::SamplePlan;
pub use sampler::{SampleSummary, Sampler, SamplerHandle};
pub use stock::{Stock, Stocktaker};
pub(crate) use tier::{Detail, Tick, TierTracker};
