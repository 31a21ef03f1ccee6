//! Process and thread files: `stat`, `status`, `schedstat`, `io`, `smaps_rollup`.
//!
//! The command name in `stat` is in parentheses and may itself contain spaces, parentheses and newlines, so the line
//! is split at the *last* closing parenthesis.

use super::fields::{bytes_after_key, value_after_key};

/// Used fields of `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PidStat {
    /// State letter; `Z` and `X` are dead.
    pub(crate) state: char,
    /// Process id of the parent.
    pub(crate) parent: u32,
    /// Page faults without disk access, all threads.
    pub(crate) minor_faults: u64,
    /// Page faults with disk access, all threads.
    pub(crate) major_faults: u64,
    /// CPU time in clock ticks, user and system.
    pub(crate) cpu_ticks: u64,
    pub(crate) threads: u32,
    /// Start time in clock ticks since boot.
    pub(crate) start_ticks: u64,
    /// Resident memory in pages.
    pub(crate) rss_pages: u64,
}

impl PidStat {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.get(text.rfind(')')? + 1..)?.split_ascii_whitespace().collect();
        // Field numbers as in the manual, which counts from 1; the first here is field 3.
        let field = |number: usize| fields.get(number - 3).copied();
        let number = |at: usize| field(at)?.parse::<u64>().ok();
        Some(Self {
            state: field(3)?.chars().next()?,
            parent: field(4)?.parse().ok()?,
            minor_faults: number(10)?,
            major_faults: number(12)?,
            cpu_ticks: number(14)?.saturating_add(number(15)?),
            threads: field(20)?.parse().ok()?,
            start_ticks: number(22)?,
            // Printed as a signed number, but never negative.
            rss_pages: number(24)?,
        })
    }

    /// True when the process has ended and waits to be reaped.
    pub(crate) fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }
}

/// Context switches of one thread, from its `status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Switches {
    /// The thread waited for something.
    pub(crate) voluntary: u64,
    /// The scheduler preempted the thread.
    pub(crate) involuntary: u64,
}

impl Switches {
    pub(crate) fn parse(status: &str) -> Option<Self> {
        // The lines are at the very end, so the search starts there.
        let tail =
            status.rfind("voluntary_ctxt_switches").and_then(|at| status[..at].rfind("\nvoluntary_"))?;
        let tail = &status[tail + 1..];
        Some(Self {
            voluntary: value_after_key(tail, "voluntary_ctxt_switches")?,
            involuntary: value_after_key(tail, "nonvoluntary_ctxt_switches")?,
        })
    }
}

/// Swapped-out bytes of a process, from its `status`; kernel threads have none.
pub(crate) fn swapped_bytes(status: &str) -> Option<u64> {
    bytes_after_key(status, "VmSwap")
}

/// Id of a process or thread in its innermost namespace, from its `status`: the id that it sees itself.
pub(crate) fn innermost_id(status: &str) -> Option<u64> {
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    ids.split_ascii_whitespace().next_back()?.parse().ok()
}

/// Nanoseconds that a thread was ready without a core: the second number of its `schedstat`.
pub(crate) fn run_queue_ns(schedstat: &str) -> Option<u64> {
    super::fields::nth_number(schedstat, 1)
}

/// Proportional set size in bytes, from `smaps_rollup`.
pub(crate) fn proportional_set(rollup: &str) -> Option<u64> {
    bytes_after_key(rollup, "Pss")
}

/// Bytes from and to storage, from `io`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct IoBytes {
    /// Bytes fetched from storage, not from the page cache.
    pub(crate) read: u64,
    /// As attributed by the kernel when pages are dirtied, not when they reach the disk.
    pub(crate) write: u64,
}

impl IoBytes {
    pub(crate) fn parse(io: &str) -> Option<Self> {
        Some(Self { read: value_after_key(io, "read_bytes")?, write: value_after_key(io, "write_bytes")? })
    }
}
