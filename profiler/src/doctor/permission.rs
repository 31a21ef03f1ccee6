//! What the kernel permits: ptrace for Python stacks, perf for native ones. Tried, not only looked up.

use std::fs::File;
use std::thread;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_process::{Program, find};

use super::Capability;
use crate::os::Reader;
use crate::source::perf;

const YAMA: &str = "/proc/sys/kernel/yama/ptrace_scope";
const PARANOID: &str = "/proc/sys/kernel/perf_event_paranoid";

fn setting(path: &str) -> Option<i64> {
    Reader::default().read(path).ok()?.trim().parse().ok()
}

/// py-spy reads a worker's memory and stops it: both need the permission to trace it.
pub(super) fn python_stacks() -> Capability {
    let name = "Python stacks (py-spy)";
    let scope = setting(YAMA);
    let fix = "run as root or `sysctl kernel.yama.ptrace_scope=0`; in a container add cap SYS_PTRACE";
    match may_trace_a_child() {
        Some(true) if scope == Some(1) => Capability::yes(
            name,
            "processes that kneepoint starts may be traced; others (attach) not, because yama.ptrace_scope is 1",
        ),
        Some(true) => Capability::yes(name, "a process of ours may be traced"),
        Some(false) => {
            let why = scope.map_or_else(String::new, |scope| format!(" (yama.ptrace_scope is {scope})"));
            Capability::no(name, format!("a process of ours may not be traced{why}"), fix)
        }
        None => Capability::no(name, "no trial process could be started", "install coreutils (`sleep`)"),
    }
}

/// Opening a process's memory asks for the same right as ptrace. `None` when there is nothing to try it on.
fn may_trace_a_child() -> Option<bool> {
    let cancel = Cancel::new();
    let program = Program::new("sleep").arg("2").cancel_on(&cancel);
    let running = thread::spawn(move || program.run(Duration::from_secs(3)));
    let deadline = Instant::now() + Duration::from_secs(1);
    let mut found = None;
    while found.is_none() && Instant::now() < deadline {
        found = children_named("sleep").first().copied();
        thread::sleep(Duration::from_millis(5));
    }
    let may = found.map(|pid| File::open(format!("/proc/{pid}/mem")).is_ok());
    cancel.cancel();
    let _ = running.join();
    may
}

fn children_named(name: &str) -> Vec<u32> {
    let mut reader = Reader::default();
    let family = crate::os::ProcessTree::detect().look(&mut reader);
    let mut children = family.children(std::process::id(), &mut reader);
    children.retain(|pid| {
        crate::os::exe_name(*pid).is_some_and(|exe| exe == name || exe == "coreutils" || exe == "busybox")
    });
    children
}

/// Is perf there?
pub(super) fn perf_program() -> Capability {
    let name = "perf installed";
    match find("perf") {
        Some(path) => Capability::yes(name, path.display().to_string()),
        None => Capability::no(
            name,
            "perf is not on PATH",
            "apt-get install linux-perf (Debian) or linux-tools-$(uname -r) (Ubuntu)",
        ),
    }
}

/// What the kernel allows to whom.
pub(super) fn perf_paranoid() -> Capability {
    let name = "perf_event_paranoid";
    let root = rustix::process::geteuid().is_root();
    match setting(PARANOID) {
        None => Capability::no(name, "the kernel has no perf events", "use a kernel with CONFIG_PERF_EVENTS"),
        Some(level) if root => Capability::yes(name, format!("{level}, which does not bind root")),
        Some(level) if level <= 1 => Capability::yes(name, format!("{level}: user and kernel functions")),
        Some(2) => Capability::yes(name, "2: functions of the tiers, not of the kernel"),
        Some(level) => Capability::no(
            name,
            format!("{level}: this user may not use perf at all"),
            "`sysctl kernel.perf_event_paranoid=1`, or run as root",
        ),
    }
}

/// Does it record? perf can end with success and nothing recorded, so samples are counted.
pub(super) fn perf_trial() -> Capability {
    let name = "native stacks (perf)";
    if find("perf").is_none() {
        return Capability::no(name, "perf is not installed", "see `perf installed`");
    }
    match perf::trial() {
        Ok(0) => Capability::no(name, "perf ran, but recorded no sample of a busy loop", perf::FIX),
        Ok(samples) => Capability::yes(name, format!("{samples} samples of a busy loop in 0.2 s")),
        Err(error) => Capability::no(name, perf::why(&error), perf::FIX),
    }
}
