//! Why a phase of load could not be run at all. What goes wrong with single requests is counted, not raised.

use kneepoint_model::run::RunError;
use thiserror::Error;

/// Why there is no phase.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The plan cannot be meant.
    #[error("the load plan of phase `{phase}` cannot be run: {problem}")]
    Plan {
        /// Which phase.
        phase: String,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// The host name has no address.
    #[error("cannot resolve {host}: {source}; check the target's name")]
    Resolve {
        /// The name.
        host: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Nobody listens.
    #[error("cannot connect to {target}: {source}; is the stack up?")]
    Unreachable {
        /// Host and port.
        target: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// TLS cannot be set up on this side.
    #[error("cannot set up TLS: {0}; check the system's certificate store")]
    Tls(String),
    /// The file of certificate authorities cannot be used.
    #[error("cannot use {} as file of certificate authorities: {why}; give a PEM file", path.display())]
    Authorities {
        /// Which file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system refused a thread, a timer or a runtime.
    #[error("cannot start the load generator: {0}")]
    Start(#[from] std::io::Error),
    /// A journey in Rust does what was not planned; figures of it would be of something else.
    #[error("the journey `{journey}` cannot be measured: {problem}")]
    Journey {
        /// Its name.
        journey: String,
        /// What is wrong with it.
        problem: String,
    },
    /// goose refused the configuration.
    #[error("the closed model could not start: {0}")]
    Closed(String),
    /// A thread of the generator ended by itself.
    #[error("the load generator broke: {0}; this is a fault in kneepoint, please report it")]
    Internal(String),
    /// The run folder could not be written or read.
    #[error(transparent)]
    Run(#[from] RunError),
}
