//! Reads the counters of one process and computes their growth.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;

use crate::os::{KernelUnits, ProcReader, numbers_in, process_cpu};
use crate::parse::{IoBytes, PidStat, Switches, proportional_set, run_queue_ns, swapped_bytes};

/// Monotonic counters of a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ProcessCounters {
    pub(crate) cpu_us: u64,
    /// Page faults without disk access.
    pub(crate) minor_faults: u64,
    /// Page faults with disk access.
    pub(crate) major_faults: u64,
    /// Bytes from and to storage; `None` when not readable.
    pub(crate) io: Option<IoBytes>,
}

/// Monotonic counters of a thread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ThreadCounters {
    /// Time ready without a core, in nanoseconds.
    pub(crate) run_queue_ns: u64,
    pub(crate) switches: Switches,
}

/// State of a process at one time.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProcessReading {
    pub(crate) start_ticks: u64,
    pub(crate) threads: u32,
    pub(crate) rss: u64,
    pub(crate) swap: u64,
    pub(crate) counters: ProcessCounters,
    pub(crate) by_thread: HashMap<u32, ThreadCounters>,
}

impl ProcessCounters {
    /// Growth since `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        let io = match (self.io, before.io) {
            (Some(now), Some(old)) => Some(IoBytes {
                read: now.read.saturating_sub(old.read),
                write: now.write.saturating_sub(old.write),
            }),
            _ => None,
        };
        Self {
            cpu_us: self.cpu_us.saturating_sub(before.cpu_us),
            minor_faults: self.minor_faults.saturating_sub(before.minor_faults),
            major_faults: self.major_faults.saturating_sub(before.major_faults),
            io,
        }
    }
}

impl ThreadCounters {
    /// Sum of the growth of each thread since `before`. A thread that is missing in `before` counts whole, because
    /// it started later; a thread that is only in `before` has ended, and its last growth is lost.
    pub(crate) fn growth(now: &HashMap<u32, Self>, before: &HashMap<u32, Self>) -> Self {
        let mut sum = Self::default();
        for (id, thread) in now {
            let old = before.get(id).copied().unwrap_or_default();
            sum.run_queue_ns += thread.run_queue_ns.saturating_sub(old.run_queue_ns);
            sum.switches.voluntary += thread.switches.voluntary.saturating_sub(old.switches.voluntary);
            sum.switches.involuntary += thread.switches.involuntary.saturating_sub(old.switches.involuntary);
        }
        sum
    }
}

/// Reads one process; `None` when it has ended or is a zombie. With `full`, also faults, storage, switches and
/// swap.
pub(crate) fn read_process(
    pid: u32,
    full: bool,
    units: KernelUnits,
    reader: &mut ProcReader,
) -> Option<ProcessReading> {
    let stat =
        PidStat::parse(reader.read(format!("/proc/{pid}/stat")).ok()?).filter(|stat| !stat.is_dead())?;
    let ticks_us = stat.cpu_ticks.saturating_mul(units.tick_us);
    let mut reading = ProcessReading {
        start_ticks: stat.start_ticks,
        threads: stat.threads,
        rss: stat.rss_pages.saturating_mul(units.page),
        counters: ProcessCounters {
            cpu_us: process_cpu(pid)
                .map_or(ticks_us, |cpu| u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX)),
            minor_faults: stat.minor_faults,
            major_faults: stat.major_faults,
            io: None,
        },
        ..ProcessReading::default()
    };
    if full {
        reading.counters.io = reader.read(format!("/proc/{pid}/io")).ok().and_then(IoBytes::parse);
    }
    for thread in numbers_in(format!("/proc/{pid}/task")).unwrap_or_default() {
        let mut counters = ThreadCounters::default();
        if let Ok(text) = reader.read(format!("/proc/{pid}/task/{thread}/schedstat")) {
            counters.run_queue_ns = run_queue_ns(text).unwrap_or(0);
        }
        if full && let Ok(status) = reader.read(format!("/proc/{pid}/task/{thread}/status")) {
            counters.switches = Switches::parse(status).unwrap_or_default();
            if thread == pid {
                // Memory belongs to the process; the first thread's file shows it too.
                reading.swap = swapped_bytes(status).unwrap_or(0);
            }
        }
        reading.by_thread.insert(thread, counters);
    }
    Some(reading)
}

/// Number of open descriptors, and of sockets among them; `None` when not readable.
pub(crate) fn descriptors(pid: u32) -> Option<(u32, u32)> {
    let folder = format!("/proc/{pid}/fd");
    let (mut all, mut sockets) = (0, 0);
    for entry in fs::read_dir(folder).ok()?.flatten() {
        all += 1;
        let target = fs::read_link(entry.path());
        if target.is_ok_and(|target| target.as_os_str().as_encoded_bytes().starts_with(b"socket:")) {
            sockets += 1;
        }
    }
    Some((all, sockets))
}

/// Proportional memory in bytes; costs 0.2 ms and more, so it is read rarely.
pub(crate) fn proportional_memory(pid: u32, reader: &mut ProcReader) -> Option<u64> {
    proportional_set(reader.read(format!("/proc/{pid}/smaps_rollup")).ok()?)
}

/// True when the file exists but is not readable for this user.
pub(crate) fn is_forbidden(path: &str) -> bool {
    fs::read(path).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(run_queue_ns: u64, voluntary: u64) -> ThreadCounters {
        ThreadCounters { run_queue_ns, switches: Switches { voluntary, involuntary: 0 } }
    }

    #[test]
    fn new_threads_count_whole_and_ended_ones_do_not_go_below_zero() {
        let before = HashMap::from([(1, thread(100, 5)), (2, thread(900, 9))]);
        let now = HashMap::from([(1, thread(150, 6)), (3, thread(30, 2))]);
        assert_eq!(ThreadCounters::growth(&now, &before), thread(80, 3));
    }

    #[test]
    fn storage_that_was_never_seen_does_not_jump() {
        let io = Some(IoBytes { read: 10, write: 20 });
        let (seen, unseen) =
            (ProcessCounters { io, ..ProcessCounters::default() }, ProcessCounters::default());
        assert_eq!(seen.since(unseen).io, None);
        assert_eq!(seen.since(seen).io, Some(IoBytes { read: 0, write: 0 }));
    }
}
