//! `state.json`: which services run, so that another process, or the next one after `kill -9`, can find and end them.
//!
//! It is written before the first service starts and again after each one. A record of an earlier boot is never acted upon.

use std::path::PathBuf;

use kneepoint_model::stack::StackInfo;
use kneepoint_process::{Lifetime, SessionRef};
use serde::{Deserialize, Serialize};

use crate::host::ports::Ports;
use crate::owner::{Ownership, ProcessRef, boot_id};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordedService {
    pub(super) name: String,
    pub(super) session: SessionRef,
}

/// The content of `state.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct NativeRecord {
    pub(super) boot_id: String,
    pub(super) owner: ProcessRef,
    pub(super) detached: bool,
    pub(super) topology: String,
    pub(super) alias: Option<PathBuf>,
    pub(super) ports: Ports,
    /// In start order.
    pub(super) services: Vec<RecordedService>,
    /// `None` until the stack is complete.
    pub(super) info: Option<StackInfo>,
}

impl NativeRecord {
    pub(super) fn new(topology: &str, lifetime: Lifetime, ports: Ports, alias: Option<PathBuf>) -> Self {
        Self {
            boot_id: boot_id(),
            owner: ProcessRef::current(),
            detached: lifetime == Lifetime::Detached,
            topology: topology.to_owned(),
            alias,
            ports,
            services: Vec::new(),
            info: None,
        }
    }

    /// Evaluated now, from living processes.
    pub(super) fn ownership(&self) -> Ownership {
        let of_this_boot = self.boot_id == boot_id();
        decide_ownership(RecordFacts {
            of_this_boot,
            owner_alive: of_this_boot && self.owner.is_alive(),
            any_service_alive: of_this_boot && self.services.iter().any(|service| service.session.is_alive()),
            detached: self.detached,
            complete: self.info.is_some(),
        })
    }
}

#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "five independent facts that decide together")]
struct RecordFacts {
    of_this_boot: bool,
    owner_alive: bool,
    any_service_alive: bool,
    detached: bool,
    complete: bool,
}

fn decide_ownership(facts: RecordFacts) -> Ownership {
    if !facts.of_this_boot {
        return Ownership::Gone;
    }
    // A detached stack has no owner once it is complete; before that, its owner is still at work.
    let owned = facts.owner_alive && !(facts.detached && facts.complete);
    match (owned, facts.any_service_alive) {
        (true, _) => Ownership::Owned,
        (false, false) => Ownership::Gone,
        (false, true) if facts.detached && facts.complete => Ownership::LeftRunning,
        (false, true) => Ownership::Orphaned,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use kneepoint_process::SessionId;

    use super::*;
    use crate::owner::{read_record, write_record};

    const LIVING: RecordFacts = RecordFacts {
        of_this_boot: true,
        owner_alive: true,
        any_service_alive: true,
        detached: false,
        complete: true,
    };

    #[test]
    fn ownership_follows_from_the_facts() {
        assert_eq!(decide_ownership(LIVING), Ownership::Owned);
        assert_eq!(
            decide_ownership(RecordFacts { any_service_alive: false, complete: false, ..LIVING }),
            Ownership::Owned
        );
        assert_eq!(decide_ownership(RecordFacts { owner_alive: false, ..LIVING }), Ownership::Orphaned);
        assert_eq!(
            decide_ownership(RecordFacts { owner_alive: false, any_service_alive: false, ..LIVING }),
            Ownership::Gone
        );
        let detached = RecordFacts { detached: true, ..LIVING };
        assert_eq!(decide_ownership(detached), Ownership::LeftRunning);
        assert_eq!(decide_ownership(RecordFacts { owner_alive: false, ..detached }), Ownership::LeftRunning);
        assert_eq!(
            decide_ownership(RecordFacts { owner_alive: false, complete: false, ..detached }),
            Ownership::Orphaned
        );
        assert_eq!(decide_ownership(RecordFacts { any_service_alive: false, ..detached }), Ownership::Gone);
        assert_eq!(decide_ownership(RecordFacts { of_this_boot: false, ..LIVING }), Ownership::Gone);
    }

    #[test]
    fn survives_the_file_and_knows_a_reused_pid() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("state.json");
        assert!(read_record::<NativeRecord>(&path).is_none());
        let ports = Ports { site: 18080, servers: vec![18081], ..Ports::default() };
        let mut record = NativeRecord::new("nginx", Lifetime::DieWithParent, ports, None);
        let session = SessionRef { session: SessionId(2_000_000_000), leader_start_ticks: 1 };
        record.services.push(RecordedService { name: "nginx".to_owned(), session });
        write_record(&path, &record).unwrap();
        assert_eq!(read_record::<NativeRecord>(&path).unwrap(), record);
        assert_eq!(record.ownership(), Ownership::Owned);
        // The number is that of this process, but another process wrote the file.
        record.owner.start_ticks += 1;
        assert_eq!(record.ownership(), Ownership::Gone);
        fs::write(&path, "{\"torn").unwrap();
        assert!(read_record::<NativeRecord>(&path).is_none());
    }
}
