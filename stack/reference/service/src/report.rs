//! Failures on stderr, which is the log of a service.

use std::fmt::Display;
use std::process::ExitCode;

/// Writes one line, `kneepoint-<service>: <failure>`, to stderr. `failure` must not contain text from a request.
#[expect(clippy::print_stderr, reason = "stderr is the log of a service")]
pub fn log_failure(service: &str, failure: &dyn Display) {
    eprintln!("kneepoint-{service}: {failure}");
}

/// Logs why the command ends, and returns the exit code for `main`.
pub fn exit_with_failure(service: &str, failure: &dyn Display, code: u8) -> ExitCode {
    log_failure(service, failure);
    ExitCode::from(code)
}
