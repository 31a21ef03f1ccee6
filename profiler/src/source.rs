//! Where stacks come from. Each source looks at one tier over one window and gives folded profiles; before, it says
//! whether it can. A refusal is an answer with a reason and a remedy, never a failure of the run.

pub mod perf;
pub mod pprof_http;
pub mod pyspy;
pub mod self_;
mod target;

use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::profile::{FoldedProfile, ProfileSource};

use crate::ProfilerError;
pub use target::Target;

/// Whether a source can look at a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// It can.
    Ok,
    /// It can, but what it gives is worth less.
    Degraded {
        /// What is lost.
        why: String,
        /// The command or setting that mends it.
        fix: String,
    },
    /// It cannot.
    Denied {
        /// What is in the way.
        why: String,
        /// The command or setting that mends it.
        fix: String,
    },
}

/// The time over which all sources look.
#[derive(Debug, Clone)]
pub struct Window {
    /// How long.
    pub duration: Duration,
    /// Samples per second.
    pub hz: u32,
    /// Ends it early.
    pub cancel: Cancel,
}

/// One way of getting stacks.
pub trait Source: Send + Sync {
    /// Which.
    fn kind(&self) -> ProfileSource;

    /// Can it look at this target? May start a short trial (a quarter of a second at most).
    fn probe(&self, target: &Target) -> Probe;

    /// Looks over the whole window and folds what it saw; blocks for as long. CPU time, run queue and expected samples
    /// are not its business: the caller measures them the same way for all.
    ///
    /// # Errors
    /// It could not look after all, or what it brought cannot be read.
    fn record(&self, target: &Target, window: &Window) -> Result<Vec<FoldedProfile>, ProfilerError>;
}

/// Shortens what a foreign program or library said to one bounded line.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// What pprof said, with the one case a reader can do something about in plain words.
fn said_by_pprof(error: &pprof::Error) -> String {
    if matches!(error, pprof::Error::Running) {
        "this process is already being profiled".to_owned()
    } else {
        one_line(&error.to_string(), 200)
    }
}
