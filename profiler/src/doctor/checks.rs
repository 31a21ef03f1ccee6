//! What the kernel accounts: each check reads the very file that the sampler reads.

use super::Capability;
use crate::os::{Reader, process_cpu};
use crate::parse::{PidStat, pressure_some_us, proportional_set, run_queue_ns};

/// CPU of processes.
pub(super) fn processes() -> Capability {
    let name = "CPU of processes";
    let mut reader = Reader::default();
    let stat = reader.read("/proc/self/stat").ok().and_then(PidStat::parse);
    match (stat, process_cpu(std::process::id())) {
        (Some(_), Some(_)) => Capability::yes(name, "/proc/PID/stat and process CPU clocks can be read"),
        (Some(_), None) => {
            Capability::yes(name, "/proc/PID/stat can be read (to 10 ms; CPU clocks are refused)")
        }
        (None, _) => {
            Capability::no(name, "/proc/self/stat cannot be read", "mount /proc; kneepoint needs Linux")
        }
    }
}

/// Time ready without a core.
pub(super) fn run_queue() -> Capability {
    let name = "run-queue wait";
    let mut reader = Reader::default();
    let first =
        reader.read("/proc/thread-self/schedstat").ok().map(|text| (run_queue_ns(text), text == "0 0 0\n"));
    match first {
        Some((Some(_), false)) => Capability::yes(name, "/proc/PID/task/*/schedstat counts"),
        Some((Some(_), true)) => Capability::no(
            name,
            "schedstat shows only zeros",
            "boot with the kernel parameter schedstats=enable",
        ),
        _ => Capability::no(name, "schedstat is missing", "use a kernel with CONFIG_SCHED_INFO"),
    }
}

/// Pressure stalls.
pub(super) fn pressure() -> Capability {
    let name = "pressure stalls (PSI)";
    let mut reader = Reader::default();
    let missing: Vec<&str> = ["cpu", "memory", "io"]
        .into_iter()
        .filter(|kind| {
            reader.read(format!("/proc/pressure/{kind}")).ok().and_then(pressure_some_us).is_none()
        })
        .collect();
    if missing.is_empty() {
        Capability::yes(name, "/proc/pressure has cpu, memory and io")
    } else {
        let why = format!("/proc/pressure lacks {}", missing.join(", "));
        Capability::no(name, why, "boot with the kernel parameter psi=1")
    }
}

/// Proportional memory.
pub(super) fn proportional_memory() -> Capability {
    let name = "proportional memory (PSS)";
    let mut reader = Reader::default();
    match reader.read("/proc/self/smaps_rollup").ok().and_then(proportional_set) {
        Some(_) => Capability::yes(name, "/proc/PID/smaps_rollup can be read"),
        None => Capability::no(name, "/proc/self/smaps_rollup is missing", "use Linux 4.14 or later"),
    }
}

/// Control groups: what a container's limits would be read from.
pub(super) fn control_groups() -> Capability {
    let name = "control groups";
    let mut reader = Reader::default();
    let controllers = reader.read("/sys/fs/cgroup/cgroup.controllers").map(str::to_owned).unwrap_or_default();
    let wanted =
        ["cpu", "memory"].iter().all(|one| controllers.split_ascii_whitespace().any(|word| word == *one));
    if wanted {
        return Capability::yes(name, "version 2 with cpu and memory");
    }
    let mounts = reader.read("/proc/self/mountinfo").map(str::to_owned).unwrap_or_default();
    let has_v1 = mounts.lines().any(|line| line.contains(" - cgroup "));
    let fix = "boot with systemd.unified_cgroup_hierarchy=1 (only needed to see container limits)";
    if has_v1 {
        Capability::no(name, "version 1 controllers: container limits are not read from them", fix)
    } else {
        Capability::no(name, "no cpu and memory controllers are mounted", fix)
    }
}
