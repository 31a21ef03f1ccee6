//! Checks what the kernel accounts: each check reads the same file as the sampler.

use super::Capability;
use crate::os::{ProcReader, process_cpu};
use crate::parse::{PidStat, pressure_some_us, proportional_set, run_queue_ns};

pub(super) fn check_process_cpu() -> Capability {
    let name = "CPU of processes";
    let mut reader = ProcReader::default();
    let stat = reader.read("/proc/self/stat").ok().and_then(PidStat::parse);
    match (stat, process_cpu(std::process::id())) {
        (Some(_), Some(_)) => {
            Capability::available(name, "/proc/PID/stat and process CPU clocks are readable")
        }
        (Some(_), None) => Capability::available(
            name,
            "/proc/PID/stat is readable (resolution 10 ms; process CPU clocks are not permitted)",
        ),
        (None, _) => {
            Capability::missing(name, "/proc/self/stat is not readable", "mount /proc; kneepoint needs Linux")
        }
    }
}

pub(super) fn check_run_queue() -> Capability {
    let name = "run-queue wait";
    let mut reader = ProcReader::default();
    let first =
        reader.read("/proc/thread-self/schedstat").ok().map(|text| (run_queue_ns(text), text == "0 0 0\n"));
    match first {
        Some((Some(_), false)) => {
            Capability::available(name, "/proc/PID/task/*/schedstat counts waiting time")
        }
        Some((Some(_), true)) => Capability::missing(
            name,
            "schedstat shows only zeros",
            "boot with the kernel parameter schedstats=enable",
        ),
        _ => Capability::missing(name, "schedstat is missing", "use a kernel with CONFIG_SCHED_INFO"),
    }
}

pub(super) fn check_pressure() -> Capability {
    let name = "pressure stalls (PSI)";
    let mut reader = ProcReader::default();
    let missing: Vec<&str> = ["cpu", "memory", "io"]
        .into_iter()
        .filter(|kind| {
            reader.read(format!("/proc/pressure/{kind}")).ok().and_then(pressure_some_us).is_none()
        })
        .collect();
    if missing.is_empty() {
        Capability::available(name, "/proc/pressure has cpu, memory and io")
    } else {
        let why = format!("/proc/pressure lacks {}", missing.join(", "));
        Capability::missing(name, why, "boot with the kernel parameter psi=1")
    }
}

pub(super) fn check_proportional_memory() -> Capability {
    let name = "proportional memory (PSS)";
    let mut reader = ProcReader::default();
    match reader.read("/proc/self/smaps_rollup").ok().and_then(proportional_set) {
        Some(_) => Capability::available(name, "/proc/PID/smaps_rollup is readable"),
        None => Capability::missing(name, "/proc/self/smaps_rollup is missing", "use Linux 4.14 or later"),
    }
}

/// Control groups hold the limits of containers.
pub(super) fn check_control_groups() -> Capability {
    let name = "control groups";
    let mut reader = ProcReader::default();
    let controllers = reader.read("/sys/fs/cgroup/cgroup.controllers").map(str::to_owned).unwrap_or_default();
    let wanted = ["cpu", "memory"]
        .iter()
        .all(|controller| controllers.split_ascii_whitespace().any(|word| word == *controller));
    if wanted {
        return Capability::available(name, "version 2 with cpu and memory");
    }
    let mounts = reader.read("/proc/self/mountinfo").map(str::to_owned).unwrap_or_default();
    let has_v1 = mounts.lines().any(|line| line.contains(" - cgroup "));
    let fix = "boot with systemd.unified_cgroup_hierarchy=1 (only needed to see container limits)";
    if has_v1 {
        Capability::missing(name, "version 1 controllers: container limits are not read from them", fix)
    } else {
        Capability::missing(name, "no cpu and memory controllers are mounted", fix)
    }
}
