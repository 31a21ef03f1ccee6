//! Containers, networks and volumes of kneepoint, found by label, and their removal. It needs no record and no compose file,
//! so it works after an interruption at any moment; it lists again afterwards, which proves that nothing remains.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::text::plural;
use serde::Serialize;

use super::cgroup::{self, CgroupTrees};
use super::container::{self, Container};
use super::docker::{Docker, SHORT};
use super::project::{LABEL, Project};
use super::service::ComposeService;
use crate::error::StackError;

/// Time for the daemon's own work on a busy machine, beyond the grace period of containers.
const REMOVAL_TIMEOUT: Duration = Duration::from_mins(1);
/// A client that was just killed may have sent a command that the daemon still executes, so an empty list counts only when
/// it is still empty after this pause.
const SETTLE_TIME: Duration = Duration::from_millis(300);
/// After this many rounds the remaining resources are reported.
const ROUNDS: u32 = 8;

/// What Docker (and the kernel) hold of one or more projects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DockerResources {
    /// Names of containers.
    pub containers: Vec<String>,
    /// Names of networks.
    pub networks: Vec<String>,
    /// Names of volumes.
    pub volumes: Vec<String>,
    /// Folders of cgroups.
    pub cgroups: Vec<PathBuf>,
}

impl DockerResources {
    /// Whether there are no resources at all.
    pub fn is_empty(&self) -> bool {
        self.containers.is_empty()
            && self.networks.is_empty()
            && self.volumes.is_empty()
            && self.cgroups.is_empty()
    }

    /// `9 containers, 1 network, 3 volumes`; empty when there are none.
    pub fn counts(&self) -> String {
        let mut text = String::new();
        let parts = [
            (self.containers.len(), "container"),
            (self.networks.len(), "network"),
            (self.volumes.len(), "volume"),
            (self.cgroups.len(), "cgroup"),
        ];
        for (count, name) in parts.into_iter().filter(|(count, _)| *count > 0) {
            let comma = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{comma}{}", plural(count, name));
        }
        text
    }

    /// `container a, network n`: kind and name of each.
    pub fn names(&self) -> String {
        let plain = [("container", &self.containers), ("network", &self.networks), ("volume", &self.volumes)];
        let plain = plain
            .into_iter()
            .flat_map(|(kind, names)| names.iter().map(move |name| format!("{kind} {name}")));
        let cgroups = self.cgroups.iter().map(|folder| format!("cgroup {}", folder.display()));
        plain.chain(cgroups).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn add(&mut self, other: Self) {
        for (all, more) in [
            (&mut self.containers, other.containers),
            (&mut self.networks, other.networks),
            (&mut self.volumes, other.volumes),
        ] {
            all.extend(more);
            all.sort();
            all.dedup();
        }
        self.cgroups.extend(other.cgroups);
        self.cgroups.sort();
        self.cgroups.dedup();
    }
}

/// One row of a list: the name, and the project of its label.
fn parse_row(line: &str) -> Option<(String, String)> {
    let (name, project) = line.split_once('\t')?;
    (!name.is_empty()).then(|| (name.to_owned(), project.trim().to_owned()))
}

/// Names in the rows of the wanted projects. Pure.
fn select_rows(list: &str, is_wanted: &dyn Fn(&str) -> bool) -> Vec<String> {
    list.lines()
        .filter_map(parse_row)
        .filter(|(_, project)| is_wanted(project))
        .map(|(name, _)| name)
        .collect()
}

/// Every project of kneepoint that has a container, a network or a volume.
pub(super) fn list_projects(docker: &Docker, cancel: &Cancel) -> Result<BTreeSet<String>, StackError> {
    let mut all = BTreeSet::new();
    for kind in ResourceKind::ALL {
        let list = kind.list(docker, cancel)?;
        all.extend(list.lines().filter_map(parse_row).map(|(_, project)| project));
    }
    Ok(all)
}

#[derive(Clone, Copy)]
enum ResourceKind {
    Container,
    Network,
    Volume,
}

impl ResourceKind {
    const ALL: [Self; 3] = [Self::Container, Self::Network, Self::Volume];

    fn list(self, docker: &Docker, cancel: &Cancel) -> Result<String, StackError> {
        let name = if matches!(self, Self::Container) { "Names" } else { "Name" };
        let format = format!("{{{{.{name}}}}}\t{{{{.Label \"{LABEL}\"}}}}");
        let filter = format!("label={LABEL}");
        let mut args = match self {
            Self::Container => vec!["ps", "--all", "--no-trunc"],
            Self::Network => vec!["network", "ls"],
            Self::Volume => vec!["volume", "ls"],
        };
        args.extend(["--filter", &filter, "--format", &format]);
        docker.run(&args, "listing Docker resources of kneepoint", SHORT, cancel)
    }
}

/// Resources of one project.
pub(super) fn list_resources(
    docker: &Docker,
    project: &Project,
    trees: &CgroupTrees,
    cancel: &Cancel,
) -> Result<DockerResources, StackError> {
    let wanted = |name: &str| name == project.name();
    let list = |kind: ResourceKind| kind.list(docker, cancel).map(|list| select_rows(&list, &wanted));
    Ok(DockerResources {
        containers: list(ResourceKind::Container)?,
        networks: list(ResourceKind::Network)?,
        volumes: list(ResourceKind::Volume)?,
        cgroups: cgroup::list_machines(project, trees),
    })
}

/// The current containers of a project, nearest to the user first; those of no service come last.
pub(super) fn list_containers(
    docker: &Docker,
    project: &Project,
    cancel: &Cancel,
) -> Result<Vec<Container>, StackError> {
    let step = "inspecting the containers";
    let filter = format!("label={}", project.label());
    let ids =
        docker.run(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter], step, SHORT, cancel)?;
    let ids: Vec<&str> = ids.split_whitespace().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let args: Vec<&str> = ["inspect", "--type", "container"].into_iter().chain(ids).collect();
    let mut containers = container::parse_inspect(&docker.run(&args, step, SHORT, cancel)?)?;
    let place = |container: &Container| {
        container.service.and_then(|service| ComposeService::ALL.iter().position(|other| *other == service))
    };
    containers.sort_by_key(|container| place(container).unwrap_or(usize::MAX));
    Ok(containers)
}

/// The container of one service.
///
/// # Errors
/// `System` when there is none: it was removed after compose had started it.
pub(super) fn find_container(
    docker: &Docker,
    project: &Project,
    service: ComposeService,
    cancel: &Cancel,
) -> Result<Container, StackError> {
    let found = list_containers(docker, project, cancel)?
        .into_iter()
        .find(|container| container.service == Some(service));
    found.ok_or_else(|| StackError::System {
        what: "inspecting the containers",
        why: format!("there is none of the service `{}`", service.name()),
    })
}

/// The outcome of a removal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Removal {
    /// Everything that existed and was removed.
    pub(super) removed: DockerResources,
    /// What Docker still lists.
    pub(super) remaining: DockerResources,
    /// The last error; only meaningful when something remains.
    pub(super) error: Option<String>,
}

/// Stops containers: SIGTERM, and SIGKILL after `grace`.
pub(super) fn stop_containers(docker: &Docker, containers: &[Container], grace: Duration) {
    let running: Vec<&str> = containers
        .iter()
        .filter(|container| container.running)
        .map(|container| container.id.as_str())
        .collect();
    if running.is_empty() {
        return;
    }
    let seconds = grace.as_secs().to_string();
    let args: Vec<&str> = ["stop", "--time", &seconds].into_iter().chain(running).collect();
    // A container may have ended meanwhile; what still runs is removed by force later.
    let _ = docker.run(&args, "stopping containers", grace + REMOVAL_TIMEOUT, &Cancel::new());
}

/// Removes everything of a project; containers get `grace` between SIGTERM and SIGKILL. Errors of single steps do not end it,
/// since the final list shows what remains.
///
/// # Errors
/// When the resources cannot be listed, because the daemon cannot be reached.
pub(super) fn remove_all(docker: &Docker, project: &Project, grace: Duration) -> Result<Removal, StackError> {
    // Not cancellable: a removal because of a cancellation must be completed.
    let (trees, cancel) = (CgroupTrees::mounted(), Cancel::new());
    let mut removal = Removal::default();
    let mut found = list_resources(docker, project, &trees, &cancel)?;
    for round in 0..ROUNDS {
        if found.is_empty() {
            // When the first list is empty there never was anything, and there is nothing to wait for.
            if round == 0 {
                return Ok(removal);
            }
            std::thread::sleep(SETTLE_TIME);
            found = list_resources(docker, project, &trees, &cancel)?;
            if found.is_empty() {
                return Ok(removal);
            }
        }
        if let Err(error) = remove_found(docker, project, &found, &trees, grace, &cancel) {
            removal.error = Some(error.to_string());
        }
        removal.removed.add(std::mem::take(&mut found));
        found = list_resources(docker, project, &trees, &cancel)?;
    }
    removal.remaining = found;
    Ok(removal)
}

fn remove_found(
    docker: &Docker,
    project: &Project,
    found: &DockerResources,
    trees: &CgroupTrees,
    grace: Duration,
    cancel: &Cancel,
) -> Result<(), StackError> {
    let mut first_error = Ok(());
    let mut step = |args: &[&str], names: &[String], deadline: Duration| {
        if names.is_empty() {
            return;
        }
        let args: Vec<&str> = args.iter().copied().chain(names.iter().map(String::as_str)).collect();
        if let Err(error) = docker.run(&args, "removing Docker resources of kneepoint", deadline, cancel)
            && first_error.is_ok()
        {
            first_error = Err(error);
        }
    };
    let seconds = grace.as_secs().to_string();
    if !grace.is_zero() {
        step(&["stop", "--time", &seconds], &found.containers, grace + REMOVAL_TIMEOUT);
    }
    // With their anonymous volumes, which carry no label.
    step(&["rm", "--force", "--volumes"], &found.containers, REMOVAL_TIMEOUT);
    step(&["network", "rm"], &found.networks, REMOVAL_TIMEOUT);
    step(&["volume", "rm", "--force"], &found.volumes, REMOVAL_TIMEOUT);
    if let Some(folder) = cgroup::remove_machines(project, trees, cancel).first()
        && first_error.is_ok()
    {
        first_error = Err(StackError::System {
            what: "removing the cgroup of a machine",
            why: format!("{} is still in use", folder.display()),
        });
    }
    first_error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_wanted_rows_are_selected() {
        let list = "kneepoint-1_db_1\tkneepoint-1\nother\tby-hand\nkneepoint-12_db_1\tkneepoint-12\n\tkneepoint-1\nbroken\n";
        assert_eq!(select_rows(list, &|project| project == "kneepoint-1"), ["kneepoint-1_db_1"]);
    }

    #[test]
    fn resources_are_counted_and_named() {
        let holdings = DockerResources {
            containers: vec!["a".to_owned(), "b".to_owned()],
            networks: vec!["n".to_owned()],
            volumes: Vec::new(),
            cgroups: vec!["/sys/fs/cgroup/cpu/p".into()],
        };
        assert_eq!(holdings.counts(), "2 containers, 1 network, 1 cgroup");
        assert_eq!(holdings.names(), "container a, container b, network n, cgroup /sys/fs/cgroup/cpu/p");
        let mut all = holdings.clone();
        all.add(holdings.clone());
        assert_eq!(all, holdings);
        assert!(DockerResources::default().is_empty() && DockerResources::default().counts().is_empty());
    }
}
