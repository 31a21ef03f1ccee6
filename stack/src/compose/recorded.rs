//! The recorded stack: inspected and taken down by a process that did not start it; and resources of kneepoint in Docker
//! without a record.

use std::path::Path;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::stage::Stage;
use serde::Serialize;

use super::cgroup::CgroupTrees;
use super::docker::Docker;
use super::docker_resources::{self, DockerResources};
use super::home::{self, ComposeHome};
use super::logs;
use super::project::{Project, ProjectFamily};
use super::record::ComposeRecord;
use super::running::{ComposeDown, take_down};
use crate::error::StackError;
use crate::host::lock;
use crate::owner::{Ownership, read_record};

/// Time between SIGTERM and SIGKILL for containers of a dead owner.
const ORPHAN_GRACE: Duration = Duration::from_secs(3);
/// How long to wait for another kneepoint that brings its stack up or down.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);

/// A container of a recorded stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContainerStatus {
    /// Name of the service.
    pub service: String,
    /// Name of the container.
    pub name: String,
    /// `running`, or a description of how it ended.
    pub state: String,
}

/// A recorded compose stack of which something exists.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComposeStatus {
    /// `None` until the stack is complete.
    pub info: Option<StackInfo>,
    /// The topology's name.
    pub topology: String,
    /// Nearest to the user first.
    pub containers: Vec<ContainerStatus>,
    /// Process id of the kneepoint that will take it down; `None` when it was left running or its owner died.
    pub owner: Option<i32>,
    /// Whether its owner died without taking it down.
    pub orphaned: bool,
}

/// The compose stack without a slot under this `.kneepoint` folder; `None` when nothing of it exists.
///
/// # Errors
/// When there is a record and Docker cannot be reached.
pub fn status(root: &Path) -> Result<Option<ComposeStatus>, StackError> {
    let home = ComposeHome::for_slot(root, None);
    let Some(record) = read_record::<ComposeRecord>(&home.record_file()) else { return Ok(None) };
    let docker = Docker::locate()?;
    let containers = docker_resources::list_containers(&docker, home.project(), &Cancel::new())?;
    let ownership = current_ownership(&docker, &home, &record)?;
    if ownership == Ownership::Gone {
        return Ok(None);
    }
    let statuses = containers.iter().filter_map(|container| {
        let state = container
            .end
            .as_ref()
            .map_or_else(|| "running".to_owned(), super::container::ContainerExit::describe);
        let service = container.service?.name().to_owned();
        Some(ContainerStatus { service, name: container.name.clone(), state })
    });
    Ok(Some(ComposeStatus {
        containers: statuses.collect(),
        owner: (ownership == Ownership::Owned).then(|| record.owner()),
        orphaned: ownership == Ownership::Orphaned,
        topology: record.topology,
        info: record.info,
    }))
}

fn current_ownership(
    docker: &Docker,
    home: &ComposeHome,
    record: &ComposeRecord,
) -> Result<Ownership, StackError> {
    let cancel = Cancel::new();
    let resources =
        docker_resources::list_resources(docker, home.project(), &CgroupTrees::mounted(), &cancel)?;
    let containers = docker_resources::list_containers(docker, home.project(), &cancel)?;
    Ok(record.ownership(!resources.is_empty(), containers.iter().any(|container| container.running)))
}

/// Takes down the compose stacks of every slot of this `.kneepoint` folder; does nothing when there is none.
///
/// A stack that a living kneepoint owns is not touched but reported, unless `all` is set. With `all`, everything with a label
/// of this folder is removed, also without a record. Afterwards Docker is asked again what remains. Where Docker is not
/// installed, or was never used here, there is nothing to take down.
///
/// # Errors
/// `Locked` when another kneepoint is bringing one up or down; errors of the daemon; `Io`.
pub fn down_recorded(root: &Path, grace: Duration, all: bool) -> Result<ComposeDown, StackError> {
    let mut report = ComposeDown::default();
    let homes: Vec<ComposeHome> =
        ComposeHome::list_all(root).into_iter().filter(|home| home.record_file().exists()).collect();
    let docker = match Docker::locate() {
        Ok(docker) => docker,
        Err(_) if homes.is_empty() => return Ok(report),
        Err(error) => return Err(error),
    };
    for home in homes {
        take_down_one(&docker, &home, grace, all, &mut report)?;
    }
    if all {
        let strays = projects_on_docker(&docker, &home::absolute(root));
        // A machine with a dead daemon and no record has no containers of kneepoint.
        for project in if report == ComposeDown::default() { strays.unwrap_or_default() } else { strays? } {
            report.add(Vec::new(), docker_resources::remove_all(&docker, &project, ORPHAN_GRACE)?);
        }
    }
    Ok(report)
}

/// Everything that Docker (and the kernel) hold of this `.kneepoint` folder now.
///
/// # Errors
/// `ToolMissing`, and errors of the daemon.
pub fn list_resources(root: &Path) -> Result<DockerResources, StackError> {
    let (docker, root, cancel) = (Docker::locate()?, home::absolute(root), Cancel::new());
    let mut all = DockerResources::default();
    for project in projects_on_docker(&docker, &root)?.into_iter().chain([Project::for_slot(&root, None)]) {
        all.add(docker_resources::list_resources(&docker, &project, &CgroupTrees::mounted(), &cancel)?);
    }
    Ok(all)
}

/// Projects of this folder that have resources in Docker.
fn projects_on_docker(docker: &Docker, root: &Path) -> Result<Vec<Project>, StackError> {
    let family = ProjectFamily::for_folder(root);
    let all = docker_resources::list_projects(docker, &Cancel::new())?;
    Ok(all.into_iter().filter(|name| family.contains(name)).map(Project::from_label).collect())
}

fn take_down_one(
    docker: &Docker,
    home: &ComposeHome,
    grace: Duration,
    all: bool,
    report: &mut ComposeDown,
) -> Result<(), StackError> {
    let _lock = match lock::take(&home.lock_file(), LOCK_TIMEOUT, &Cancel::new(), &mut || {}) {
        // `all` also ends a stack that is being brought up; its owner then sees its containers end.
        Err(StackError::Locked { .. }) if all => None,
        other => Some(other?),
    };
    // Read again under the lock: it may have been taken down meanwhile.
    let Some(record) = read_record::<ComposeRecord>(&home.record_file()) else { return Ok(()) };
    match current_ownership(docker, home, &record)? {
        Ownership::Owned if !all => report.in_use_by = Some(record.owner()),
        Ownership::Gone => home.clear()?,
        Ownership::Owned | Ownership::LeftRunning | Ownership::Orphaned => {
            let (stopped, removed) = take_down(docker, home, &record.logs, grace)?;
            report.add(stopped, removed);
        }
    }
    Ok(())
}

/// Before a new stack is brought up: refuses when one is running, and removes what a dead owner left.
pub(super) fn clean_up_stale(
    docker: &Docker,
    home: &ComposeHome,
    events: &dyn EventSink,
) -> Result<(), StackError> {
    let Some(record) = read_record::<ComposeRecord>(&home.record_file()) else {
        return clean_up_unrecorded(docker, home, events);
    };
    match current_ownership(docker, home, &record)? {
        Ownership::Owned | Ownership::LeftRunning => Err(StackError::AlreadyUp {
            url: record.info.map_or_else(
                || "an address that is not known yet".to_owned(),
                |info| info.base_url.to_string(),
            ),
            topology: record.topology,
        }),
        Ownership::Gone => home.clear(),
        Ownership::Orphaned => {
            events.note(Stage::Up, "removing containers that a killed kneepoint left");
            let (_, removed) = take_down(docker, home, &record.logs, ORPHAN_GRACE)?;
            require_nothing_left(&removed.remaining, removed.error)
        }
    }
}

/// Without a record no kneepoint uses the resources with this label.
fn clean_up_unrecorded(
    docker: &Docker,
    home: &ComposeHome,
    events: &dyn EventSink,
) -> Result<(), StackError> {
    let removed = docker_resources::remove_all(docker, home.project(), ORPHAN_GRACE)?;
    if !removed.removed.is_empty() {
        events.note(Stage::Up, &format!("removed resources without a record: {}", removed.removed.counts()));
    }
    require_nothing_left(&removed.remaining, removed.error)?;
    home.clear()
}

fn require_nothing_left(left: &DockerResources, why: Option<String>) -> Result<(), StackError> {
    if left.is_empty() {
        return Ok(());
    }
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    Err(StackError::System {
        what: "removing what a killed kneepoint left",
        why: format!("{} cannot be removed{why}", left.names()),
    })
}

/// Saves the logs of a project's containers and removes everything of it. The cleaner calls it after `kill -9`; it needs only
/// the name of the project.
///
/// # Errors
/// `System` for a name that is not kneepoint's; errors of the daemon.
pub fn clean(project: &str, logs_dir: &Path) -> Result<(), StackError> {
    let project = Project::parse(project)?;
    let docker = Docker::locate()?;
    let containers = docker_resources::list_containers(&docker, &project, &Cancel::new())?;
    docker_resources::stop_containers(&docker, &containers, ORPHAN_GRACE);
    logs::save_all_logs(&docker, &project, logs_dir);
    let removed = docker_resources::remove_all(&docker, &project, Duration::ZERO)?;
    require_nothing_left(&removed.remaining, removed.error)
}
