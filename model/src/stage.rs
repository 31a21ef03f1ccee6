//! The stages of the pipeline and how each can end.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The stages of a run, in the order in which the pipeline executes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Bring the stack up.
    Up,
    /// Crawl the site.
    Smoke,
    /// Request pages until caches and workers are in a steady state.
    Warm,
    /// Measure each route by itself: queries by page size, caching, cost without queueing.
    Probe,
    /// Generate load while resources are sampled.
    Load,
    /// Profile every tier in a phase of its own.
    Profile,
    /// Take the stack down.
    Down,
    /// Analyse the run folder; a pure function of its files.
    Analyse,
    /// Evaluate the assertions.
    Gate,
    /// Write the report.
    Report,
}

impl Stage {
    /// The stage's name in files and on the console.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Smoke => "smoke",
            Self::Warm => "warm",
            Self::Probe => "probe",
            Self::Load => "load",
            Self::Profile => "profile",
            Self::Down => "down",
            Self::Analyse => "analyse",
            Self::Gate => "gate",
            Self::Report => "report",
        }
    }
}

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StageStatus {
    /// Did everything it should.
    Done,
    /// Did what was possible; `unmeasured` in `manifest.json` lists what is missing.
    Degraded,
    /// Not requested, or not started; in the second case `unmeasured` in `manifest.json` gives the reason.
    Skipped,
    /// Did not succeed.
    Failed,
    /// Cut off by a signal.
    Interrupted,
}
