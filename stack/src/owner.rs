//! Who owns a recorded stack. The record files of both drivers are read and written here.
//!
//! A process is identified by its number and its start time, so that a later process with the same number is not taken for
//! the owner; a record of an earlier boot has no living owner.

use std::fs;
use std::path::Path;

use kneepoint_process::ProcStat;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::StackError;

/// A process, distinguishable from a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessRef {
    pub(crate) pid: i32,
    pub(crate) start_ticks: u64,
}

impl ProcessRef {
    pub(crate) fn current() -> Self {
        let pid = std::process::id().cast_signed();
        Self { pid, start_ticks: ProcStat::read(pid).map_or(0, |stat| stat.start_ticks) }
    }

    pub(crate) fn is_alive(self) -> bool {
        ProcStat::read(self.pid).is_some_and(|stat| stat.start_ticks == self.start_ticks && !stat.is_dead())
    }
}

/// Whether a recorded stack is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// Its owner is alive and will take it down.
    Owned,
    /// It was left running on purpose.
    LeftRunning,
    /// Its owner died; what remains of it must be removed.
    Orphaned,
    /// Nothing of it remains; the record is stale.
    Gone,
}

/// Changes with every boot, after which start times begin again.
pub(crate) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// `None` when there is no record or it cannot be parsed: a torn or foreign file counts as no file.
pub(crate) fn read_record<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Writes a record by rename, so that a reader sees the old or the new one, never a part.
pub(crate) fn write_record(path: &Path, record: &impl Serialize) -> Result<(), StackError> {
    let text = serde_json::to_vec_pretty(record).map_err(|error| StackError::System {
        what: "writing the record of the stack",
        why: error.to_string(),
    })?;
    let part = path.with_extension("json.part");
    fs::write(&part, text).map_err(StackError::io("write", &part))?;
    fs::rename(&part, path).map_err(StackError::io("rename into place", path))
}
