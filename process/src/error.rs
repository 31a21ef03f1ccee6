//! Errors of running a program: each contains what a reader needs to fix it.
//!
//! Messages show the argument vector and the end of stderr, never the environment, and values that were given by
//! [`crate::Program::secret_env`] are masked.

use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It returned this code (0 is success).
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl Exit {
    /// Whether the program returned 0.
    pub fn success(self) -> bool {
        self == Self::Code(0)
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, Some(signal)) => Self::Signal(signal),
            // A wait status has either; stopped children are not waited for.
            (None, None) => Self::Signal(0),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// A program that failed or had to be ended: its arguments, how long it ran, and the end of its output.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The program and its arguments, quoted as for a shell. Never the environment.
    pub argv: String,
    /// How it ended; `None` when it was ended by this process.
    pub exit: Option<Exit>,
    /// The end of its stderr, or of its stdout when stderr was empty; bounded, without secret values.
    pub output_tail: String,
    /// How long it ran.
    pub elapsed: Duration,
}

impl Failure {
    fn quoted_output_tail(&self) -> String {
        let tail = self.output_tail.trim_end();
        if tail.is_empty() {
            "it printed nothing".to_owned()
        } else {
            format!("the end of its output:\n{tail}")
        }
    }
}

/// Why a program could not be run, or did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The program is not installed, or not on PATH. The caller knows how to install it and adds that to its message.
    #[error("`{program}` was not found on PATH; install it or give its full path")]
    NotFound {
        /// The name that was looked for.
        program: String,
    },
    /// The folder in which the program should have been started does not exist.
    #[error("the working folder {} of `{program}` does not exist", path.display())]
    NoFolder {
        /// The program that should have been started.
        program: String,
        /// The missing folder.
        path: PathBuf,
    },
    /// The system could not start the program (permission, missing interpreter, no memory).
    #[error("failed to start `{argv}`: {source}")]
    CannotStart {
        /// The program and its arguments.
        argv: String,
        /// The error of the system.
        source: io::Error,
    },
    /// The log file of a service could not be opened for appending.
    #[error("failed to open the log {} for appending: {source}", path.display())]
    Log {
        /// The log file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The program ended with something other than success.
    #[error("`{}` failed with {} after {:.1} s; {}", .0.argv, exit_text(.0), .0.elapsed.as_secs_f64(), .0.quoted_output_tail())]
    Failed(Box<Failure>),
    /// The program was still running at its deadline and was ended with all its descendants.
    #[error("`{}` did not end within {:.1} s and was stopped; {}", .0.argv, .0.elapsed.as_secs_f64(), .0.quoted_output_tail())]
    TimedOut(Box<Failure>),
    /// The caller cancelled; the program was ended with all its descendants.
    #[error("`{}` was stopped on request after {:.1} s", .0.argv, .0.elapsed.as_secs_f64())]
    Cancelled(Box<Failure>),
    /// Waiting for the program failed, which does not happen in normal operation.
    #[error("failed to wait for `{argv}`: {source}")]
    Wait {
        /// The program and its arguments.
        argv: String,
        /// The error of the system.
        source: io::Error,
    },
    /// Some processes of a session were still running after SIGKILL (uninterruptible sleep, or another user's).
    #[error("{} processes of `{name}` are still running after SIGKILL (pids {pids:?}); inspect them with `ps`", pids.len())]
    Survivors {
        /// The service's name.
        name: String,
        /// Their process ids.
        pids: Vec<i32>,
    },
    /// The watchdog has ended; services would outlive this process if it were killed.
    #[error("failed to send an order to the watchdog: {0}")]
    Watchdog(io::Error),
}

fn exit_text(failure: &Failure) -> String {
    failure.exit.map_or_else(|| "no exit status".to_owned(), |exit| exit.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_argv_code_seconds_and_output() {
        let failure = Failure {
            argv: "false --really".to_owned(),
            exit: Some(Exit::Code(3)),
            output_tail: "no such table\n".to_owned(),
            elapsed: Duration::from_millis(1_240),
        };
        let text = ProcessError::Failed(Box::new(failure)).to_string();
        assert_eq!(
            text,
            "`false --really` failed with exit code 3 after 1.2 s; the end of its output:\nno such table"
        );
    }

    #[test]
    fn exit_distinguishes_codes_from_signals() {
        assert_eq!(Exit::from(ExitStatus::from_raw(0x0200)), Exit::Code(2));
        assert_eq!(Exit::from(ExitStatus::from_raw(9)), Exit::Signal(9));
        assert!(Exit::Code(0).success() && !Exit::Signal(15).success());
    }
}
