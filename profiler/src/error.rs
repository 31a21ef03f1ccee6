//! What can go wrong while observing. None of it ends a run: the callers turn it into `Unmeasured`.

use thiserror::Error;

/// Why something could not be observed.
#[derive(Debug, Error)]
pub enum ProfilerError {
    /// The run folder could not be written.
    #[error(transparent)]
    Run(#[from] kneepoint_model::run::RunError),
    /// A program (perf) failed.
    #[error(transparent)]
    Process(#[from] kneepoint_process::ProcessError),
    /// The system refused something basic (a thread, a temporary folder).
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// An HTTP endpoint did not answer as it should.
    #[error("{what} did not answer as it should: {why}")]
    Http {
        /// Which endpoint, without user or query.
        what: String,
        /// What happened.
        why: String,
    },
    /// A profile arrived, but cannot be read.
    #[error("the profile cannot be read: {why}")]
    Unreadable {
        /// Where it stops making sense.
        why: String,
    },
    /// A profiler refused to work.
    #[error("{source_name} could not profile: {why}")]
    Refused {
        /// Which profiler.
        source_name: &'static str,
        /// What it said.
        why: String,
    },
}
