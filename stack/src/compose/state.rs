//! `state.json`: what is up, so that another process, or the next one after `kill -9`, knows whose it is. What exists is
//! not believed from here: Docker is asked.

use std::fs;
use std::path::{Path, PathBuf};

use kneepoint_model::stack::StackInfo;
use kneepoint_model::unmeasured::Unmeasured;
use kneepoint_process::Lifetime;
use serde::{Deserialize, Serialize};

use super::project::Project;
use super::service::ComposeService;
use crate::StackError;
use crate::native::state::{ProcessRef, Standing, boot_id};

/// The whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    boot_id: String,
    owner: ProcessRef,
    detached: bool,
    /// The compose project.
    pub(super) project: Project,
    /// Name of the topology.
    pub(super) topology: String,
    /// Where its logs are kept.
    pub(super) logs: PathBuf,
    /// Its services, nearest to the visitor first.
    pub(super) services: Vec<ComposeService>,
    /// Absent while it is coming up.
    pub(super) info: Option<StackInfo>,
    /// What cannot be seen of it.
    pub(super) unmeasured: Vec<Unmeasured>,
}

impl State {
    /// Of a stack that we are about to bring up.
    pub(super) fn begin(
        project: &Project,
        topology: &str,
        services: &[ComposeService],
        logs: &Path,
        lifetime: Lifetime,
    ) -> Self {
        Self {
            boot_id: boot_id(),
            owner: ProcessRef::ourselves(),
            detached: lifetime == Lifetime::Detached,
            project: project.clone(),
            topology: topology.to_owned(),
            logs: logs.to_owned(),
            services: services.to_vec(),
            info: None,
            unmeasured: Vec::new(),
        }
    }

    /// `None` when there is none, or none that can be read: a torn or foreign file is as good as no file.
    pub(super) fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// Writes it, whole by rename.
    pub(super) fn write(&self, path: &Path) -> Result<(), StackError> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| StackError::System { what: "writing the state", why: error.to_string() })?;
        let part = path.with_extension("json.part");
        fs::write(&part, text).map_err(StackError::io("write", &part))?;
        fs::rename(&part, path).map_err(StackError::io("rename into place", path))
    }

    /// The kneepoint that brought it up.
    pub(super) const fn owner(&self) -> i32 {
        self.owner.pid
    }

    /// What is the case now, given what Docker holds.
    pub(super) fn standing(&self, anything_there: bool, anything_runs: bool) -> Standing {
        let of_this_boot = self.boot_id == boot_id();
        decide(Facts {
            owner_alive: of_this_boot && self.owner.is_alive(),
            left_on_purpose: self.detached && self.info.is_some(),
            anything_there,
            anything_runs,
        })
    }
}

#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts that are decided upon together")]
struct Facts {
    owner_alive: bool,
    left_on_purpose: bool,
    anything_there: bool,
    anything_runs: bool,
}

/// As for processes, but what a reboot or a daemon's end stopped is still there and must be removed.
const fn decide(facts: Facts) -> Standing {
    match facts {
        Facts { owner_alive: true, left_on_purpose: false, .. } => Standing::Owned,
        Facts { left_on_purpose: true, anything_runs: true, .. } => Standing::LeftRunning,
        Facts { anything_there: true, .. } => Standing::Orphaned,
        Facts { .. } => Standing::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standings() {
        let living =
            Facts { owner_alive: true, left_on_purpose: false, anything_there: true, anything_runs: true };
        assert_eq!(decide(living), Standing::Owned);
        assert_eq!(decide(Facts { anything_there: false, anything_runs: false, ..living }), Standing::Owned);
        assert_eq!(decide(Facts { owner_alive: false, ..living }), Standing::Orphaned);
        assert_eq!(decide(Facts { left_on_purpose: true, ..living }), Standing::LeftRunning);
        let after_boot = Facts { left_on_purpose: true, owner_alive: false, anything_runs: false, ..living };
        assert_eq!(decide(after_boot), Standing::Orphaned);
        assert_eq!(decide(Facts { anything_there: false, ..after_boot }), Standing::Gone);
    }

    #[test]
    fn survives_the_file() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("state.json");
        assert!(State::read(&path).is_none());
        let project = Project::of(temp.path(), None);
        let mut state = State::begin(
            &project,
            "nginx",
            &[ComposeService::Db],
            Path::new("/logs"),
            Lifetime::DieWithParent,
        );
        state.write(&path).unwrap();
        assert_eq!(State::read(&path).unwrap(), state);
        assert_eq!(state.standing(false, false), Standing::Owned);
        // The number is ours, but it was another process that wrote the file.
        state.owner.start_ticks += 1;
        assert_eq!(state.standing(true, true), Standing::Orphaned);
        fs::write(&path, "{\"torn").unwrap();
        assert!(State::read(&path).is_none());
    }
}
