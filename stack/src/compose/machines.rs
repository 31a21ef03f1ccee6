//! Machines: groups of services that share one quota of CPU time and memory, so that an added machine adds capacity even on a
//! laptop. Pure: decides which cgroups are needed; `cgroup.rs` creates them.
//!
//! Docker has quotas for single containers only, but a container can be placed under a given parent cgroup. So each machine
//! is a cgroup with the limits, and its services are placed below it. That needs root and a daemon on this machine; elsewhere
//! each container gets its machine's whole quota, which is reported as unmeasured.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kneepoint_model::unmeasured::Unmeasured;
use serde::{Deserialize, Serialize};

use super::daemon::{CgroupDriver, CgroupVersion, Daemon};
use super::project::Project;
use super::service::ComposeService;
use crate::topology::Machine;

/// Period of the CPU quota. Docker's default of 100 ms would pause a saturated service for up to 100 ms, which would be
/// measured as latency. The kernel's minimum is 1 ms, and it gives CPU time to cores in slices of 5 ms, so a much shorter
/// period wastes some of it (Documentation/scheduler/sched-bwc.rst).
const PERIOD_US: u64 = 20_000;
/// The smallest quota that the kernel accepts.
const MIN_QUOTA_US: u64 = 1_000;

/// Limits in the units of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// CPU time per period, in µs.
    pub(super) quota_us: u64,
    /// The period, in µs.
    pub(super) period_us: u64,
    /// Memory including page cache.
    pub(super) memory_bytes: u64,
}

impl Limits {
    pub(super) fn for_machine(machine: &Machine) -> Self {
        let quota = (machine.cpus.max(0.0) * PERIOD_US as f64).round() as u64;
        Self {
            quota_us: quota.max(MIN_QUOTA_US),
            period_us: PERIOD_US,
            memory_bytes: machine.memory_mib.saturating_mul(1 << 20),
        }
    }
}

/// The cgroup of one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MachineCgroup {
    /// Name of the machine.
    pub(super) machine: String,
    /// The value of `cgroup_parent` of its services.
    pub(super) name: String,
    pub(super) limits: Limits,
}

/// What creates the cgroups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CgroupManager {
    /// kneepoint, in the trees of version 1, one per controller.
    TreesV1,
    /// kneepoint, in the single tree of version 2.
    TreeV2,
    /// systemd; each machine is a slice.
    Systemd,
}

/// How the machines of a topology are limited on this host.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Machines {
    /// No quotas are wanted, or the topology has no machines.
    Off,
    /// The services of a machine share its cgroup.
    Shared {
        manager: CgroupManager,
        parents: Vec<MachineCgroup>,
        /// Parent cgroup of each service.
        parent_of: BTreeMap<ComposeService, String>,
    },
    /// Each container has the whole quota of its machine.
    PerContainer {
        /// Quota of each service: cores and bytes of memory.
        quota_of: BTreeMap<ComposeService, (f64, u64)>,
        /// What this cannot show.
        unmeasured: Box<Unmeasured>,
    },
}

/// What decides how machines can be limited.
#[derive(Debug, Clone, Copy)]
pub(super) struct HostAccess {
    /// Whether kneepoint may write to cgroups.
    pub(super) root: bool,
    /// Whether the daemon's processes are processes of this machine.
    pub(super) same_host: bool,
}

impl Machines {
    pub(super) fn plan(
        wanted: bool,
        machines: &[Machine],
        project: &Project,
        daemon: &Daemon,
        access: HostAccess,
    ) -> Self {
        if !wanted || machines.is_empty() {
            return Self::Off;
        }
        match choose_manager(daemon, access) {
            Ok(manager) => Self::share_cgroups(manager, machines, project),
            Err(why) => Self::limit_containers(machines, why),
        }
    }

    fn share_cgroups(manager: CgroupManager, machines: &[Machine], project: &Project) -> Self {
        let parent = |machine: &Machine| MachineCgroup {
            machine: machine.name.clone(),
            name: parent_name(manager, project, &machine.name),
            limits: Limits::for_machine(machine),
        };
        let parents: Vec<MachineCgroup> = machines.iter().map(parent).collect();
        let named = machines.iter().zip(&parents);
        let parent_of = named.flat_map(|(machine, parent)| {
            machine_services(machine).map(|service| (service, parent.name.clone()))
        });
        Self::Shared { manager, parent_of: parent_of.collect(), parents }
    }

    fn limit_containers(machines: &[Machine], why: &str) -> Self {
        let quota = |machine: &Machine| (machine.cpus, Limits::for_machine(machine).memory_bytes);
        let quota_of = machines
            .iter()
            .flat_map(|machine| machine_services(machine).map(|service| (service, quota(machine))));
        let unmeasured = Unmeasured {
            what: "services that share a machine and compete for its CPU time and memory".to_owned(),
            why: format!("{why}, so each container has the whole quota of its machine"),
            fix: "run as root with a Docker daemon on this machine".to_owned(),
        };
        Self::PerContainer { quota_of: quota_of.collect(), unmeasured: Box::new(unmeasured) }
    }
}

fn machine_services(machine: &Machine) -> impl Iterator<Item = ComposeService> {
    machine.services.iter().filter_map(|name| ComposeService::from_name(name))
}

fn choose_manager(daemon: &Daemon, access: HostAccess) -> Result<CgroupManager, &'static str> {
    if !access.same_host {
        return Err("the Docker daemon runs in another machine (Docker Desktop, for example)");
    }
    if daemon.rootless {
        return Err("the Docker daemon runs without root privileges");
    }
    if !access.root {
        return Err("only root may create cgroups with limits");
    }
    match (daemon.cgroup_driver, daemon.cgroup_version) {
        (CgroupDriver::Systemd, _) => Ok(CgroupManager::Systemd),
        (CgroupDriver::Cgroupfs, CgroupVersion::V1) => Ok(CgroupManager::TreesV1),
        (CgroupDriver::Cgroupfs, CgroupVersion::V2) => Ok(CgroupManager::TreeV2),
        (CgroupDriver::Other, _) => Err("the Docker daemon uses no cgroups that can be shared"),
    }
}

/// A path below the root for cgroupfs; for systemd the name of a slice, in which a dash means "below", so dashes within names
/// are replaced.
fn parent_name(manager: CgroupManager, project: &Project, machine: &str) -> String {
    match manager {
        CgroupManager::TreesV1 | CgroupManager::TreeV2 => format!("/{project}/{machine}"),
        CgroupManager::Systemd => format!("{}{}.slice", slice_prefix(project), machine.replace('-', "_")),
    }
}

/// Common prefix of the names of all slices of a project.
pub(super) fn slice_prefix(project: &Project) -> String {
    format!("{}-", project.name().replace('-', "_"))
}

/// The folder of all machines of a project in one cgroup tree.
pub(super) fn machines_folder(tree: &std::path::Path, project: &Project) -> PathBuf {
    tree.join(project.name())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::topology::Topology;

    const ROOT_HERE: HostAccess = HostAccess { root: true, same_host: true };

    fn project() -> Project {
        Project::for_slot(Path::new("/x"), None)
    }

    fn daemon(driver: CgroupDriver, version: CgroupVersion) -> Daemon {
        Daemon { cgroup_driver: driver, cgroup_version: version, ..Daemon::default() }
    }

    fn planned(name: &str, daemon: &Daemon, access: HostAccess) -> Machines {
        Machines::plan(true, &Topology::named(name).unwrap().machines, &project(), daemon, access)
    }

    #[test]
    fn services_of_one_machine_share_a_cgroup() {
        let daemon = daemon(CgroupDriver::Cgroupfs, CgroupVersion::V1);
        let Machines::Shared { manager, parents, parent_of } = planned("db-apart", &daemon, ROOT_HERE) else {
            panic!("not shared")
        };
        assert_eq!(manager, CgroupManager::TreesV1);
        assert_eq!(parents.iter().map(|parent| parent.machine.as_str()).collect::<Vec<_>>(), ["app", "db"]);
        assert_eq!(parent_of[&ComposeService::Proxy], format!("/{}/app", project()));
        assert_eq!(parent_of[&ComposeService::Proxy], parent_of[&ComposeService::Server]);
        assert_ne!(parent_of[&ComposeService::Db], parent_of[&ComposeService::Server]);
        let limits = parents[0].limits;
        assert_eq!((limits.quota_us, limits.period_us, limits.memory_bytes), (10_000, 20_000, 1 << 30));
    }

    #[test]
    fn a_slice_name_has_one_dash() {
        let daemon = daemon(CgroupDriver::Systemd, CgroupVersion::V2);
        let Machines::Shared { parents, manager: CgroupManager::Systemd, .. } =
            planned("balanced", &daemon, ROOT_HERE)
        else {
            panic!("not shared by systemd")
        };
        let name = &parents[1].name;
        assert_eq!(name.matches('-').count(), 1, "{name}");
        assert!(name.starts_with(&slice_prefix(&project())) && name.ends_with("-app_1.slice"), "{name}");
    }

    #[test]
    fn without_shared_cgroups_it_is_reported_as_unmeasured() {
        let v2 = daemon(CgroupDriver::Cgroupfs, CgroupVersion::V2);
        assert!(matches!(
            planned("nginx", &v2, ROOT_HERE),
            Machines::Shared { manager: CgroupManager::TreeV2, .. }
        ));
        let why = |daemon: &Daemon, access| match planned("nginx", daemon, access) {
            Machines::PerContainer { quota_of, unmeasured } => {
                assert_eq!(quota_of[&ComposeService::Db], (0.5, 1536 << 20));
                unmeasured.why
            }
            other => panic!("{other:?}"),
        };
        assert!(why(&v2, HostAccess { root: false, same_host: true }).starts_with("only root"));
        assert!(why(&v2, HostAccess { root: true, same_host: false }).contains("Docker Desktop"));
        assert!(why(&Daemon { rootless: true, ..v2.clone() }, ROOT_HERE).contains("without root privileges"));
        assert!(why(&daemon(CgroupDriver::Other, CgroupVersion::V1), ROOT_HERE).contains("no cgroups"));
    }

    #[test]
    fn no_quotas_unless_wanted() {
        let daemon = daemon(CgroupDriver::Cgroupfs, CgroupVersion::V1);
        let machines = Topology::named("nginx").unwrap().machines;
        assert_eq!(Machines::plan(false, &machines, &project(), &daemon, ROOT_HERE), Machines::Off);
        assert_eq!(Machines::plan(true, &[], &project(), &daemon, ROOT_HERE), Machines::Off);
    }

    #[test]
    fn a_tiny_machine_still_has_the_smallest_quota() {
        let machine =
            Machine { name: "tiny".to_owned(), cpus: 0.001, memory_mib: 6, services: vec!["db".to_owned()] };
        assert_eq!(Limits::for_machine(&machine).quota_us, MIN_QUOTA_US);
    }
}
