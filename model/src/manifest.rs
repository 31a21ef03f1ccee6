//! `manifest.json`: the settings and environment of a run, and what could not be measured.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stage::{Stage, StageStatus};
use crate::unmeasured::Unmeasured;

/// The machine on which kneepoint ran.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostInfo {
    /// Name and version of the operating system.
    pub os: String,
    /// Kernel release, as `uname -r` prints it.
    pub kernel: String,
    /// The number of logical cores.
    pub cores: u32,
    /// Processor model, as `/proc/cpuinfo` names it.
    pub cpu: String,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Swap in bytes.
    pub swap_bytes: u64,
}

/// One stage and its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StageRecord {
    /// The stage of the pipeline.
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
    /// Commit of the tested project; `None` outside of a repository.
    pub commit: Option<String>,
    /// The machine on which the run took place.
    pub host: HostInfo,
    /// `native`, `compose`, `attach`.
    pub driver: String,
    /// Name of the topology.
    pub topology: String,
    /// The URL of the loaded site.
    pub target: String,
    /// Versions of programs and packages.
    pub versions: BTreeMap<String, String>,
    /// The stages so far.
    pub stages: Vec<StageRecord>,
    /// What could not be measured.
    pub unmeasured: Vec<Unmeasured>,
    /// True once every stage up to `down` has succeeded; false when the run was interrupted.
    pub complete: bool,
    /// What interrupted the run; `None` when nothing did.
    pub stopped_by: Option<String>,
}
