//! Finds the Python workers of a tier.

use std::collections::HashSet;

use kneepoint_model::tier::Tier;

use crate::os::{ProcReader, TreeSnapshot, exe_name};
use crate::source::ProfileTarget;

/// Python processes of the tier without Python children: processes with children only wait for their workers. A
/// task queue's parent (Celery) does work, because it takes every message from the broker and passes it on.
pub(super) fn find_workers(target: &ProfileTarget, reader: &mut ProcReader) -> Vec<u32> {
    let (pids, tree) = target.processes(reader);
    let python: HashSet<u32> = pids.into_iter().filter(|pid| is_python(*pid, reader)).collect();
    let mut workers = if target.tier == Tier::Queue {
        python.iter().copied().filter(|pid| !is_supervisor(*pid, reader)).collect()
    } else {
        without_parents(&python, |pid| worker_children(&tree, pid, reader))
    };
    workers.sort_unstable();
    workers
}

/// Pure: the members of `python` that have no child in it.
fn without_parents(python: &HashSet<u32>, mut children: impl FnMut(u32) -> Vec<u32>) -> Vec<u32> {
    python.iter().copied().filter(|pid| !children(*pid).iter().any(|child| python.contains(child))).collect()
}

/// Children, without the helper processes that `multiprocessing` starts beside a worker.
fn worker_children(tree: &TreeSnapshot, pid: u32, reader: &mut ProcReader) -> Vec<u32> {
    let mut children = tree.children(pid, reader);
    children.retain(|child| {
        let line = reader.read(format!("/proc/{child}/cmdline")).unwrap_or_default();
        !line.contains("resource_tracker") && !line.contains("semaphore_tracker")
    });
    children
}

fn is_supervisor(pid: u32, reader: &mut ProcReader) -> bool {
    reader.read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains("supervisord"))
}

/// By the name of the executable, or (uwsgi, embedded) by the loaded library.
fn is_python(pid: u32, reader: &mut ProcReader) -> bool {
    match exe_name(pid) {
        Some(name) if name.contains("python") => true,
        Some(name) if name.starts_with("uwsgi") || name.contains("wsgi") => {
            reader.read(format!("/proc/{pid}/maps")).is_ok_and(|maps| maps.contains("libpython"))
        }
        Some(_) => false,
        // The executable is not readable: a command line that names Python is worth an attempt, whose refusal gives
        // the reason.
        None => reader
            .read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.contains("python") || line.contains("gunicorn")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supervisor_and_arbiter_are_excluded() {
        let python = HashSet::from([1, 2, 3, 4]);
        let mut workers = without_parents(&python, |pid| match pid {
            1 => vec![2],
            2 => vec![3, 4],
            4 => vec![99],
            _ => vec![],
        });
        workers.sort_unstable();
        assert_eq!(workers, [3, 4]);
    }
}
