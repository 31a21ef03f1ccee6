//! Sources of stacks. Each source records one tier over one window as folded profiles, and reports before whether it
//! can. A refusal is a value with reason and fix, never a failure of the run.

pub mod perf;
pub mod pprof_http;
pub mod pprof_self;
pub mod pyspy;
mod target;

use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::profile::{FoldedProfile, ProfileSource};
use kneepoint_model::text::collapsed_line;

use crate::ProfilerError;
pub use target::ProfileTarget;

/// Whether a source can record a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// The source can record the target.
    Ok,
    /// Available with reduced quality.
    Degraded {
        /// What the profile lacks.
        why: String,
        /// Command or setting that fixes it.
        fix: String,
    },
    /// The source cannot record the target.
    Denied {
        /// What prevents recording.
        why: String,
        /// Command or setting that fixes it.
        fix: String,
    },
}

/// Time window that all sources record.
#[derive(Debug, Clone)]
pub struct ProfileWindow {
    /// Length of the window.
    pub duration: Duration,
    /// Samples per second.
    pub hz: u32,
    /// Ends the window early.
    pub cancel: Cancel,
}

/// A profiler that records stacks of one tier.
pub trait Source: Send + Sync {
    /// Name of the profiler in the run folder.
    fn kind(&self) -> ProfileSource;

    /// Checks whether it can record this target. May start a short trial (a quarter of a second at most).
    fn probe(&self, target: &ProfileTarget) -> Probe;

    /// Records the whole window and folds the stacks; blocks that long. CPU time, run queue and expected samples
    /// are left out: the caller measures them the same way for every source.
    ///
    /// # Errors
    /// Recording failed, or its output is not readable.
    fn record(
        &self,
        target: &ProfileTarget,
        window: &ProfileWindow,
    ) -> Result<Vec<FoldedProfile>, ProfilerError>;
}

/// Message of a pprof error; the one case that the user can act on is explained.
fn describe_pprof_error(error: &pprof::Error) -> String {
    if matches!(error, pprof::Error::Running) {
        "this process is already being profiled".to_owned()
    } else {
        collapsed_line(&error.to_string(), 200)
    }
}
