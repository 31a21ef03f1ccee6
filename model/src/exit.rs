//! Exit codes: the contract with shells and CI systems, one by one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the `kneepoint` process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExitCode {
    /// 0: done; the gate passed or improved.
    Ok,
    /// 1: the gate failed: an SLO was violated, or a finding reached `--fail-on`.
    GateFailed,
    /// 2: usage or configuration.
    Usage,
    /// 3: inconclusive: too little data.
    Inconclusive,
    /// 4: invalid measurement: generator saturated, foreign load, errors.
    Invalid,
    /// 5: the stack did not start, or the target is no longer reachable.
    StackFailed,
    /// 6: smoke failed; load never started.
    SmokeFailed,
    /// 7: a permission or tool that the configuration requires is missing.
    MissingTool,
    /// 70: internal fault.
    Internal,
    /// 130: interrupted by SIGINT; a partial report is written.
    Interrupted,
    /// 143: ended by SIGTERM; a partial report is written.
    Terminated,
}

impl ExitCode {
    /// The exit status of the process.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::GateFailed => 1,
            Self::Usage => 2,
            Self::Inconclusive => 3,
            Self::Invalid => 4,
            Self::StackFailed => 5,
            Self::SmokeFailed => 6,
            Self::MissingTool => 7,
            Self::Internal => 70,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}
