//! What to prepare and what to bring up.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use kneepoint_process::{Lifetime, Watchdog};

use super::project::Project;
use crate::{PortPlan, Size, StackError, Topology, WatchdogCommand};

/// Who takes containers down when we were killed and could not: the watchdog, which runs the cleaner at the end.
#[derive(Debug, Clone)]
pub struct ComposeGuard {
    /// How to start the watchdog.
    pub watchdog: WatchdogCommand,
    /// A command that calls [`super::clean`]; `<project> <folder for logs>` is added.
    pub cleaner: Vec<String>,
}

/// What to prepare.
#[derive(Debug, Clone)]
pub struct ComposePrepare {
    /// The `.kneepoint` folder.
    pub root: PathBuf,
    /// How much data.
    pub size: Size,
    /// From which number.
    pub seed: u64,
    /// What will be brought up: images and data for all of these are made.
    pub topologies: Vec<Topology>,
    /// kneepoint's own program, which runs in the containers of engine and object store.
    pub binary: PathBuf,
    /// What cleans up after `kill -9`; `None` leaves that to the next who comes.
    pub guard: Option<ComposeGuard>,
}

/// What to bring up. Size and seed of the data are those that were prepared.
#[derive(Debug, Clone)]
pub struct ComposePlan {
    /// A name, where several stacks are to stand at the same time under one `.kneepoint` folder; each has its own data.
    pub slot: Option<String>,
    /// Which tiers, and how they are set.
    pub topology: Topology,
    /// Where they are published on the loopback.
    pub ports: PortPlan,
    /// Switches and planted faults: `KP_…` variables that override those of the topology.
    pub env: BTreeMap<String, String>,
    /// Whether the topology's machines limit CPU time and memory.
    pub quotas: bool,
    /// The folder for logs and the probe's statements; `None` is `<root>/compose/logs`, which each `up` begins anew.
    pub logs: Option<PathBuf>,
    /// Whether the stack ends with us.
    pub lifetime: Lifetime,
    /// What cleans up after `kill -9`.
    pub guard: Option<ComposeGuard>,
}

impl ComposeGuard {
    /// Starts the watchdog and tells it what to clean.
    pub(super) fn start(&self, project: &Project, logs: &Path) -> Result<Watchdog, StackError> {
        let failed = |source| StackError::Start { service: "the watchdog", source: Box::new(source) };
        let args: Vec<&str> = self.watchdog.args.iter().map(String::as_str).collect();
        let watchdog = Watchdog::start(&self.watchdog.exe, &args).map_err(failed)?;
        let command = self.cleaner.iter().map(OsString::from);
        let last_act: Vec<OsString> = command.chain([project.name().into(), logs.into()]).collect();
        watchdog.run_on_death(&last_act).map_err(failed)?;
        Ok(watchdog)
    }
}
