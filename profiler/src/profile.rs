//! Stacks of every tier over one window, each by the best source that is permitted, written under `profiles/`.
//!
//! Latency figures never come from this window: profiling slows what it looks at. Nothing here fails a run; what could
//! not be profiled is named with its reason and remedy.

mod choose;
mod meter;
mod plan;
mod run;
mod worth;
mod write;

pub(crate) use choose::unknown_processes;
pub use plan::{ProfileOutcome, ProfilePlan};
pub use run::profile_all;
