//! The recorded stack: looked at and taken down by a process that did not start it.

use std::path::Path;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::stage::Stage;
use kneepoint_process::session;
use serde::Serialize;

use super::home::Home;
use super::running::DownReport;
use super::state::{Standing, State};
use crate::{Ports, StackError, lock};

/// What orphans get between SIGTERM and SIGKILL.
const ORPHAN_GRACE: Duration = Duration::from_secs(5);
/// How long to wait for a kneepoint that is just bringing its stack up or down.
const PATIENCE: Duration = Duration::from_secs(10);

/// One service of a recorded stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceStatus {
    /// What it is called.
    pub name: String,
    /// Its processes; empty when it has ended.
    pub pids: Vec<i32>,
}

/// A recorded stack of which something runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StackStatus {
    /// What it is; absent while it is coming up.
    pub info: Option<StackInfo>,
    /// Name of the topology.
    pub topology: String,
    /// Where it listens.
    pub ports: Ports,
    /// Its services, in the order in which they were started.
    pub services: Vec<ServiceStatus>,
    /// The kneepoint that will take it down; absent when it was left running, or its owner died.
    pub owner: Option<i32>,
    /// Whether its owner died without taking it down.
    pub orphaned: bool,
}

/// The stack under this `.kneepoint` folder; `None` when nothing of it runs.
pub fn status(root: &Path) -> Option<StackStatus> {
    let state = State::read(&Home::at(root).state())?;
    let standing = state.standing();
    if standing == Standing::Gone {
        return None;
    }
    let members = |session: kneepoint_process::SessionRef| {
        session.members().iter().map(|process| process.pid).collect()
    };
    let services = state.services.iter();
    let services =
        services.map(|service| ServiceStatus { name: service.name.clone(), pids: members(service.session) });
    Some(StackStatus {
        services: services.collect(),
        topology: state.topology,
        ports: state.ports,
        owner: (standing == Standing::Owned).then_some(state.owner.pid),
        orphaned: standing == Standing::Orphaned,
        info: state.info,
    })
}

/// Takes down what is recorded, in every slot, and removes the record; does nothing when there is none.
///
/// A stack whose kneepoint is at work with it is left alone and reported, unless `all` is said.
///
/// # Errors
/// `Locked` when another kneepoint is bringing it up or down; `Io`.
pub fn down_recorded(root: &Path, grace: Duration, all: bool) -> Result<DownReport, StackError> {
    let mut whole = DownReport::default();
    for home in Home::all(root) {
        let report = down_one(&home, grace, all)?;
        whole.stopped.extend(report.stopped);
        whole.leftovers.extend(report.leftovers);
        whole.in_use_by = whole.in_use_by.or(report.in_use_by);
    }
    Ok(whole)
}

fn down_one(home: &Home, grace: Duration, all: bool) -> Result<DownReport, StackError> {
    if State::read(&home.state()).is_none() {
        return Ok(DownReport::default());
    }
    let _lock = match lock::take(&home.lock(), PATIENCE, &Cancel::new(), &mut || {}) {
        // `all` ends also a stack that is just coming up; its owner then sees its services end.
        Err(StackError::Locked { .. }) if all => None,
        other => Some(other?),
    };
    // Looked at again under the lock: it may have gone meanwhile.
    let Some(state) = State::read(&home.state()) else { return Ok(DownReport::default()) };
    match state.standing() {
        Standing::Owned if !all => {
            Ok(DownReport { in_use_by: Some(state.owner.pid), ..DownReport::default() })
        }
        Standing::Gone => {
            home.clear(state.alias.as_deref())?;
            Ok(DownReport::default())
        }
        Standing::Owned | Standing::LeftRunning | Standing::Orphaned => end(home, &state, grace),
    }
}

fn end(home: &Home, state: &State, grace: Duration) -> Result<DownReport, StackError> {
    let mut report = DownReport::default();
    for service in state.services.iter().rev() {
        if service.session.is_alive() {
            report.add(&service.name, session::kill(service.session, grace));
        }
    }
    if report.leftovers.is_empty() {
        home.clear(state.alias.as_deref())?;
    }
    Ok(report)
}

/// Before a new stack comes up: refuses when one is up, and clears what a dead owner left.
pub(super) fn clear_way(home: &Home, events: &dyn EventSink) -> Result<(), StackError> {
    let Some(state) = State::read(&home.state()) else { return home.clear(None) };
    match state.standing() {
        Standing::Owned | Standing::LeftRunning => Err(StackError::AlreadyUp {
            url: format!("http://127.0.0.1:{}/", state.ports.site),
            topology: state.topology,
        }),
        Standing::Gone => home.clear(state.alias.as_deref()),
        Standing::Orphaned => {
            events.note(Stage::Up, "ending what an earlier kneepoint left running when it was killed");
            let report = end(home, &state, ORPHAN_GRACE)?;
            match report.leftovers.first() {
                None => Ok(()),
                Some(left) => Err(StackError::System {
                    what: "ending what an earlier kneepoint left",
                    why: format!("`{}` (pid {}) of {} does not end", left.name, left.pid, left.service),
                }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kneepoint_model::event::NullEventSink;
    use kneepoint_process::{Lifetime, Program, StartOptions};

    use super::super::state::RecordedService;
    use super::*;

    const GRACE: Duration = Duration::from_secs(3);

    /// A recorded stack of one `sleep`, whose owner is made to look dead when `orphaned`.
    fn recorded(root: &Path, orphaned: bool) -> (Home, kneepoint_process::Service) {
        let home = Home::at(root);
        home.make().unwrap();
        let options = StartOptions { name: "sleep".to_owned(), log: None, lifetime: Lifetime::DieWithParent };
        let service = Program::new("sleep").arg("60").start(options).unwrap();
        let ports = Ports { site: 1, servers: vec![1], ..Ports::default() };
        let mut state = State::begin("gunicorn", Lifetime::DieWithParent, ports, None);
        state.services.push(RecordedService { name: "sleep".to_owned(), session: service.session_ref() });
        state.owner.start_ticks += u64::from(orphaned);
        state.write(&home.state()).unwrap();
        (home, service)
    }

    #[test]
    fn a_stack_in_use_is_left_alone_unless_all_is_said() {
        let temp = tempfile::tempdir().unwrap();
        let (home, service) = recorded(temp.path(), false);
        assert!(matches!(clear_way(&home, &NullEventSink), Err(StackError::AlreadyUp { .. })));
        let spared = down_recorded(temp.path(), GRACE, false).unwrap();
        assert_eq!(spared.in_use_by, Some(std::process::id().cast_signed()));
        assert!(service.is_alive());
        let report = down_recorded(temp.path(), GRACE, true).unwrap();
        assert_eq!(report.stopped, ["sleep"]);
        assert!(!service.is_alive() && !home.state().exists());
    }

    #[test]
    fn what_a_dead_owner_left_is_ended_by_the_next() {
        let temp = tempfile::tempdir().unwrap();
        let (home, service) = recorded(temp.path(), true);
        let status = status(temp.path()).unwrap();
        assert!(status.orphaned && status.owner.is_none() && status.services[0].pids == [service.pid()]);
        clear_way(&home, &NullEventSink).unwrap();
        assert!(!service.is_alive() && super::status(temp.path()).is_none());
        assert_eq!(down_recorded(temp.path(), GRACE, true).unwrap(), DownReport::default());
    }
}
