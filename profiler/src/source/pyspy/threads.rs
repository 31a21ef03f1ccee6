//! Which threads of a Python in a container are running.
//!
//! Since 3.11 a Python thread tells its id as its own process namespace counts; py-spy looks that id up among the ids that
//! the host counts, does not find it, and takes the thread for running. So waiting for the database would be counted as
//! work. The kernel tells both ids of each thread (`NSpid` in `status`), and the state is read here, before the look stops
//! the process.

use std::collections::{HashMap, HashSet};

use crate::os::{Reader, numbers_in};
use crate::parse::{PidStat, innermost_id};

/// The threads of one process in another process namespace.
#[derive(Debug)]
pub(super) struct Threads {
    pid: u32,
    /// By the host's id: the id within.
    inner: HashMap<u32, u64>,
    reader: Reader,
}

impl Threads {
    /// `None` for a process in our own namespace: there py-spy's own look is right.
    pub(super) fn of_container(pid: u32) -> Option<Self> {
        let mut reader = Reader::default();
        let id = innermost_id(reader.read(format!("/proc/{pid}/status")).ok()?)?;
        (id != u64::from(pid)).then(|| Self { pid, inner: HashMap::new(), reader })
    }

    /// The threads that run now, by their id within.
    pub(super) fn running(&mut self) -> HashSet<u64> {
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
