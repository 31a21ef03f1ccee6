//! Finds the running threads of a Python process in a container.
//!
//! Since 3.11 Python stores thread ids as counted in its own process namespace; py-spy looks them up among the host's
//! ids, does not find them, and takes the threads for running. Waiting for the database would then count as work. The
//! kernel lists both ids of each thread (`NSpid` in `status`), and the state is read here before the sample pauses
//! the process.

use std::collections::{HashMap, HashSet};

use crate::os::{ProcReader, numbers_in};
use crate::parse::{PidStat, innermost_id};

/// Threads of one process in another process namespace.
#[derive(Debug)]
pub(super) struct ContainerThreads {
    pid: u32,
    /// Thread id on the host to thread id in the container.
    inner: HashMap<u32, u64>,
    reader: ProcReader,
}

impl ContainerThreads {
    /// `None` for a process in our own namespace, where py-spy is right.
    pub(super) fn for_container(pid: u32) -> Option<Self> {
        let mut reader = ProcReader::default();
        let id = innermost_id(reader.read(format!("/proc/{pid}/status")).ok()?)?;
        (id != u64::from(pid)).then(|| Self { pid, inner: HashMap::new(), reader })
    }

    /// Threads that are running now, by their id in the container.
    pub(super) fn running_ids(&mut self) -> HashSet<u64> {
        let task = format!("/proc/{}/task", self.pid);
        let alive: HashSet<u32> = numbers_in(&task).unwrap_or_default().into_iter().collect();
        self.inner.retain(|thread, _| alive.contains(thread));
        let mut running = HashSet::new();
        for thread in alive {
            let stat = self.reader.read(format!("{task}/{thread}/stat")).ok().and_then(PidStat::parse);
            if stat.is_some_and(|stat| stat.state == 'R') {
                running.extend(self.inner_id(&task, thread));
            }
        }
        running
    }

    fn inner_id(&mut self, task: &str, thread: u32) -> Option<u64> {
        if let Some(id) = self.inner.get(&thread) {
            return Some(*id);
        }
        let id = innermost_id(self.reader.read(format!("{task}/{thread}/status")).ok()?)?;
        self.inner.insert(thread, id);
        Some(id)
    }
}
