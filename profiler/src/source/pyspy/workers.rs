//! Which processes of a tier are Python workers.

use std::collections::HashSet;

use kneepoint_model::tier::Tier;

use crate::os::{Family, Reader, exe_name};
use crate::source::Target;

/// Python processes of the tier without Python children: those with children wait for their workers and serve nothing
/// themselves. A queue's (Celery's) parent does work, since it takes every message from the broker and hands it on.
pub(super) fn find(target: &Target, reader: &mut Reader) -> Vec<u32> {
    let (pids, family) = target.processes(reader);
    let python: HashSet<u32> = pids.into_iter().filter(|pid| is_python(*pid, reader)).collect();
    let mut workers = if target.tier == Tier::Queue {
        python.iter().copied().filter(|pid| !is_supervisor(*pid, reader)).collect()
    } else {
        without_parents(&python, |pid| children(&family, pid, reader))
    };
    workers.sort_unstable();
    workers
}

/// Pure: the members of `python` that have no child in it.
fn without_parents(python: &HashSet<u32>, mut children: impl FnMut(u32) -> Vec<u32>) -> Vec<u32> {
    python.iter().copied().filter(|pid| !children(*pid).iter().any(|child| python.contains(child))).collect()
}

/// Children, without the helpers that `multiprocessing` starts beside a worker that stays one.
fn children(family: &Family, pid: u32, reader: &mut Reader) -> Vec<u32> {
    let mut children = family.children(pid, reader);
    children.retain(|child| {
        let line = reader.read(format!("/proc/{child}/cmdline")).unwrap_or_default();
        !line.contains("resource_tracker") && !line.contains("semaphore_tracker")
    });
    children
}

fn is_supervisor(pid: u32, reader: &mut Reader) -> bool {
    reader.read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains("supervisord"))
}

/// By the program's name, or (uwsgi, embedded) by the library in its memory.
fn is_python(pid: u32, reader: &mut Reader) -> bool {
    match exe_name(pid) {
        Some(name) if name.contains("python") => true,
        Some(name) if name.starts_with("uwsgi") || name.contains("wsgi") => {
            reader.read(format!("/proc/{pid}/maps")).is_ok_and(|maps| maps.contains("libpython"))
        }
        Some(_) => false,
        // Not ours to see: a command line that names Python is worth a try, whose refusal then tells why.
        None => reader
            .read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.contains("python") || line.contains("gunicorn")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supervisor_and_arbiter_are_left_out() {
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
