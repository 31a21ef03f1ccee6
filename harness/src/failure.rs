//! An expected failure: a message for the user, and an exit code.

use std::fmt;

use kneepoint_model::exit::ExitCode;
use kneepoint_stack::StackError;

/// Ends the stage, and with it the measurement.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code of the process.
    pub(crate) exit: ExitCode,
    /// What is wrong, where, and how to fix it.
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

    /// True when a signal ended the stage.
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

impl From<StackError> for Failure {
    fn from(error: StackError) -> Self {
        Self::new(error.exit_code(), error)
    }
}

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
