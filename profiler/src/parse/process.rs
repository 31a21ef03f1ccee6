//! One process or thread: `stat`, `status`, `schedstat`, `io`, `smaps_rollup`.
//!
//! The command name in `stat` stands in parentheses and may itself hold spaces, parentheses and newlines, so the line
//! is split at the *last* closing parenthesis.

use super::words::{after_key, kib_after_key};

/// What is used of `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PidStat {
    /// State letter; `Z` and `X` are dead.
    pub(crate) state: char,
    /// Parent's process id.
    pub(crate) parent: u32,
    /// Page faults without disk, all threads.
    pub(crate) minor_faults: u64,
    /// Page faults with disk, all threads.
    pub(crate) major_faults: u64,
    /// CPU time in clock ticks, user and system.
    pub(crate) cpu_ticks: u64,
    /// Threads.
    pub(crate) threads: u32,
    /// Start in clock ticks since boot.
    pub(crate) start_ticks: u64,
    /// Resident pages.
    pub(crate) rss_pages: u64,
}

impl PidStat {
    /// Reads one line.
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
            // Printed as a signed number; it is never negative in fact.
            rss_pages: number(24)?,
        })
    }

    /// Whether it has ended and only waits to be reaped.
    pub(crate) fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }
}

/// Context switches of one thread, from its `status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Switches {
    /// By waiting.
    pub(crate) voluntary: u64,
    /// By being pushed off.
    pub(crate) involuntary: u64,
}

impl Switches {
    /// Reads a `status` file.
    pub(crate) fn parse(status: &str) -> Option<Self> {
        // They stand at the very end, so the search begins there.
        let tail =
            status.rfind("voluntary_ctxt_switches").and_then(|at| status[..at].rfind("\nvoluntary_"))?;
        let tail = &status[tail + 1..];
        Some(Self {
            voluntary: after_key(tail, "voluntary_ctxt_switches")?,
            involuntary: after_key(tail, "nonvoluntary_ctxt_switches")?,
        })
    }
}

/// Swapped-out bytes of a process, from its `status`; kernel threads have none.
pub(crate) fn swapped_bytes(status: &str) -> Option<u64> {
    kib_after_key(status, "VmSwap")
}

/// The id of a process or thread in its innermost namespace, from its `status`: its own view of itself.
pub(crate) fn innermost_id(status: &str) -> Option<u64> {
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    ids.split_ascii_whitespace().next_back()?.parse().ok()
}

/// Nanoseconds that a thread was ready without a core: the second number of its `schedstat`.
pub(crate) fn run_queue_ns(schedstat: &str) -> Option<u64> {
    super::words::word(schedstat, 1)
}

/// The proportional set size in bytes, from `smaps_rollup`.
pub(crate) fn proportional_set(rollup: &str) -> Option<u64> {
    kib_after_key(rollup, "Pss")
}

/// Bytes from and to storage, from `io`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct IoBytes {
    /// Read.
    pub(crate) read: u64,
    /// Written (to the page cache's account, as the kernel attributes it).
    pub(crate) write: u64,
}

impl IoBytes {
    /// Reads an `io` file.
    pub(crate) fn parse(io: &str) -> Option<Self> {
        Some(Self { read: after_key(io, "read_bytes")?, write: after_key(io, "write_bytes")? })
    }
}
