//! Checks what the kernel permits: ptrace for Python stacks, perf for native ones. Each is tried, not only looked up.

use std::fs::File;
use std::thread;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_process::{Program, find};

use super::Capability;
use crate::os::ProcReader;
use crate::source::perf;

const YAMA: &str = "/proc/sys/kernel/yama/ptrace_scope";
const PARANOID: &str = "/proc/sys/kernel/perf_event_paranoid";

fn read_setting(path: &str) -> Option<i64> {
    ProcReader::default().read(path).ok()?.trim().parse().ok()
}

/// py-spy reads a worker's memory and pauses it; both need permission to trace the process.
pub(super) fn check_python_stacks() -> Capability {
    let name = "Python stacks (py-spy)";
    let scope = read_setting(YAMA);
    let fix = "run as root or `sysctl kernel.yama.ptrace_scope=0`; in a container add cap SYS_PTRACE";
    match can_trace_child() {
        Some(true) if scope == Some(1) => Capability::available(
            name,
            "processes started by kneepoint can be traced; attached ones cannot, because yama.ptrace_scope is 1",
        ),
        Some(true) => Capability::available(name, "a child process can be traced"),
        Some(false) => {
            let why = scope.map_or_else(String::new, |scope| format!(" (yama.ptrace_scope is {scope})"));
            Capability::missing(name, format!("a child process cannot be traced{why}"), fix)
        }
        None => Capability::missing(name, "the trial process did not start", "install coreutils (`sleep`)"),
    }
}

/// Opening a process's memory needs the same right as ptrace. `None` when no trial process is available.
fn can_trace_child() -> Option<bool> {
    let cancel = Cancel::new();
    let program = Program::new("sleep").arg("2").cancel_on(&cancel);
    let running = thread::spawn(move || program.run(Duration::from_secs(3)));
    let deadline = Instant::now() + Duration::from_secs(1);
    let mut found = None;
    while found.is_none() && Instant::now() < deadline {
        found = children_named("sleep").first().copied();
        thread::sleep(Duration::from_millis(5));
    }
    let allowed = found.map(|pid| File::open(format!("/proc/{pid}/mem")).is_ok());
    cancel.cancel();
    let _ = running.join();
    allowed
}

fn children_named(name: &str) -> Vec<u32> {
    let mut reader = ProcReader::default();
    let tree = crate::os::ProcessTree::detect().snapshot(&mut reader);
    let mut children = tree.children(std::process::id(), &mut reader);
    children.retain(|pid| {
        crate::os::exe_name(*pid).is_some_and(|exe| exe == name || exe == "coreutils" || exe == "busybox")
    });
    children
}

pub(super) fn check_perf_installed() -> Capability {
    let name = "perf installed";
    match find("perf") {
        Some(path) => Capability::available(name, path.display().to_string()),
        None => Capability::missing(
            name,
            "perf is not on PATH",
            "apt-get install linux-perf (Debian) or linux-tools-$(uname -r) (Ubuntu)",
        ),
    }
}

/// Kernel setting that limits perf for users other than root.
pub(super) fn check_perf_paranoid() -> Capability {
    let name = "perf_event_paranoid";
    let root = rustix::process::geteuid().is_root();
    match read_setting(PARANOID) {
        None => {
            Capability::missing(name, "the kernel has no perf events", "use a kernel with CONFIG_PERF_EVENTS")
        }
        Some(level) if root => Capability::available(name, format!("{level}, which does not restrict root")),
        Some(level) if level <= 1 => {
            Capability::available(name, format!("{level}: user and kernel functions"))
        }
        Some(2) => Capability::available(name, "2: user-space functions only, no kernel functions"),
        Some(level) => Capability::missing(
            name,
            format!("{level}: this user cannot use perf"),
            "`sysctl kernel.perf_event_paranoid=1`, or run as root",
        ),
    }
}

/// Records a busy loop. perf can succeed without recording anything, so samples are counted.
pub(super) fn check_perf_trial() -> Capability {
    let name = "native stacks (perf)";
    if find("perf").is_none() {
        return Capability::missing(name, "perf is not installed", "see `perf installed`");
    }
    match perf::record_busy_loop() {
        Ok(0) => Capability::missing(name, "perf ran but recorded no sample of a busy loop", perf::FIX),
        Ok(samples) => Capability::available(name, format!("{samples} samples of a busy loop in 0.2 s")),
        Err(error) => Capability::missing(name, perf::describe_error(&error), perf::FIX),
    }
}
