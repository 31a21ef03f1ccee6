//! Input of `up`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kneepoint_process::Lifetime;

use crate::host::ports::PortPlan;
use crate::topology::Topology;
use crate::watchdog::WatchdogCommand;

/// Input of [`super::up()`]. Size and seed of the data are those that were prepared.
#[derive(Debug, Clone)]
pub struct NativePlan {
    /// Distinguishes stacks that run at the same time under one `.kneepoint` folder; each has its own data.
    pub slot: Option<String>,
    /// What is brought up.
    pub topology: Topology,
    /// Ports on the loopback.
    pub ports: PortPlan,
    /// Switches and injected faults: `KP_…` variables that override those of the topology.
    pub env: BTreeMap<String, String>,
    /// The folder for logs and recorded SQL statements; `None` is `<root>/stack/logs`, which each `up` empties.
    pub logs: Option<PathBuf>,
    /// Whether the stack ends with this process.
    pub lifetime: Lifetime,
    /// The command of the engine; `--listen ADDRESS --books FILE` is appended. `None` omits the tier.
    pub engine: Option<Vec<String>>,
    /// The command of the object store; `--listen ADDRESS --folder FOLDER` is appended. Required by topologies with a store.
    pub objects: Option<Vec<String>>,
    /// `None` relies on the kernel's parent-death signal only.
    pub watchdog: Option<WatchdogCommand>,
}
