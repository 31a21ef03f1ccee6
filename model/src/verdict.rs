//! The verdict of a run: what the gate says, and why.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exit::ExitCode;

/// What may be said of a run, worst first when several apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictStatus {
    /// Every assertion held on a valid measurement.
    Pass,
    /// Nothing was asserted; the measurement is valid.
    NoAssertions,
    /// Too little data to judge at least one assertion.
    Inconclusive,
    /// An assertion does not hold.
    Fail,
    /// The measurement itself cannot be believed.
    Invalid,
    /// A page is broken; load never started.
    SmokeFailed,
    /// The stack did not come up or went away.
    StackFailed,
    /// Stopped before the end; what is there is partial.
    Partial,
}

impl VerdictStatus {
    /// One upper-case word (or two) for the verdict line.
    pub const fn word(self) -> &'static str {
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
        f.write_str(self.word())
    }
}

/// The verdict, with its reasons in order of weight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// What is said.
    pub status: VerdictStatus,
    /// The number that the process exits with.
    pub exit_code: u8,
    /// Why, in full sentences; never empty unless everything passed.
    pub reasons: Vec<String>,
}

impl Verdict {
    /// A verdict with the exit code that belongs to its status.
    pub fn new(status: VerdictStatus, reasons: Vec<String>) -> Self {
        Self { status, exit_code: status.exit().code(), reasons }
    }
}
