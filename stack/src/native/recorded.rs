//! The recorded stack: inspected and taken down by a process that did not start it.

use std::path::Path;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::stage::Stage;
use kneepoint_process::session;
use serde::Serialize;

use super::home::NativeHome;
use super::record::NativeRecord;
use super::running::NativeDown;
use crate::error::StackError;
use crate::host::lock;
use crate::host::ports::Ports;
use crate::owner::{Ownership, read_record};

/// Time between SIGTERM and SIGKILL for services of a dead owner.
const ORPHAN_GRACE: Duration = Duration::from_secs(5);
/// How long to wait for another kneepoint that brings its stack up or down.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// A service of a recorded stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceStatus {
    /// Unique within the stack, e.g. `gunicorn-2`.
    pub name: String,
    /// Its living processes; empty when it has ended.
    pub pids: Vec<i32>,
}

/// A recorded native stack of which something runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NativeStatus {
    /// `None` until the stack is complete.
    pub info: Option<StackInfo>,
    /// The topology's name.
    pub topology: String,
    /// The ports of its services.
    pub ports: Ports,
    /// In start order.
    pub services: Vec<ServiceStatus>,
    /// Process id of the kneepoint that will take it down; `None` when it was left running or its owner died.
    pub owner: Option<i32>,
    /// Whether its owner died without taking it down.
    pub orphaned: bool,
}

/// The native stack under this `.kneepoint` folder; `None` when nothing of it runs.
pub fn status(root: &Path) -> Option<NativeStatus> {
    let record = read_record::<NativeRecord>(&NativeHome::default_slot(root).record_file())?;
    let ownership = record.ownership();
    if ownership == Ownership::Gone {
        return None;
    }
    let members = |session: kneepoint_process::SessionRef| {
        session.members().iter().map(|process| process.pid).collect()
    };
    let services = record.services.iter();
    let services =
        services.map(|service| ServiceStatus { name: service.name.clone(), pids: members(service.session) });
    Some(NativeStatus {
        services: services.collect(),
        topology: record.topology,
        ports: record.ports,
        owner: (ownership == Ownership::Owned).then_some(record.owner.pid),
        orphaned: ownership == Ownership::Orphaned,
        info: record.info,
    })
}

/// Takes down the recorded native stacks of every slot and removes their records; does nothing when there is none.
///
/// A stack that a living kneepoint owns is not touched but reported, unless `all` is set.
///
/// # Errors
/// `Locked` when another kneepoint is bringing it up or down; `Io`.
pub fn down_recorded(root: &Path, grace: Duration, all: bool) -> Result<NativeDown, StackError> {
    let mut total = NativeDown::default();
    for home in NativeHome::list_all(root) {
        let report = take_down_one(&home, grace, all)?;
        total.stopped.extend(report.stopped);
        total.leftovers.extend(report.leftovers);
        total.in_use_by = total.in_use_by.or(report.in_use_by);
    }
    Ok(total)
}

fn take_down_one(home: &NativeHome, grace: Duration, all: bool) -> Result<NativeDown, StackError> {
    if read_record::<NativeRecord>(&home.record_file()).is_none() {
        return Ok(NativeDown::default());
    }
    let _lock = match lock::take(&home.lock_file(), LOCK_TIMEOUT, &Cancel::new(), &mut || {}) {
        // `all` also ends a stack that is being brought up; its owner then sees its services end.
        Err(StackError::Locked { .. }) if all => None,
        other => Some(other?),
    };
    // Read again under the lock: it may have been taken down meanwhile.
    let Some(record) = read_record::<NativeRecord>(&home.record_file()) else {
        return Ok(NativeDown::default());
    };
    match record.ownership() {
        Ownership::Owned if !all => {
            Ok(NativeDown { in_use_by: Some(record.owner.pid), ..NativeDown::default() })
        }
        Ownership::Gone => {
            home.clear(record.alias.as_deref())?;
            Ok(NativeDown::default())
        }
        Ownership::Owned | Ownership::LeftRunning | Ownership::Orphaned => {
            stop_services(home, &record, grace)
        }
    }
}

fn stop_services(
    home: &NativeHome,
    record: &NativeRecord,
    grace: Duration,
) -> Result<NativeDown, StackError> {
    let mut report = NativeDown::default();
    for service in record.services.iter().rev() {
        if service.session.is_alive() {
            report.add(&service.name, session::kill(service.session, grace));
        }
    }
    if report.leftovers.is_empty() {
        home.clear(record.alias.as_deref())?;
    }
    Ok(report)
}

/// Before a new stack is brought up: refuses when one is running, and ends what a dead owner left.
pub(super) fn clean_up_stale(home: &NativeHome, events: &dyn EventSink) -> Result<(), StackError> {
    let Some(record) = read_record::<NativeRecord>(&home.record_file()) else { return home.clear(None) };
    match record.ownership() {
        Ownership::Owned | Ownership::LeftRunning => Err(StackError::AlreadyUp {
            url: format!("http://127.0.0.1:{}/", record.ports.site),
            topology: record.topology,
        }),
        Ownership::Gone => home.clear(record.alias.as_deref()),
        Ownership::Orphaned => {
            events.note(Stage::Up, "ending services that a killed kneepoint left running");
            let report = stop_services(home, &record, ORPHAN_GRACE)?;
            match report.leftovers.first() {
                None => Ok(()),
                Some(left) => Err(StackError::System {
                    what: "ending services that a killed kneepoint left running",
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

    use super::super::record::RecordedService;
    use super::*;
    use crate::owner::write_record;

    const GRACE: Duration = Duration::from_secs(3);

    /// A recorded stack of one `sleep`; with `orphaned` its owner looks dead.
    fn recorded(root: &Path, orphaned: bool) -> (NativeHome, kneepoint_process::Service) {
        let home = NativeHome::default_slot(root);
        home.create().unwrap();
        let options = StartOptions { name: "sleep".to_owned(), log: None, lifetime: Lifetime::DieWithParent };
        let service = Program::new("sleep").arg("60").start(options).unwrap();
        let ports = Ports { site: 1, servers: vec![1], ..Ports::default() };
        let mut record = NativeRecord::new("gunicorn", Lifetime::DieWithParent, ports, None);
        record.services.push(RecordedService { name: "sleep".to_owned(), session: service.session_ref() });
        record.owner.start_ticks += u64::from(orphaned);
        write_record(&home.record_file(), &record).unwrap();
        (home, service)
    }

    #[test]
    fn a_stack_in_use_is_not_touched_unless_all_is_set() {
        let temp = tempfile::tempdir().unwrap();
        let (home, service) = recorded(temp.path(), false);
        assert!(matches!(clean_up_stale(&home, &NullEventSink), Err(StackError::AlreadyUp { .. })));
        let spared = down_recorded(temp.path(), GRACE, false).unwrap();
        assert_eq!(spared.in_use_by, Some(std::process::id().cast_signed()));
        assert!(service.is_alive());
        let report = down_recorded(temp.path(), GRACE, true).unwrap();
        assert_eq!(report.stopped, ["sleep"]);
        assert!(!service.is_alive() && !home.record_file().exists());
    }

    #[test]
    fn what_a_dead_owner_left_is_ended_by_the_next() {
        let temp = tempfile::tempdir().unwrap();
        let (home, service) = recorded(temp.path(), true);
        let status = status(temp.path()).unwrap();
        assert!(status.orphaned && status.owner.is_none() && status.services[0].pids == [service.pid()]);
        clean_up_stale(&home, &NullEventSink).unwrap();
        assert!(!service.is_alive() && super::status(temp.path()).is_none());
        assert_eq!(down_recorded(temp.path(), GRACE, true).unwrap(), NativeDown::default());
    }
}
