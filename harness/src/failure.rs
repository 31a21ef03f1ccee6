//! An expected failure: what to tell the user, and the exit code that belongs to it.

use std::fmt;

use kneepoint_model::exit::ExitCode;

/// Ends a stage (and with it the sentence).
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: ExitCode,
    /// What happened and what to do about it.
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(exit: ExitCode, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string() }
    }

    /// A failure of kneepoint itself or of the file system below it.
    pub(crate) fn internal(error: impl fmt::Display) -> Self {
        Self::new(ExitCode::Internal, error)
    }

    /// Cut off by a signal.
    pub(crate) fn is_interruption(&self) -> bool {
        matches!(self.exit, ExitCode::Interrupted | ExitCode::Terminated)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<kneepoint_model::run::RunError> for Failure {
    fn from(error: kneepoint_model::run::RunError) -> Self {
        use std::io::ErrorKind;
        match &error {
            kneepoint_model::run::RunError::Io { source, .. }
                if matches!(
                    source.kind(),
                    ErrorKind::StorageFull
                        | ErrorKind::PermissionDenied
                        | ErrorKind::ReadOnlyFilesystem
                        | ErrorKind::QuotaExceeded
                ) =>
            {
                Self::new(
                    ExitCode::MissingTool,
                    format!("{error}; free some space there, or choose another folder with --home"),
                )
            }
            _ => Self::internal(error),
        }
    }
}
