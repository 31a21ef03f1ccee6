//! Input of `prepare` and `up`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use kneepoint_process::{Lifetime, Watchdog};

use super::project::Project;
use crate::error::StackError;
use crate::host::ports::PortPlan;
use crate::topology::{Size, Topology};
use crate::watchdog::{WatchdogCommand, watchdog_error};

/// Removes containers when kneepoint was killed and could not: the watchdog runs the cleaner as its last action.
#[derive(Debug, Clone)]
pub struct ComposeGuard {
    /// Starts the process that runs the cleaner.
    pub watchdog: WatchdogCommand,
    /// A command that calls [`super::clean`]; `<project> <folder for logs>` is added.
    pub cleaner: Vec<String>,
}

/// Input of [`super::prepare()`].
#[derive(Debug, Clone)]
pub struct ComposePrepare {
    /// The `.kneepoint` folder.
    pub root: PathBuf,
    /// The amount of data.
    pub size: Size,
    /// The seed of the generated data.
    pub seed: u64,
    /// Images and data are prepared for all of these.
    pub topologies: Vec<Topology>,
    /// kneepoint's executable, which runs in the containers of engine and object store.
    pub binary: PathBuf,
    /// Cleans up after `kill -9`; `None` leaves that to the next kneepoint.
    pub guard: Option<ComposeGuard>,
}

/// Input of [`super::up()`]. Size and seed of the data are those that were prepared.
#[derive(Debug, Clone)]
pub struct ComposePlan {
    /// Distinguishes stacks that run at the same time under one `.kneepoint` folder; each has its own data.
    pub slot: Option<String>,
    /// What is brought up.
    pub topology: Topology,
    /// Ports on the loopback at which services are published.
    pub ports: PortPlan,
    /// Switches and injected faults: `KP_…` variables that override those of the topology.
    pub env: BTreeMap<String, String>,
    /// Whether the topology's machines limit CPU time and memory.
    pub quotas: bool,
    /// The folder for logs and recorded SQL statements; `None` is `<root>/compose/logs`, which each `up` empties.
    pub logs: Option<PathBuf>,
    /// Whether the stack ends with this process.
    pub lifetime: Lifetime,
    /// Cleans up after `kill -9`.
    pub guard: Option<ComposeGuard>,
}

impl ComposeGuard {
    /// Starts the watchdog and passes it the cleaner's command.
    pub(super) fn start(&self, project: &Project, logs: &Path) -> Result<Watchdog, StackError> {
        let watchdog = self.watchdog.start()?;
        let command = self.cleaner.iter().map(OsString::from);
        let last_act: Vec<OsString> = command.chain([project.name().into(), logs.into()]).collect();
        watchdog.run_on_death(&last_act).map_err(watchdog_error)?;
        Ok(watchdog)
    }
}
