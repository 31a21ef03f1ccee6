//! Everything of ours that Docker holds, found by label, and its removal. It needs no record and no compose file, so it
//! repairs whatever was cut off at whatever moment; and it lists again afterwards, so that "nothing is left" is proved.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use serde::Serialize;

use super::cgroup::{self, Trees};
use super::container::{self, Container};
use super::docker::{Docker, SHORT};
use super::project::{LABEL, Project};
use super::service::ComposeService;
use crate::StackError;

/// Beyond the grace that containers get, for the daemon's own work on a busy machine.
const REMOVAL: Duration = Duration::from_mins(1);
/// A client that was just killed may have sent an order that the daemon still carries out; so a clean list is believed
/// only when it is still clean after this pause.
const SETTLED: Duration = Duration::from_millis(300);
/// After that many rounds what still stands is named.
const ROUNDS: u32 = 8;

/// What Docker holds of some projects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Holdings {
    /// Names of containers.
    pub containers: Vec<String>,
    /// Names of networks.
    pub networks: Vec<String>,
    /// Names of volumes.
    pub volumes: Vec<String>,
    /// Folders of cgroups.
    pub cgroups: Vec<PathBuf>,
}

impl Holdings {
    /// Nothing at all.
    pub fn is_empty(&self) -> bool {
        self.containers.is_empty()
            && self.networks.is_empty()
            && self.volumes.is_empty()
            && self.cgroups.is_empty()
    }

    /// `9 containers, 1 network, 3 volumes`; empty when there is nothing.
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
            let plural = if count == 1 { "" } else { "s" };
            let _ = write!(text, "{comma}{count} {name}{plural}");
        }
        text
    }

    /// Each by its name.
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

/// One line of a list: the name, and the project of its label.
fn named(line: &str) -> Option<(String, String)> {
    let (name, project) = line.split_once('\t')?;
    (!name.is_empty()).then(|| (name.to_owned(), project.trim().to_owned()))
}

/// The lines of a list that belong to the wanted projects. Pure.
fn chosen(list: &str, wanted: &dyn Fn(&str) -> bool) -> Vec<String> {
    list.lines().filter_map(named).filter(|(_, project)| wanted(project)).map(|(name, _)| name).collect()
}

/// Every project that has a container, a network or a volume.
pub(super) fn projects(docker: &Docker, cancel: &Cancel) -> Result<BTreeSet<String>, StackError> {
    let mut all = BTreeSet::new();
    for kind in Kind::ALL {
        let list = kind.list(docker, cancel)?;
        all.extend(list.lines().filter_map(named).map(|(_, project)| project));
    }
    Ok(all)
}

#[derive(Clone, Copy)]
enum Kind {
    Container,
    Network,
    Volume,
}

impl Kind {
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
        docker.ask(&args, "listing what Docker holds of kneepoint", SHORT, cancel)
    }
}

/// What Docker (and the kernel) hold of this project.
pub(super) fn holdings(
    docker: &Docker,
    project: &Project,
    trees: &Trees,
    cancel: &Cancel,
) -> Result<Holdings, StackError> {
    let wanted = |name: &str| name == project.name();
    let list = |kind: Kind| kind.list(docker, cancel).map(|list| chosen(&list, &wanted));
    Ok(Holdings {
        containers: list(Kind::Container)?,
        networks: list(Kind::Network)?,
        volumes: list(Kind::Volume)?,
        cgroups: cgroup::of_project(project, trees),
    })
}

/// The containers of a project as they are now, nearest to the visitor first; one-shots come last.
pub(super) fn containers(
    docker: &Docker,
    project: &Project,
    cancel: &Cancel,
) -> Result<Vec<Container>, StackError> {
    let step = "looking at the containers";
    let filter = format!("label={}", project.label());
    let ids =
        docker.ask(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter], step, SHORT, cancel)?;
    let ids: Vec<&str> = ids.split_whitespace().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let args: Vec<&str> = ["inspect", "--type", "container"].into_iter().chain(ids).collect();
    let mut containers = container::parse(&docker.ask(&args, step, SHORT, cancel)?)?;
    let place = |container: &Container| {
        container.service.and_then(|service| ComposeService::ALL.iter().position(|other| *other == service))
    };
    containers.sort_by_key(|container| place(container).unwrap_or(usize::MAX));
    Ok(containers)
}

/// The container of one service.
///
/// # Errors
/// `System` when there is none: compose said that it was started, and somebody removed it.
pub(super) fn container(
    docker: &Docker,
    project: &Project,
    service: ComposeService,
    cancel: &Cancel,
) -> Result<Container, StackError> {
    let found =
        containers(docker, project, cancel)?.into_iter().find(|container| container.service == Some(service));
    found.ok_or_else(|| StackError::System {
        what: "looking at the containers",
        why: format!("there is none of the service `{}`", service.name()),
    })
}

/// What a removal did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Removed {
    /// What was there.
    pub(super) gone: Holdings,
    /// What is still there.
    pub(super) left: Holdings,
    /// The last complaint, when something is left.
    pub(super) why: Option<String>,
}

/// Lets containers end by themselves; those that do not within `grace` are ended by the daemon.
pub(super) fn stop(docker: &Docker, containers: &[Container], grace: Duration) {
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
    // One that has gone meanwhile is no reason for concern; what still stands is removed by force.
    let _ = docker.ask(&args, "stopping containers", grace + REMOVAL, &Cancel::new());
}

/// Removes everything of a project: containers get `grace` to end by themselves. Errors of single steps do not end it,
/// since the list at the end is the judge.
///
/// # Errors
/// Those of listing: the daemon cannot be asked.
pub(super) fn remove(docker: &Docker, project: &Project, grace: Duration) -> Result<Removed, StackError> {
    // Not under the wish to stop: a removal that is asked for because of it must be done.
    let (trees, cancel) = (Trees::here(), Cancel::new());
    let mut removed = Removed::default();
    let mut found = holdings(docker, project, &trees, &cancel)?;
    for round in 0..ROUNDS {
        if found.is_empty() {
            // The very first list may be empty because there never was anything; then nothing is waited for.
            if round == 0 {
                return Ok(removed);
            }
            std::thread::sleep(SETTLED);
            found = holdings(docker, project, &trees, &cancel)?;
            if found.is_empty() {
                return Ok(removed);
            }
        }
        if let Err(error) = remove_found(docker, project, &found, &trees, grace, &cancel) {
            removed.why = Some(error.to_string());
        }
        removed.gone.add(std::mem::take(&mut found));
        found = holdings(docker, project, &trees, &cancel)?;
    }
    removed.left = found;
    Ok(removed)
}

fn remove_found(
    docker: &Docker,
    project: &Project,
    found: &Holdings,
    trees: &Trees,
    grace: Duration,
    cancel: &Cancel,
) -> Result<(), StackError> {
    let mut first_error = Ok(());
    let mut step = |args: &[&str], names: &[String], deadline: Duration| {
        if names.is_empty() {
            return;
        }
        let args: Vec<&str> = args.iter().copied().chain(names.iter().map(String::as_str)).collect();
        if let Err(error) = docker.ask(&args, "removing what Docker holds of kneepoint", deadline, cancel)
            && first_error.is_ok()
        {
            first_error = Err(error);
        }
    };
    let seconds = grace.as_secs().to_string();
    if !grace.is_zero() {
        step(&["stop", "--time", &seconds], &found.containers, grace + REMOVAL);
    }
    // With their anonymous volumes, which carry no label.
    step(&["rm", "--force", "--volumes"], &found.containers, REMOVAL);
    step(&["network", "rm"], &found.networks, REMOVAL);
    step(&["volume", "rm", "--force"], &found.volumes, REMOVAL);
    if let Some(folder) = cgroup::remove(project, trees, cancel).first()
        && first_error.is_ok()
    {
        first_error = Err(StackError::System {
            what: "removing a machine",
            why: format!("{} is still in use", folder.display()),
        });
    }
    first_error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wanted_is_chosen() {
        let list = "kneepoint-1_db_1\tkneepoint-1\nother\tby-hand\nkneepoint-12_db_1\tkneepoint-12\n\tkneepoint-1\nbroken\n";
        assert_eq!(chosen(list, &|project| project == "kneepoint-1"), ["kneepoint-1_db_1"]);
    }

    #[test]
    fn holdings_in_words() {
        let holdings = Holdings {
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
        assert!(Holdings::default().is_empty() && Holdings::default().counts().is_empty());
    }
}
