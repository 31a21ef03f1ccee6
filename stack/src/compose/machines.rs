//! Machines: services that share one quota of CPU time and memory, so that an added machine really adds capacity on a
//! laptop, and a neighbour is really noisy. Pure: what is to be made, as values; `cgroup.rs` makes it.
//!
//! Docker gives quotas to containers only, but lets one say under which cgroup a container is put. So each machine is a
//! cgroup of ours, with the limits, and its services are put below it. That needs root and a daemon on this very machine;
//! where it cannot be, each container gets its machine's quota for itself, which is said.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kneepoint_model::unmeasured::Unmeasured;
use serde::{Deserialize, Serialize};

use super::daemon::{CgroupDriver, CgroupVersion, Daemon};
use super::project::Project;
use super::service::ComposeService;
use crate::topology::Machine;

/// How often the CPU time of a machine is given out. Docker's own 100 ms would make a saturated service stand still for up
/// to 100 ms, which would be measured as its latency; the kernel takes 1 ms at least, and hands time to cores in slices of
/// 5 ms, so a much shorter period wastes some of it (Documentation/scheduler/sched-bwc.rst).
const PERIOD_US: u64 = 20_000;
/// The shortest quota that the kernel takes.
const LEAST_US: u64 = 1_000;

/// A limit as the kernel takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// CPU time in each period, in µs.
    pub(super) quota_us: u64,
    /// The period, in µs.
    pub(super) period_us: u64,
    /// Memory, page cache included.
    pub(super) memory_bytes: u64,
}

impl Limits {
    /// Of a machine's cores' worth of time and memory.
    pub(super) fn of(machine: &Machine) -> Self {
        let quota = (machine.cpus.max(0.0) * PERIOD_US as f64).round() as u64;
        Self {
            quota_us: quota.max(LEAST_US),
            period_us: PERIOD_US,
            memory_bytes: machine.memory_mib.saturating_mul(1 << 20),
        }
    }
}

/// A cgroup that stands for a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parent {
    /// The machine's name.
    pub(super) machine: String,
    /// What `cgroup_parent` of its services says.
    pub(super) name: String,
    /// Its limits.
    pub(super) limits: Limits,
}

/// Who makes the cgroups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Keeper {
    /// We, in the trees of version 1, one for each controller.
    TreesV1,
    /// We, in the one tree of version 2.
    TreeV2,
    /// systemd: each machine is a slice.
    Systemd,
}

/// How the machines of a topology are made on this host.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Machines {
    /// Nobody asked for quotas, or the topology knows no machines.
    Off,
    /// Services of a machine share its cgroup.
    Shared {
        /// Who makes them.
        keeper: Keeper,
        /// The cgroups.
        parents: Vec<Parent>,
        /// Under which of them each service is put.
        of: BTreeMap<ComposeService, String>,
    },
    /// Each container has its machine's quota for itself.
    Alone {
        /// The quota of each service: cores and bytes.
        of: BTreeMap<ComposeService, (f64, u64)>,
        /// What is thereby not seen.
        unmeasured: Box<Unmeasured>,
    },
}

/// What decides how machines can be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Powers {
    /// Whether we may write to cgroups.
    pub(super) root: bool,
    /// Whether the daemon's processes are processes of this machine.
    pub(super) same_host: bool,
}

impl Machines {
    /// Decides how.
    pub(super) fn plan(
        wanted: bool,
        machines: &[Machine],
        project: &Project,
        daemon: &Daemon,
        powers: Powers,
    ) -> Self {
        if !wanted || machines.is_empty() {
            return Self::Off;
        }
        match keeper(daemon, powers) {
            Ok(keeper) => Self::shared(keeper, machines, project),
            Err(why) => Self::alone(machines, why),
        }
    }

    fn shared(keeper: Keeper, machines: &[Machine], project: &Project) -> Self {
        let parent = |machine: &Machine| Parent {
            machine: machine.name.clone(),
            name: parent_name(keeper, project, &machine.name),
            limits: Limits::of(machine),
        };
        let parents: Vec<Parent> = machines.iter().map(parent).collect();
        let named = machines.iter().zip(&parents);
        let of = named
            .flat_map(|(machine, parent)| services(machine).map(|service| (service, parent.name.clone())));
        Self::Shared { keeper, of: of.collect(), parents }
    }

    fn alone(machines: &[Machine], why: &str) -> Self {
        let quota = |machine: &Machine| (machine.cpus, Limits::of(machine).memory_bytes);
        let of =
            machines.iter().flat_map(|machine| services(machine).map(|service| (service, quota(machine))));
        let unmeasured = Unmeasured {
            what: "services that share a machine, and take CPU time and memory from each other".to_owned(),
            why: format!("{why}, so each container has the quota of its whole machine for itself"),
            fix: "run as root with a Docker daemon on this machine".to_owned(),
        };
        Self::Alone { of: of.collect(), unmeasured: Box::new(unmeasured) }
    }
}

fn services(machine: &Machine) -> impl Iterator<Item = ComposeService> {
    machine.services.iter().filter_map(|name| ComposeService::named(name))
}

fn keeper(daemon: &Daemon, powers: Powers) -> Result<Keeper, &'static str> {
    if !powers.same_host {
        return Err("the Docker daemon runs in another machine (Docker Desktop, for example)");
    }
    if daemon.rootless {
        return Err("the Docker daemon runs without root rights");
    }
    if !powers.root {
        return Err("only root may make cgroups with limits");
    }
    match (daemon.cgroup_driver, daemon.cgroup_version) {
        (CgroupDriver::Systemd, _) => Ok(Keeper::Systemd),
        (CgroupDriver::Cgroupfs, CgroupVersion::V1) => Ok(Keeper::TreesV1),
        (CgroupDriver::Cgroupfs, CgroupVersion::V2) => Ok(Keeper::TreeV2),
        (CgroupDriver::Other, _) => Err("the Docker daemon uses no cgroups that can be shared"),
    }
}

/// A path below the root for cgroupfs; for systemd the name of a slice, in which a dash means "below", so that those of
/// our own names are replaced.
fn parent_name(keeper: Keeper, project: &Project, machine: &str) -> String {
    match keeper {
        Keeper::TreesV1 | Keeper::TreeV2 => format!("/{project}/{machine}"),
        Keeper::Systemd => format!("{}{}.slice", slice_prefix(project), machine.replace('-', "_")),
    }
}

/// What the names of all slices of a project begin with.
pub(super) fn slice_prefix(project: &Project) -> String {
    format!("{}-", project.name().replace('-', "_"))
}

/// The folder of all machines of a project, in one tree of cgroups.
pub(super) fn folder(tree: &std::path::Path, project: &Project) -> PathBuf {
    tree.join(project.name())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::topology::Topology;

    const ROOT_HERE: Powers = Powers { root: true, same_host: true };

    fn project() -> Project {
        Project::of(Path::new("/x"), None)
    }

    fn daemon(driver: CgroupDriver, version: CgroupVersion) -> Daemon {
        Daemon { cgroup_driver: driver, cgroup_version: version, ..Daemon::default() }
    }

    fn planned(name: &str, daemon: &Daemon, powers: Powers) -> Machines {
        Machines::plan(true, &Topology::named(name).unwrap().machines, &project(), daemon, powers)
    }

    #[test]
    fn services_of_one_machine_share_a_cgroup() {
        let daemon = daemon(CgroupDriver::Cgroupfs, CgroupVersion::V1);
        let Machines::Shared { keeper, parents, of } = planned("db-apart", &daemon, ROOT_HERE) else {
            panic!("not shared")
        };
        assert_eq!(keeper, Keeper::TreesV1);
        assert_eq!(parents.iter().map(|parent| parent.machine.as_str()).collect::<Vec<_>>(), ["app", "db"]);
        assert_eq!(of[&ComposeService::Proxy], format!("/{}/app", project()));
        assert_eq!(of[&ComposeService::Proxy], of[&ComposeService::Server]);
        assert_ne!(of[&ComposeService::Db], of[&ComposeService::Server]);
        let limits = parents[0].limits;
        assert_eq!((limits.quota_us, limits.period_us, limits.memory_bytes), (10_000, 20_000, 1 << 30));
    }

    #[test]
    fn slices_have_no_dash_but_ours() {
        let daemon = daemon(CgroupDriver::Systemd, CgroupVersion::V2);
        let Machines::Shared { parents, keeper: Keeper::Systemd, .. } =
            planned("balanced", &daemon, ROOT_HERE)
        else {
            panic!("not shared by systemd")
        };
        let name = &parents[1].name;
        assert_eq!(name.matches('-').count(), 1, "{name}");
        assert!(name.starts_with(&slice_prefix(&project())) && name.ends_with("-app_1.slice"), "{name}");
    }

    #[test]
    fn where_it_cannot_be_it_is_said() {
        let v2 = daemon(CgroupDriver::Cgroupfs, CgroupVersion::V2);
        assert!(matches!(planned("nginx", &v2, ROOT_HERE), Machines::Shared { keeper: Keeper::TreeV2, .. }));
        let why = |daemon: &Daemon, powers| match planned("nginx", daemon, powers) {
            Machines::Alone { of, unmeasured } => {
                assert_eq!(of[&ComposeService::Db], (0.5, 1536 << 20));
                unmeasured.why
            }
            other => panic!("{other:?}"),
        };
        assert!(why(&v2, Powers { root: false, same_host: true }).starts_with("only root"));
        assert!(why(&v2, Powers { root: true, same_host: false }).contains("Docker Desktop"));
        assert!(why(&Daemon { rootless: true, ..v2.clone() }, ROOT_HERE).contains("without root rights"));
        assert!(why(&daemon(CgroupDriver::Other, CgroupVersion::V1), ROOT_HERE).contains("no cgroups"));
    }

    #[test]
    fn no_quotas_unless_asked_for() {
        let daemon = daemon(CgroupDriver::Cgroupfs, CgroupVersion::V1);
        let machines = Topology::named("nginx").unwrap().machines;
        assert_eq!(Machines::plan(false, &machines, &project(), &daemon, ROOT_HERE), Machines::Off);
        assert_eq!(Machines::plan(true, &[], &project(), &daemon, ROOT_HERE), Machines::Off);
    }

    #[test]
    fn a_tiny_machine_still_has_what_the_kernel_takes() {
        let machine =
            Machine { name: "tiny".to_owned(), cpus: 0.001, memory_mib: 6, services: vec!["db".to_owned()] };
        assert_eq!(Limits::of(&machine).quota_us, LEAST_US);
    }
}
