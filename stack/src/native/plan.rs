//! What to bring up.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kneepoint_process::Lifetime;

use crate::host::ports::PortPlan;
use crate::topology::Topology;
use crate::watchdog::WatchdogCommand;

/// What to bring up. Size and seed of the data are those that were prepared.
#[derive(Debug, Clone)]
pub struct NativePlan {
    /// A name, where several stacks are to stand at the same time under one `.kneepoint` folder; each has its own data.
    pub slot: Option<String>,
    /// Which tiers, and how they are set.
    pub topology: Topology,
    /// Where they listen.
    pub ports: PortPlan,
    /// Switches and planted faults: `KP_…` variables that override those of the topology.
    pub env: BTreeMap<String, String>,
    /// The folder for logs and the probe's statements; `None` is `<root>/stack/logs`, which each `up` begins anew.
    pub logs: Option<PathBuf>,
    /// Whether the stack ends with us.
    pub lifetime: Lifetime,
    /// The command that runs the engine; `--listen ADDRESS --books FILE` is added. `None` leaves the tier out.
    pub engine: Option<Vec<String>>,
    /// The command that runs the object store, where the topology has one; `--listen ADDRESS --folder FOLDER` is added.
    pub objects: Option<Vec<String>>,
    /// The watchdog; `None` relies on the kernel's parent-death signal alone.
    pub watchdog: Option<WatchdogCommand>,
}
