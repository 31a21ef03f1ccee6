//! `manifest.json`: where a run comes from and what it could not see.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::{Stage, StageStatus};

/// Something that could not be measured, why, and the one thing that would change that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Unmeasured {
    /// What is missing from the report.
    pub what: String,
    /// Why.
    pub why: String,
    /// The command or setting that mends it.
    pub fix: String,
}

/// The machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostInfo {
    /// Operating system, as it names itself.
    pub os: String,
    /// Kernel release.
    pub kernel: String,
    /// Cores.
    pub cores: u32,
    /// Processor model.
    pub cpu: String,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Swap in bytes.
    pub swap_bytes: u64,
}

/// One stage and how it went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StageRecord {
    /// Which.
    pub name: Stage,
    /// How it ended.
    pub status: StageStatus,
    /// How long it took.
    pub seconds: f64,
}

/// The whole manifest. Rewritten at the end of every stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// Version of the run folder's format.
    pub format_version: u32,
    /// Name of the run and its folder.
    pub run_id: String,
    /// Version of kneepoint.
    pub kneepoint: String,
    /// Start, RFC 3339 in UTC.
    pub started: String,
    /// The command line, secrets masked.
    pub command: Vec<String>,
    /// The validated configuration, secrets masked.
    pub config: serde_json::Value,
    /// Seed of data and load.
    pub seed: u64,
    /// Commit of the project that was tested, where it is a repository.
    pub commit: Option<String>,
    /// The machine.
    pub host: HostInfo,
    /// `native`, `compose`, `attach`.
    pub driver: String,
    /// Name of the topology.
    pub topology: String,
    /// What was loaded.
    pub target: String,
    /// Versions of programs and packages.
    pub versions: BTreeMap<String, String>,
    /// The stages so far.
    pub stages: Vec<StageRecord>,
    /// What could not be measured.
    pub unmeasured: Vec<Unmeasured>,
    /// True once everything up to `down` has gone well; false in a folder whose run was cut off.
    pub complete: bool,
    /// What cut the run off, when something did.
    pub stopped_by: Option<String>,
}
