//! The process tree: a tier is its root processes and all their descendants.
//!
//! `/proc/PID/task/*/children` lists the children of one process cheaply; kernels built without it require reading
//! every process of the machine. A process whose parent has ended (a daemon) is no longer a descendant.

use std::collections::{HashMap, HashSet};
use std::fs;

use super::files::{ProcReader, numbers_in};
use crate::parse::PidStat;

/// How children are found on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProcessTree {
    /// Through the kernel's lists of children.
    Children,
    /// Through the parent id of every process.
    Parents,
}

/// State of the tree at one time.
#[derive(Debug)]
pub(crate) enum TreeSnapshot {
    /// Children are read when requested.
    OnDemand,
    /// All processes were read: parent to children.
    Complete(HashMap<u32, Vec<u32>>),
}

impl ProcessTree {
    /// Selects the cheaper method that works here.
    pub(crate) fn detect() -> Self {
        if fs::metadata("/proc/thread-self/children").is_ok() { Self::Children } else { Self::Parents }
    }

    /// Takes a snapshot; the cost depends on the method.
    pub(crate) fn snapshot(self, reader: &mut ProcReader) -> TreeSnapshot {
        match self {
            Self::Children => TreeSnapshot::OnDemand,
            Self::Parents => TreeSnapshot::Complete(children_by_parent(reader)),
        }
    }
}

impl TreeSnapshot {
    /// Returns `roots` and all their descendants, each once, without those below a process in `others` (another
    /// tier's root).
    pub(crate) fn descendants(
        &self,
        roots: &[u32],
        others: &HashSet<u32>,
        reader: &mut ProcReader,
    ) -> Vec<u32> {
        let mut found: Vec<u32> = Vec::new();
        let mut seen = HashSet::new();
        let mut open: Vec<u32> = roots.to_vec();
        while let Some(pid) = open.pop() {
            if !seen.insert(pid) {
                continue;
            }
            found.push(pid);
            open.extend(self.children(pid, reader).into_iter().filter(|child| !others.contains(child)));
        }
        found.sort_unstable();
        found
    }

    /// Direct children of a process.
    pub(crate) fn children(&self, pid: u32, reader: &mut ProcReader) -> Vec<u32> {
        match self {
            Self::Complete(children) => children.get(&pid).cloned().unwrap_or_default(),
            Self::OnDemand => children_of(pid, reader),
        }
    }
}

fn children_of(pid: u32, reader: &mut ProcReader) -> Vec<u32> {
    let mut children = Vec::new();
    for thread in numbers_in(format!("/proc/{pid}/task")).unwrap_or_default() {
        if let Ok(text) = reader.read(format!("/proc/{pid}/task/{thread}/children")) {
            children.extend(text.split_ascii_whitespace().filter_map(|word| word.parse::<u32>().ok()));
        }
    }
    children
}

fn children_by_parent(reader: &mut ProcReader) -> HashMap<u32, Vec<u32>> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for pid in numbers_in("/proc").unwrap_or_default() {
        if let Some(stat) = reader.read(format!("/proc/{pid}/stat")).ok().and_then(PidStat::parse) {
            children.entry(stat.parent).or_default().push(pid);
        }
    }
    children
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_ends_where_another_begins_and_cycles_end() {
        let tree = TreeSnapshot::Complete(HashMap::from([
            (1, vec![2, 3]),
            (2, vec![4]),
            (3, vec![5]),
            (4, vec![1]),
        ]));
        let mut reader = ProcReader::default();
        assert_eq!(tree.descendants(&[1], &HashSet::new(), &mut reader), [1, 2, 3, 4, 5]);
        assert_eq!(tree.descendants(&[1], &HashSet::from([3]), &mut reader), [1, 2, 4]);
        assert_eq!(tree.descendants(&[3, 3], &HashSet::from([3]), &mut reader), [3, 5]);
    }

    #[test]
    fn both_methods_find_the_same_children() {
        let child = kneepoint_process::Program::new("sleep").arg("5");
        let cancel = kneepoint_model::cancel::Cancel::new();
        let child = child.cancel_on(&cancel);
        let running = std::thread::spawn(move || child.run(std::time::Duration::from_secs(6)));
        let mut reader = ProcReader::default();
        let me = std::process::id();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(4);
        let mut agreed = false;
        while !agreed && std::time::Instant::now() < deadline {
            let mut known = ProcessTree::Parents.snapshot(&mut reader).children(me, &mut reader);
            let mut children_of = children_of(me, &mut reader);
            known.sort_unstable();
            children_of.sort_unstable();
            agreed =
                !known.is_empty() && (known == children_of || ProcessTree::detect() == ProcessTree::Parents);
        }
        cancel.cancel();
        let _ = running.join();
        assert!(agreed);
    }
}
