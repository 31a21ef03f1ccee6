//! `state.json`: what runs, so that another process, or the next one after `kill -9`, can find it and end it.
//!
//! It is written before the first service starts and after each one, whole by rename. Processes are known by start time
//! as well as number, and a stored state of an earlier boot is never acted upon.

use std::fs;
use std::path::{Path, PathBuf};

use kneepoint_model::stack::StackInfo;
use kneepoint_process::{Lifetime, ProcStat, SessionRef};
use serde::{Deserialize, Serialize};

use crate::{Ports, StackError};

/// A process that can be told from a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessRef {
    pub(crate) pid: i32,
    pub(crate) start_ticks: u64,
}

impl ProcessRef {
    pub(crate) fn ourselves() -> Self {
        let pid = std::process::id().cast_signed();
        Self { pid, start_ticks: ProcStat::read(pid).map_or(0, |stat| stat.start_ticks) }
    }

    pub(crate) fn is_alive(self) -> bool {
        ProcStat::read(self.pid).is_some_and(|stat| stat.start_ticks == self.start_ticks && !stat.is_dead())
    }
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordedService {
    pub(super) name: String,
    pub(super) session: SessionRef,
}

/// The whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) boot_id: String,
    pub(super) owner: ProcessRef,
    pub(super) detached: bool,
    pub(super) topology: String,
    pub(super) alias: Option<PathBuf>,
    pub(super) ports: Ports,
    /// In the order in which they were started.
    pub(super) services: Vec<RecordedService>,
    /// Absent while it is coming up.
    pub(super) info: Option<StackInfo>,
}

impl State {
    pub(super) fn begin(topology: &str, lifetime: Lifetime, ports: Ports, alias: Option<PathBuf>) -> Self {
        Self {
            boot_id: boot_id(),
            owner: ProcessRef::ourselves(),
            detached: lifetime == Lifetime::Detached,
            topology: topology.to_owned(),
            alias,
            ports,
            services: Vec::new(),
            info: None,
        }
    }

    /// `None` when there is none, or none that can be read: a torn or foreign file is as good as no file.
    pub(super) fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), StackError> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| StackError::System { what: "writing the state", why: error.to_string() })?;
        let part = path.with_extension("json.part");
        fs::write(&part, text).map_err(StackError::io("write", &part))?;
        fs::rename(&part, path).map_err(StackError::io("rename into place", path))
    }

    /// What is the case now.
    pub(super) fn standing(&self) -> Standing {
        let of_this_boot = self.boot_id == boot_id();
        decide(Facts {
            of_this_boot,
            owner_alive: of_this_boot && self.owner.is_alive(),
            any_service_alive: of_this_boot && self.services.iter().any(|service| service.session.is_alive()),
            detached: self.detached,
            complete: self.info.is_some(),
        })
    }
}

/// What a recorded stack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its owner lives and will take it down.
    Owned,
    /// It was left running on purpose.
    LeftRunning,
    /// Its owner died; whatever of it still runs must be ended.
    Orphaned,
    /// Nothing of it runs; the file is stale.
    Gone,
}

#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "five independent facts that are decided upon together")]
struct Facts {
    of_this_boot: bool,
    owner_alive: bool,
    any_service_alive: bool,
    detached: bool,
    complete: bool,
}

fn decide(facts: Facts) -> Standing {
    if !facts.of_this_boot {
        return Standing::Gone;
    }
    // A detached stack has no owner once it is complete; before that, its owner is still at work.
    let owned = facts.owner_alive && !(facts.detached && facts.complete);
    match (owned, facts.any_service_alive) {
        (true, _) => Standing::Owned,
        (false, false) => Standing::Gone,
        (false, true) if facts.detached && facts.complete => Standing::LeftRunning,
        (false, true) => Standing::Orphaned,
    }
}

/// Changes with every boot, and with it all start times begin anew.
pub(crate) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use kneepoint_process::SessionId;

    use super::*;

    const LIVING: Facts = Facts {
        of_this_boot: true,
        owner_alive: true,
        any_service_alive: true,
        detached: false,
        complete: true,
    };

    #[test]
    fn standings() {
        assert_eq!(decide(LIVING), Standing::Owned);
        assert_eq!(decide(Facts { any_service_alive: false, complete: false, ..LIVING }), Standing::Owned);
        assert_eq!(decide(Facts { owner_alive: false, ..LIVING }), Standing::Orphaned);
        assert_eq!(decide(Facts { owner_alive: false, any_service_alive: false, ..LIVING }), Standing::Gone);
        let detached = Facts { detached: true, ..LIVING };
        assert_eq!(decide(detached), Standing::LeftRunning);
        assert_eq!(decide(Facts { owner_alive: false, ..detached }), Standing::LeftRunning);
        assert_eq!(decide(Facts { owner_alive: false, complete: false, ..detached }), Standing::Orphaned);
        assert_eq!(decide(Facts { any_service_alive: false, ..detached }), Standing::Gone);
        assert_eq!(decide(Facts { of_this_boot: false, ..LIVING }), Standing::Gone);
    }

    #[test]
    fn survives_the_file_and_knows_a_reused_pid() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("state.json");
        assert!(State::read(&path).is_none());
        let ports = Ports { site: 18080, servers: vec![18081], ..Ports::default() };
        let mut state = State::begin("nginx", Lifetime::DieWithParent, ports, None);
        let session = SessionRef { session: SessionId(2_000_000_000), leader_start_ticks: 1 };
        state.services.push(RecordedService { name: "nginx".to_owned(), session });
        state.write(&path).unwrap();
        assert_eq!(State::read(&path).unwrap(), state);
        assert_eq!(state.standing(), Standing::Owned);
        // The number is ours, but it was another process that wrote the file.
        state.owner.start_ticks += 1;
        assert_eq!(state.standing(), Standing::Gone);
        fs::write(&path, "{\"torn").unwrap();
        assert!(State::read(&path).is_none());
    }
}
