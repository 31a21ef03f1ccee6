//! Host files: `stat`, `meminfo`, `vmstat`, `diskstats`, `pressure/*`.

use std::collections::BTreeSet;

use super::fields::{bytes_after_key, nth_number, value_after_key};

/// Bytes per sector in `diskstats`, whatever the disk's own sector size is.
const SECTOR: u64 = 512;

/// CPU time of all cores since boot, in clock ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CpuTicks {
    /// User, nice, system and interrupts; guests are included in user.
    pub(crate) busy: u64,
    /// Idle while waiting for a disk.
    pub(crate) iowait: u64,
    /// Taken by the hypervisor for other machines.
    pub(crate) steal: u64,
}

impl CpuTicks {
    /// Parses the first line of `/proc/stat`.
    pub(crate) fn parse(stat: &str) -> Option<Self> {
        let line = stat.lines().find(|line| line.starts_with("cpu "))?;
        let at = |index| nth_number(line, index);
        // cpu user nice system idle iowait irq softirq steal …
        let busy = [1, 2, 3, 6, 7]
            .into_iter()
            .map(at)
            .try_fold(0_u64, |sum, part| Some(sum.saturating_add(part?)))?;
        Some(Self { busy, iowait: at(5)?, steal: at(8).unwrap_or(0) })
    }
}

/// Number of runnable processes, from `/proc/stat`.
pub(crate) fn running_processes(stat: &str) -> Option<u64> {
    value_after_key(stat, "procs_running")
}

/// Available memory in bytes, from `meminfo`.
pub(crate) fn available_memory(meminfo: &str) -> Option<u64> {
    bytes_after_key(meminfo, "MemAvailable")
}

/// Pages swapped in and out since boot, from `vmstat`.
pub(crate) fn swapped_pages(vmstat: &str) -> Option<(u64, u64)> {
    Some((value_after_key(vmstat, "pswpin")?, value_after_key(vmstat, "pswpout")?))
}

/// Microseconds since boot in which some task waited, from a file of `/proc/pressure`.
pub(crate) fn pressure_some_us(pressure: &str) -> Option<u64> {
    let line = pressure.lines().find(|line| line.starts_with("some "))?;
    line.split_ascii_whitespace().find_map(|word| word.strip_prefix("total="))?.parse().ok()
}

/// Bytes read and written by whole disks since boot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DiskBytes {
    pub(crate) read: u64,
    pub(crate) write: u64,
}

impl DiskBytes {
    /// Sums the lines of `diskstats` whose device is in `disks` (the names in `/sys/block`, so no partitions) and
    /// is not a layer over other devices or memory, which would count bytes twice or count no disk.
    pub(crate) fn parse(diskstats: &str, disks: &BTreeSet<String>) -> Self {
        let mut sum = Self::default();
        for line in diskstats.lines() {
            let Some(name) = line.split_ascii_whitespace().nth(2) else { continue };
            if !disks.contains(name) || LAYERS.iter().any(|prefix| name.starts_with(prefix)) {
                continue;
            }
            let bytes = |index| nth_number(line, index).unwrap_or(0).saturating_mul(SECTOR);
            sum.read = sum.read.saturating_add(bytes(5));
            sum.write = sum.write.saturating_add(bytes(9));
        }
        sum
    }
}

const LAYERS: [&str; 5] = ["loop", "ram", "zram", "dm-", "md"];
