//! Records stacks of every tier over one window, each from the best permitted source, and writes them to `profiles/`.
//!
//! Latency figures never come from this window, because profiling slows its target. Nothing here fails a run; a tier
//! that is not profiled is reported with reason and fix.

mod cpu_meter;
mod plan;
mod run;
mod sampling_accuracy;
mod source_choice;
mod write;

pub use plan::{ProfileOutcome, ProfilePlan};
pub use run::profile_all;
pub(crate) use source_choice::unknown_processes_gap;
