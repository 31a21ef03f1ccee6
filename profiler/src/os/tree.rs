//! Who descends from whom: the processes of a tier are its roots and everything below them.
//!
//! `/proc/PID/task/*/children` gives the tree below a root at the price of that tree alone; kernels built without it
//! cost a look at every process of the machine. A process whose parent has ended (a daemon) is no descendant any more.

use std::collections::{HashMap, HashSet};
use std::fs;

use super::files::{Reader, numbers_in};
use crate::parse::PidStat;

/// How the tree is found on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProcessTree {
    /// By the kernel's own lists of children.
    Children,
    /// By the parent of every process.
    Parents,
}

/// One look at the tree.
#[derive(Debug)]
pub(crate) enum Family {
    /// Look when asked.
    Children,
    /// Looked already: parent to children.
    Known(HashMap<u32, Vec<u32>>),
}

impl ProcessTree {
    /// The cheaper way that works here.
    pub(crate) fn detect() -> Self {
        if fs::metadata("/proc/thread-self/children").is_ok() { Self::Children } else { Self::Parents }
    }

    /// Takes one look; what it costs depends on the way.
    pub(crate) fn look(self, reader: &mut Reader) -> Family {
        match self {
            Self::Children => Family::Children,
            Self::Parents => Family::Known(by_parent(reader)),
        }
    }
}

impl Family {
    /// `roots` and all their descendants, each once; nothing below a process in `others` (another tier's root).
    pub(crate) fn below(&self, roots: &[u32], others: &HashSet<u32>, reader: &mut Reader) -> Vec<u32> {
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

    /// The direct children of a process.
    pub(crate) fn children(&self, pid: u32, reader: &mut Reader) -> Vec<u32> {
        match self {
            Self::Known(children) => children.get(&pid).cloned().unwrap_or_default(),
            Self::Children => listed(pid, reader),
        }
    }
}

fn listed(pid: u32, reader: &mut Reader) -> Vec<u32> {
    let mut children = Vec::new();
    for thread in numbers_in(format!("/proc/{pid}/task")).unwrap_or_default() {
        if let Ok(text) = reader.read(format!("/proc/{pid}/task/{thread}/children")) {
            children.extend(text.split_ascii_whitespace().filter_map(|word| word.parse::<u32>().ok()));
        }
    }
    children
}

fn by_parent(reader: &mut Reader) -> HashMap<u32, Vec<u32>> {
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
    fn a_tier_ends_where_another_begins_and_circles_end() {
        let family =
            Family::Known(HashMap::from([(1, vec![2, 3]), (2, vec![4]), (3, vec![5]), (4, vec![1])]));
        let mut reader = Reader::default();
        assert_eq!(family.below(&[1], &HashSet::new(), &mut reader), [1, 2, 3, 4, 5]);
        assert_eq!(family.below(&[1], &HashSet::from([3]), &mut reader), [1, 2, 4]);
        assert_eq!(family.below(&[3, 3], &HashSet::from([3]), &mut reader), [3, 5]);
    }

    #[test]
    fn both_ways_see_the_same_children_of_ours() {
        let child = kneepoint_process::Program::new("sleep").arg("5");
        let cancel = kneepoint_model::cancel::Cancel::new();
        let child = child.cancel_on(&cancel);
        let running = std::thread::spawn(move || child.run(std::time::Duration::from_secs(6)));
        let mut reader = Reader::default();
        let me = std::process::id();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(4);
        let mut agreed = false;
        while !agreed && std::time::Instant::now() < deadline {
            let mut known = ProcessTree::Parents.look(&mut reader).children(me, &mut reader);
            let mut listed = listed(me, &mut reader);
            known.sort_unstable();
            listed.sort_unstable();
            agreed = !known.is_empty() && (known == listed || ProcessTree::detect() == ProcessTree::Parents);
        }
        cancel.cancel();
        let _ = running.join();
        assert!(agreed);
    }
}
