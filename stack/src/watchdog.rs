//! The watchdog: a process that takes a stack down when kneepoint was killed and could not.

use std::path::PathBuf;

use kneepoint_process::{ProcessError, Watchdog};

use crate::error::StackError;

/// How to start the watchdog: the same binary under a hidden subcommand that calls `kneepoint_process::watchdog::main`.
#[derive(Debug, Clone)]
pub struct WatchdogCommand {
    /// kneepoint's own executable.
    pub exe: PathBuf,
    /// The arguments that make it a watchdog.
    pub args: Vec<String>,
}

impl WatchdogCommand {
    pub(crate) fn start(&self) -> Result<Watchdog, StackError> {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        Watchdog::start(&self.exe, &args).map_err(watchdog_error)
    }
}

/// For `map_err` on operations of the watchdog.
pub(crate) fn watchdog_error(source: ProcessError) -> StackError {
    StackError::Start { service: "the watchdog", source: Box::new(source) }
}
