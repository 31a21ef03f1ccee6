//! The recorded stack: looked at and taken down by a process that did not start it, and everything of ours that Docker
//! holds although no record tells of it.

use std::path::Path;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::stage::Stage;
use serde::Serialize;

use super::cgroup::Trees;
use super::docker::Docker;
use super::home::{self, Home};
use super::logs;
use super::mine::{self, Holdings};
use super::project::{Family, Project};
use super::running::{ComposeDown, take_down};
use super::state::State;
use crate::native::state::Standing;
use crate::{StackError, lock};

/// What containers of a dead owner get to end by themselves.
const ORPHAN_GRACE: Duration = Duration::from_secs(3);
/// How long to wait for a kneepoint that is just bringing its stack up or down.
const PATIENCE: Duration = Duration::from_secs(20);

/// One container of a recorded stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContainerStatus {
    /// The service.
    pub service: String,
    /// Its container's name.
    pub name: String,
    /// `running`, or how it ended.
    pub state: String,
}

/// A recorded compose stack of which something is there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComposeStatus {
    /// What it is; absent while it is coming up.
    pub info: Option<StackInfo>,
    /// Name of the topology.
    pub topology: String,
    /// Its containers, nearest to the visitor first.
    pub containers: Vec<ContainerStatus>,
    /// The kneepoint that will take it down; absent when it was left running, or its owner died.
    pub owner: Option<i32>,
    /// Whether its owner died without taking it down.
    pub orphaned: bool,
}

/// The usual stack under this `.kneepoint` folder; `None` when nothing of it is there.
///
/// # Errors
/// Those of the daemon, when there is a record and Docker cannot be asked.
pub fn status(root: &Path) -> Result<Option<ComposeStatus>, StackError> {
    let home = Home::slot(root, None);
    let Some(state) = State::read(&home.state()) else { return Ok(None) };
    let docker = Docker::locate()?;
    let containers = mine::containers(&docker, home.project(), &Cancel::new())?;
    let standing = standing(&docker, &home, &state)?;
    if standing == Standing::Gone {
        return Ok(None);
    }
    let seen = containers.iter().filter_map(|container| {
        let state = container.end.as_ref().map_or_else(|| "running".to_owned(), super::container::End::words);
        let service = container.service?.name().to_owned();
        Some(ContainerStatus { service, name: container.name.clone(), state })
    });
    Ok(Some(ComposeStatus {
        containers: seen.collect(),
        owner: (standing == Standing::Owned).then(|| state.owner()),
        orphaned: standing == Standing::Orphaned,
        topology: state.topology,
        info: state.info,
    }))
}

fn standing(docker: &Docker, home: &Home, state: &State) -> Result<Standing, StackError> {
    let cancel = Cancel::new();
    let there = mine::holdings(docker, home.project(), &Trees::here(), &cancel)?;
    let containers = mine::containers(docker, home.project(), &cancel)?;
    Ok(state.standing(!there.is_empty(), containers.iter().any(|container| container.running)))
}

/// Takes down the compose stacks of this `.kneepoint` folder, in every slot; does nothing when there is none.
///
/// A stack whose kneepoint is at work with it is left alone and reported, unless `all` is said. With `all`, everything that
/// carries a label of this folder is removed, also when no record tells of it; and Docker is asked again what is left.
/// Where Docker is not installed, or was never used here, there is nothing to take down.
///
/// # Errors
/// `Locked` when another kneepoint is bringing one up or down; those of the daemon; `Io`.
pub fn down_recorded(root: &Path, grace: Duration, all: bool) -> Result<ComposeDown, StackError> {
    let mut whole = ComposeDown::default();
    let homes: Vec<Home> = Home::all(root).into_iter().filter(|home| home.state().exists()).collect();
    let docker = match Docker::locate() {
        Ok(docker) => docker,
        Err(_) if homes.is_empty() => return Ok(whole),
        Err(error) => return Err(error),
    };
    for home in homes {
        down_one(&docker, &home, grace, all, &mut whole)?;
    }
    if all {
        let strays = strays(&docker, &home::absolute(root));
        // A machine with a dead daemon and no record of ours is a machine without our containers.
        for project in if whole == ComposeDown::default() { strays.unwrap_or_default() } else { strays? } {
            whole.add(Vec::new(), mine::remove(&docker, &project, ORPHAN_GRACE)?);
        }
    }
    Ok(whole)
}

/// Everything that Docker (and the kernel) hold of this `.kneepoint` folder, asked now: the proof that nothing is left.
///
/// # Errors
/// `ToolMissing`, and those of the daemon.
pub fn holdings(root: &Path) -> Result<Holdings, StackError> {
    let (docker, root, cancel) = (Docker::locate()?, home::absolute(root), Cancel::new());
    let mut all = Holdings::default();
    for project in strays(&docker, &root)?.into_iter().chain([Project::of(&root, None)]) {
        all.add(mine::holdings(&docker, &project, &Trees::here(), &cancel)?);
    }
    Ok(all)
}

/// Projects of this folder of which Docker holds something.
fn strays(docker: &Docker, root: &Path) -> Result<Vec<Project>, StackError> {
    let family = Family::of(root);
    let all = mine::projects(docker, &Cancel::new())?;
    Ok(all.into_iter().filter(|name| family.has(name)).map(Project::labelled).collect())
}

fn down_one(
    docker: &Docker,
    home: &Home,
    grace: Duration,
    all: bool,
    whole: &mut ComposeDown,
) -> Result<(), StackError> {
    let _lock = match lock::take(&home.lock(), PATIENCE, &Cancel::new(), &mut || {}) {
        // `all` ends also a stack that is just coming up; its owner then sees its containers end.
        Err(StackError::Locked { .. }) if all => None,
        other => Some(other?),
    };
    // Looked at again under the lock: it may have gone meanwhile.
    let Some(state) = State::read(&home.state()) else { return Ok(()) };
    match standing(docker, home, &state)? {
        Standing::Owned if !all => whole.in_use_by = Some(state.owner()),
        Standing::Gone => home.clear()?,
        Standing::Owned | Standing::LeftRunning | Standing::Orphaned => {
            let (stopped, removed) = take_down(docker, home, &state.logs, grace)?;
            whole.add(stopped, removed);
        }
    }
    Ok(())
}

/// Before a new stack comes up: refuses when one is up, and clears what a dead owner left.
pub(super) fn clear_way(docker: &Docker, home: &Home, events: &dyn EventSink) -> Result<(), StackError> {
    let Some(state) = State::read(&home.state()) else { return clear_strays(docker, home, events) };
    match standing(docker, home, &state)? {
        Standing::Owned | Standing::LeftRunning => Err(StackError::AlreadyUp {
            url: state.info.map_or_else(|| "its address-to-be".to_owned(), |info| info.base_url.to_string()),
            topology: state.topology,
        }),
        Standing::Gone => home.clear(),
        Standing::Orphaned => {
            events.note(Stage::Up, "removing containers that an earlier kneepoint left when it was killed");
            let (_, removed) = take_down(docker, home, &state.logs, ORPHAN_GRACE)?;
            nothing_left(&removed.left, removed.why)
        }
    }
}

/// Without a record nobody is at work with what carries our label.
fn clear_strays(docker: &Docker, home: &Home, events: &dyn EventSink) -> Result<(), StackError> {
    let removed = mine::remove(docker, home.project(), ORPHAN_GRACE)?;
    if !removed.gone.is_empty() {
        events.note(Stage::Up, &format!("removed what nobody had a record of: {}", removed.gone.counts()));
    }
    nothing_left(&removed.left, removed.why)?;
    home.clear()
}

fn nothing_left(left: &Holdings, why: Option<String>) -> Result<(), StackError> {
    if left.is_empty() {
        return Ok(());
    }
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    Err(StackError::System {
        what: "removing what an earlier kneepoint left",
        why: format!("{} cannot be removed{why}", left.names()),
    })
}

/// Keeps the logs of a project's containers and removes everything of it: the cleaner's work after `kill -9`, for which
/// nothing but the project's name is needed.
///
/// # Errors
/// `System` for a name that is none of ours; those of the daemon.
pub fn clean(project: &str, kept: &Path) -> Result<(), StackError> {
    let project = Project::parse(project)?;
    let docker = Docker::locate()?;
    let containers = mine::containers(&docker, &project, &Cancel::new())?;
    mine::stop(&docker, &containers, ORPHAN_GRACE);
    logs::keep_all(&docker, &project, kept);
    let removed = mine::remove(&docker, &project, Duration::ZERO)?;
    nothing_left(&removed.left, removed.why)
}
