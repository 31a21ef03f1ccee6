//! Why a phase of load could not run at all. Failures of single requests are counted, not returned.

use kneepoint_model::run::RunError;
use thiserror::Error;

/// Why there is no result.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The plan is invalid.
    #[error("the load plan of phase `{phase}` cannot be run: {problem}")]
    Plan {
        /// Name of the phase.
        phase: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// The host name cannot be resolved.
    #[error("cannot resolve {host}: {source}; check the target's name")]
    Resolve {
        /// The host name as configured.
        host: String,
        /// The error of the system's resolver.
        source: std::io::Error,
    },
    /// Connecting to the server failed.
    #[error("cannot connect to {target}: {source}; is the stack up?")]
    Unreachable {
        /// Host and port, or path of the unix socket.
        target: String,
        /// The error of the last attempt.
        source: std::io::Error,
    },
    /// The TLS client cannot be configured.
    #[error("cannot set up TLS: {0}; check the system's certificate store")]
    Tls(String),
    /// The file of certificate authorities cannot be used.
    #[error("cannot use {} as file of certificate authorities: {why}; give a PEM file", path.display())]
    Authorities {
        /// Path of the file.
        path: std::path::PathBuf,
        /// Why it was refused.
        why: String,
    },
    /// The system refused a thread, a timer or a runtime.
    #[error("cannot start the load generator: {0}")]
    Start(#[from] std::io::Error),
    /// A custom journey did something that was not planned, so that the figures would be wrong.
    #[error("the journey `{journey}` cannot be measured: {problem}")]
    Journey {
        /// Name of the journey.
        journey: String,
        /// What it did.
        problem: String,
    },
    /// goose refused the configuration.
    #[error("the closed model could not start: {0}")]
    Closed(String),
    /// A thread of the generator panicked or was misused.
    #[error("the load generator failed: {0}; this is a bug in kneepoint, please report it")]
    Internal(String),
    /// The run folder could not be written or read.
    #[error(transparent)]
    Run(#[from] RunError),
}
