//! The verdict of a run, with its reasons.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exit::ExitCode;

/// The possible verdicts; when several apply, the last in this list wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictStatus {
    /// Every assertion held on a valid measurement.
    Pass,
    /// There are no assertions; the measurement is valid.
    NoAssertions,
    /// Too little data for at least one assertion.
    Inconclusive,
    /// An assertion does not hold.
    Fail,
    /// The measurement itself is invalid.
    Invalid,
    /// A page is broken; the load was not started.
    SmokeFailed,
    /// The stack did not start or stopped during the run.
    StackFailed,
    /// Stopped before the end; the results are partial.
    Partial,
}

impl VerdictStatus {
    /// The label of the verdict line: one or two upper-case words.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::NoAssertions => "DONE",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Fail => "FAIL",
            Self::Invalid => "INVALID",
            Self::SmokeFailed => "SMOKE FAILED",
            Self::StackFailed => "STACK FAILED",
            Self::Partial => "PARTIAL",
        }
    }
    /// The exit code that belongs to this status (a partial run's code is set by what stopped it).
    pub const fn exit(self) -> ExitCode {
        match self {
            Self::Pass | Self::NoAssertions => ExitCode::Ok,
            Self::Inconclusive => ExitCode::Inconclusive,
            Self::Fail => ExitCode::GateFailed,
            Self::Invalid => ExitCode::Invalid,
            Self::SmokeFailed => ExitCode::SmokeFailed,
            Self::StackFailed => ExitCode::StackFailed,
            Self::Partial => ExitCode::Interrupted,
        }
    }
}

impl fmt::Display for VerdictStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// The verdict, with its reasons in order of weight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The verdict itself.
    pub status: VerdictStatus,
    /// The exit status of the process.
    pub exit_code: u8,
    /// The reasons, in full sentences; empty only when everything passed.
    pub reasons: Vec<String>,
}

impl Verdict {
    /// A verdict with the exit code that belongs to its status.
    pub fn new(status: VerdictStatus, reasons: Vec<String>) -> Self {
        Self { status, exit_code: status.exit().code(), reasons }
    }
}
