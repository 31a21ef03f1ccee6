//! Reads the host's counters and computes the changes since the previous tick.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use kneepoint_model::sample::HostSample;
use kneepoint_model::units::{Bytes, Micros};
use kneepoint_model::unmeasured::Unmeasured;

use crate::os::{KernelUnits, ProcReader};
use crate::parse::{
    CpuTicks, DiskBytes, available_memory, listen_drops, network_bytes, pressure_some_us, retransmits,
    running_processes, swapped_pages, time_wait,
};

/// Counters since boot, and gauges, at one time; `None` where the kernel does not report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct HostCounters {
    cpu: Option<CpuTicks>,
    runnable: u64,
    available: u64,
    swapped_pages: Option<(u64, u64)>,
    disk: DiskBytes,
    network: (u64, u64),
    pressure: [Option<u64>; 3],
    listen_drops: Option<u64>,
    retransmits: Option<u64>,
    time_wait: u64,
}

/// Reads the counters of this machine.
#[derive(Debug)]
pub(crate) struct HostReader {
    disks: BTreeSet<String>,
    cores: u32,
    units: KernelUnits,
}

const PRESSURE: [&str; 3] = ["cpu", "memory", "io"];

impl HostReader {
    pub(crate) fn new(units: KernelUnits) -> Self {
        let names = fs::read_dir("/sys/block").into_iter().flatten().flatten();
        let disks = names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let present = fs::read_to_string("/proc/stat").map_or(0, |stat| count_cores(&stat));
        let cores = u32::try_from(present.max(cores)).unwrap_or(1);
        Self { disks, cores, units }
    }

    /// Reads all counters.
    pub(crate) fn read(&self, reader: &mut ProcReader) -> HostCounters {
        let mut now = HostCounters::default();
        if let Ok(text) = reader.read("/proc/stat") {
            now.cpu = CpuTicks::parse(text);
            now.runnable = running_processes(text).unwrap_or(0);
        }
        now.available = reader.read("/proc/meminfo").ok().and_then(available_memory).unwrap_or(0);
        now.swapped_pages = reader.read("/proc/vmstat").ok().and_then(swapped_pages);
        if let Ok(text) = reader.read("/proc/diskstats") {
            now.disk = DiskBytes::parse(text, &self.disks);
        }
        now.network = reader.read("/proc/net/dev").map_or((0, 0), network_bytes);
        for (slot, name) in now.pressure.iter_mut().zip(PRESSURE) {
            *slot = reader.read(format!("/proc/pressure/{name}")).ok().and_then(pressure_some_us);
        }
        now.listen_drops = reader.read("/proc/net/netstat").ok().and_then(listen_drops);
        now.retransmits = reader.read("/proc/net/snmp").ok().and_then(retransmits);
        now.time_wait = reader.read("/proc/net/sockstat").ok().and_then(time_wait).unwrap_or(0);
        now
    }

    /// Changes between two readings; `foreign_us` is left at zero for the caller, who knows the tiers.
    pub(crate) fn delta(&self, before: &HostCounters, now: &HostCounters) -> HostSample {
        let ticks = |pick: fn(&CpuTicks) -> u64| {
            let (old, new) = (before.cpu.as_ref().map(pick), now.cpu.as_ref().map(pick));
            Micros(increase(old, new).unwrap_or(0).saturating_mul(self.units.tick_us))
        };
        let (swap_before, swap_now) = (before.swapped_pages, now.swapped_pages);
        let swapped = |pick: fn((u64, u64)) -> u64| {
            Bytes(
                increase(swap_before.map(pick), swap_now.map(pick))
                    .unwrap_or(0)
                    .saturating_mul(self.units.page),
            )
        };
        let pressure = |at: usize| increase(before.pressure[at], now.pressure[at]).map(Micros);
        HostSample {
            cores: self.cores,
            busy_us: ticks(|cpu| cpu.busy),
            steal_us: ticks(|cpu| cpu.steal),
            iowait_us: ticks(|cpu| cpu.iowait),
            foreign_us: Micros::ZERO,
            runnable: u32::try_from(now.runnable).unwrap_or(u32::MAX),
            mem_available: Bytes(now.available),
            swap_in: swapped(|pages| pages.0),
            swap_out: swapped(|pages| pages.1),
            disk_read: Bytes(now.disk.read.saturating_sub(before.disk.read)),
            disk_write: Bytes(now.disk.write.saturating_sub(before.disk.write)),
            net_rx: Bytes(now.network.0.saturating_sub(before.network.0)),
            net_tx: Bytes(now.network.1.saturating_sub(before.network.1)),
            psi_cpu_us: pressure(0),
            psi_memory_us: pressure(1),
            psi_io_us: pressure(2),
            listen_drops: increase(before.listen_drops, now.listen_drops).unwrap_or(0),
            retransmits: increase(before.retransmits, now.retransmits).unwrap_or(0),
            time_wait: now.time_wait,
        }
    }
}

fn increase(before: Option<u64>, now: Option<u64>) -> Option<u64> {
    Some(now?.saturating_sub(before?))
}

fn count_cores(stat: &str) -> usize {
    stat.lines()
        .filter(|line| {
            line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        })
        .count()
}

impl HostCounters {
    /// Counters that this kernel does not report.
    pub(crate) fn gaps(&self) -> Vec<Unmeasured> {
        let mut gaps = Vec::new();
        let mut gap = |what: &str, why: &str, fix: &str| {
            gaps.push(Unmeasured { what: what.to_owned(), why: why.to_owned(), fix: fix.to_owned() });
        };
        if self.pressure.iter().any(Option::is_none) {
            let why = if Path::new("/proc/pressure").exists() {
                "/proc/pressure is not readable"
            } else {
                "this kernel does not account pressure stalls (/proc/pressure is missing)"
            };
            gap("pressure stalls (PSI) of the host", why, "boot with the kernel parameter psi=1");
        }
        if self.cpu.is_none() {
            gap("CPU of the host", "/proc/stat is not readable", "mount /proc without restrictions");
        }
        if self.listen_drops.is_none() {
            let why = "/proc/net/netstat does not show them";
            gap("dropped connections of the host", why, "run kneepoint in the host's network namespace");
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_become_deltas_in_their_units_and_absence_stays_absent() {
        let reader = HostReader {
            disks: BTreeSet::new(),
            cores: 2,
            units: KernelUnits { page: 4096, tick_us: 10_000 },
        };
        let before = HostCounters {
            cpu: Some(CpuTicks { busy: 100, iowait: 5, steal: 1 }),
            swapped_pages: Some((10, 20)),
            pressure: [Some(1_000), None, Some(7)],
            listen_drops: Some(3),
            ..HostCounters::default()
        };
        let now = HostCounters {
            cpu: Some(CpuTicks { busy: 125, iowait: 5, steal: 3 }),
            swapped_pages: Some((12, 19)),
            pressure: [Some(4_000), None, None],
            listen_drops: Some(8),
            ..HostCounters::default()
        };
        let sample = reader.delta(&before, &now);
        assert_eq!(
            (sample.busy_us, sample.iowait_us, sample.steal_us),
            (Micros(250_000), Micros(0), Micros(20_000))
        );
        assert_eq!((sample.swap_in, sample.swap_out), (Bytes(8192), Bytes(0)));
        assert_eq!(
            (sample.psi_cpu_us, sample.psi_memory_us, sample.psi_io_us),
            (Some(Micros(3_000)), None, None)
        );
        assert_eq!(sample.listen_drops, 5);
        assert_eq!(now.gaps().len(), 1, "{:?}", now.gaps());
    }

    #[test]
    fn this_machine_can_be_read() {
        let reader = HostReader::new(KernelUnits::detect());
        let now = reader.read(&mut ProcReader::default());
        assert!(
            reader.cores >= 1 && now.cpu.is_some() && now.available > 0 && now.retransmits.is_some(),
            "{now:?}"
        );
    }
}
