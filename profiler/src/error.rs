//! Errors of observation. None of them ends a run: callers turn them into `Unmeasured`.

use thiserror::Error;

/// Why something is not observed.
#[derive(Debug, Error)]
pub enum ProfilerError {
    /// Writing to the run folder failed.
    #[error(transparent)]
    Run(#[from] kneepoint_model::run::RunError),
    /// An external program (perf) failed.
    #[error(transparent)]
    Process(#[from] kneepoint_process::ProcessError),
    /// The system refused a basic resource (a thread, a temporary folder).
    #[error("cannot {action}: {source}")]
    System {
        /// The refused action, as a verb phrase.
        action: &'static str,
        /// Error of the system call.
        source: std::io::Error,
    },
    /// An HTTP endpoint did not respond, or not with HTTP.
    #[error("no usable response from {what}: {why}")]
    Http {
        /// URL of the endpoint, without user and query.
        what: String,
        /// Cause, for the message.
        why: String,
    },
    /// A profile was received but is not valid.
    #[error("the profile cannot be read: {why}")]
    Unreadable {
        /// Position or reason of the failure.
        why: String,
    },
    /// A profiler is not able to record.
    #[error("{source_name} could not record a profile: {why}")]
    Refused {
        /// Name of the profiler, for the message.
        source_name: &'static str,
        /// Reason reported by the profiler.
        why: String,
    },
}
