//! `state.json`: which process brought which stack up, for another process, or the next one after `kill -9`. Which containers exist is
//! not taken from here but from Docker.

use std::path::{Path, PathBuf};

use kneepoint_model::stack::StackInfo;
use kneepoint_model::unmeasured::Unmeasured;
use kneepoint_process::Lifetime;
use serde::{Deserialize, Serialize};

use super::project::Project;
use super::service::ComposeService;
use crate::owner::{Ownership, ProcessRef, boot_id};

/// The content of `state.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ComposeRecord {
    boot_id: String,
    owner: ProcessRef,
    detached: bool,
    pub(super) project: Project,
    /// Name of the topology.
    pub(super) topology: String,
    /// The folder of its logs.
    pub(super) logs: PathBuf,
    /// Nearest to the user first.
    pub(super) services: Vec<ComposeService>,
    /// `None` until the stack is complete.
    pub(super) info: Option<StackInfo>,
    /// What cannot be measured on this stack.
    pub(super) unmeasured: Vec<Unmeasured>,
}

impl ComposeRecord {
    /// For a stack that this process is about to bring up.
    pub(super) fn new(
        project: &Project,
        topology: &str,
        services: &[ComposeService],
        logs: &Path,
        lifetime: Lifetime,
    ) -> Self {
        Self {
            boot_id: boot_id(),
            owner: ProcessRef::current(),
            detached: lifetime == Lifetime::Detached,
            project: project.clone(),
            topology: topology.to_owned(),
            logs: logs.to_owned(),
            services: services.to_vec(),
            info: None,
            unmeasured: Vec::new(),
        }
    }

    /// Process id of the kneepoint that brought it up.
    pub(super) const fn owner(&self) -> i32 {
        self.owner.pid
    }

    /// Evaluated now, given what Docker holds.
    pub(super) fn ownership(&self, any_resource: bool, any_running: bool) -> Ownership {
        let of_this_boot = self.boot_id == boot_id();
        decide_ownership(ContainerFacts {
            owner_alive: of_this_boot && self.owner.is_alive(),
            left_on_purpose: self.detached && self.info.is_some(),
            any_resource,
            any_running,
        })
    }
}

#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts that decide together")]
struct ContainerFacts {
    owner_alive: bool,
    left_on_purpose: bool,
    any_resource: bool,
    any_running: bool,
}

/// As for processes, but containers that a reboot or the end of the daemon stopped still exist and must be removed.
const fn decide_ownership(facts: ContainerFacts) -> Ownership {
    match facts {
        ContainerFacts { owner_alive: true, left_on_purpose: false, .. } => Ownership::Owned,
        ContainerFacts { left_on_purpose: true, any_running: true, .. } => Ownership::LeftRunning,
        ContainerFacts { any_resource: true, .. } => Ownership::Orphaned,
        ContainerFacts { .. } => Ownership::Gone,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::owner::{read_record, write_record};

    #[test]
    fn ownership_follows_from_the_facts() {
        let living = ContainerFacts {
            owner_alive: true,
            left_on_purpose: false,
            any_resource: true,
            any_running: true,
        };
        assert_eq!(decide_ownership(living), Ownership::Owned);
        assert_eq!(
            decide_ownership(ContainerFacts { any_resource: false, any_running: false, ..living }),
            Ownership::Owned
        );
        assert_eq!(decide_ownership(ContainerFacts { owner_alive: false, ..living }), Ownership::Orphaned);
        assert_eq!(
            decide_ownership(ContainerFacts { left_on_purpose: true, ..living }),
            Ownership::LeftRunning
        );
        let after_boot =
            ContainerFacts { left_on_purpose: true, owner_alive: false, any_running: false, ..living };
        assert_eq!(decide_ownership(after_boot), Ownership::Orphaned);
        assert_eq!(decide_ownership(ContainerFacts { any_resource: false, ..after_boot }), Ownership::Gone);
    }

    #[test]
    fn survives_the_file() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("state.json");
        assert!(read_record::<ComposeRecord>(&path).is_none());
        let project = Project::for_slot(temp.path(), None);
        let mut record = ComposeRecord::new(
            &project,
            "nginx",
            &[ComposeService::Db],
            Path::new("/logs"),
            Lifetime::DieWithParent,
        );
        write_record(&path, &record).unwrap();
        assert_eq!(read_record::<ComposeRecord>(&path).unwrap(), record);
        assert_eq!(record.ownership(false, false), Ownership::Owned);
        // The number is that of this process, but another process wrote the file.
        record.owner.start_ticks += 1;
        assert_eq!(record.ownership(true, true), Ownership::Orphaned);
        fs::write(&path, "{\"torn").unwrap();
        assert!(read_record::<ComposeRecord>(&path).is_none());
    }
}
