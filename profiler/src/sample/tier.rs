//! Tracks one tier: its root processes and their descendants, from tick to tick.
//!
//! A process that started within the tick counts whole; one that existed before but was not known counts from now on;
//! one that has ended keeps its usage up to its last tick and is counted as vanished.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use kneepoint_model::sample::TierSample;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros};
use kneepoint_model::unmeasured::Unmeasured;

use super::process::{
    ProcessCounters, ProcessReading, ThreadCounters, descriptors, is_forbidden, proportional_memory,
    read_process,
};
use crate::os::{KernelUnits, ProcReader, TreeSnapshot};

/// How much is read of each process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// CPU time and run queue only.
    CpuOnly,
    /// All counters and gauges.
    Full,
}

/// Inputs that all tiers share in one tick.
#[derive(Debug)]
pub(crate) struct Tick<'a> {
    /// Process tree of this tick.
    pub(crate) tree: &'a TreeSnapshot,
    /// Roots of all tiers, because no tier includes another tier's roots.
    pub(crate) all_roots: &'a HashSet<u32>,
    /// Time of the previous tick since boot; `None` in the first tick, which only reads the baseline.
    pub(crate) previous: Option<Duration>,
    /// Count descriptors in this tick (about once a second).
    pub(crate) descriptors: bool,
    /// Read the proportional memory in this tick (every few seconds).
    pub(crate) proportional: bool,
}

#[derive(Debug, Default)]
struct KnownProcess {
    reading: ProcessReading,
    descriptors: (u32, u32),
}

/// Tracks one tier from tick to tick.
#[derive(Debug)]
pub(crate) struct TierTracker {
    tier: Tier,
    roots: Vec<u32>,
    with_descendants: bool,
    detail: Detail,
    units: KernelUnits,
    known: HashMap<u32, KnownProcess>,
    /// Processes that ended while they were tracked.
    pub(crate) vanished: u64,
    forbidden: BTreeSet<&'static str>,
}

impl TierTracker {
    /// Tracks a tier by its root processes; for the generator only this process, which is what its profile covers.
    pub(crate) fn new(tier: Tier, roots: &[u32], detail: Detail, units: KernelUnits) -> Self {
        let with_descendants = tier != Tier::Generator;
        Self::with_scope(tier, roots, with_descendants, detail, units)
    }

    fn with_scope(
        tier: Tier,
        roots: &[u32],
        with_descendants: bool,
        detail: Detail,
        units: KernelUnits,
    ) -> Self {
        let (known, forbidden) = (HashMap::new(), BTreeSet::new());
        Self { tier, roots: roots.to_vec(), with_descendants, detail, units, known, vanished: 0, forbidden }
    }

    /// Tracks this process and the tools that it runs (perf), without the tiers that it started: the cost of
    /// kneepoint.
    pub(crate) fn kneepoint(detail: Detail, units: KernelUnits) -> Self {
        Self::with_scope(Tier::Generator, &[std::process::id()], true, detail, units)
    }

    /// Current processes of the tier.
    pub(crate) fn members(&self, tick: &Tick<'_>, reader: &mut ProcReader) -> Vec<u32> {
        if !self.with_descendants {
            return self.roots.clone();
        }
        let mut others = tick.all_roots.clone();
        others.retain(|root| !self.roots.contains(root));
        tick.tree.descendants(&self.roots, &others, reader)
    }

    /// Reads all processes and returns the tier's usage since the previous tick.
    pub(crate) fn tick(&mut self, tick: &Tick<'_>, reader: &mut ProcReader) -> TierSample {
        let mut sample = empty_sample(self.tier);
        let mut run_queue_ns = 0;
        let mut next = HashMap::new();
        for pid in self.members(tick, reader) {
            let Some(reading) = read_process(pid, self.detail == Detail::Full, self.units, reader) else {
                continue;
            };
            let old =
                self.known.remove(&pid).filter(|known| known.reading.start_ticks == reading.start_ticks);
            let began = old.is_none() && self.began_within(tick, &reading);
            let (grown, threads) = growth(&reading, old.as_ref().map(|known| &known.reading), began);
            add_process(&mut sample, &reading, grown, threads);
            run_queue_ns += threads.run_queue_ns;
            sample.started += u32::from(began);
            let descriptors = self.read_gauges(
                pid,
                tick,
                &reading,
                old.map(|known| known.descriptors),
                reader,
                &mut sample,
            );
            next.insert(pid, KnownProcess { reading, descriptors });
        }
        sample.run_queue_us = Micros(run_queue_ns / 1_000);
        self.vanished += self.known.len() as u64;
        self.known = next;
        sample
    }

    fn began_within(&self, tick: &Tick<'_>, reading: &ProcessReading) -> bool {
        let start = Duration::from_micros(reading.start_ticks.saturating_mul(self.units.tick_us));
        // The start time is truncated to a clock tick, so it may be up to one tick too early.
        let slack = Duration::from_micros(self.units.tick_us);
        tick.previous.is_some_and(|previous| start + slack >= previous)
    }

    /// Descriptors and proportional memory are read rarely and kept in between.
    fn read_gauges(
        &mut self,
        pid: u32,
        tick: &Tick<'_>,
        reading: &ProcessReading,
        old: Option<(u32, u32)>,
        reader: &mut ProcReader,
        sample: &mut TierSample,
    ) -> (u32, u32) {
        if self.detail == Detail::CpuOnly {
            return (0, 0);
        }
        let mut now = old.unwrap_or((0, 0));
        if tick.descriptors || old.is_none() {
            match descriptors(pid) {
                Some(counted) => now = counted,
                None => self.note_forbidden(pid, "fd", "open descriptors and sockets"),
            }
        }
        if reading.counters.io.is_none() {
            self.note_forbidden(pid, "io", "bytes from and to storage");
        }
        if tick.proportional {
            match proportional_memory(pid, reader) {
                Some(pss) => sample.pss = Some(Bytes(sample.pss.unwrap_or_default().0.saturating_add(pss))),
                None => self.note_forbidden(pid, "smaps_rollup", "proportional memory"),
            }
        }
        sample.fds += now.0;
        sample.sockets += now.1;
        now
    }

    fn note_forbidden(&mut self, pid: u32, file: &str, what: &'static str) {
        if !self.forbidden.contains(what) && is_forbidden(&format!("/proc/{pid}/{file}")) {
            self.forbidden.insert(what);
        }
    }

    /// What this user may not read of the tier.
    pub(crate) fn permission_gap(&self) -> Option<Unmeasured> {
        let what = self.forbidden.iter().copied().collect::<Vec<_>>().join(", ");
        (!what.is_empty()).then(|| Unmeasured {
            what: format!("{what} of the {} tier", self.tier),
            why: "its processes belong to another user, and only that user may read these /proc files"
                .to_owned(),
            fix: "run kneepoint as the tier's user or as root (CAP_SYS_PTRACE)".to_owned(),
        })
    }
}

/// Growth of a process: since the previous tick when it is known, whole when it started since then, else zero.
fn growth(
    now: &ProcessReading,
    old: Option<&ProcessReading>,
    began: bool,
) -> (ProcessCounters, ThreadCounters) {
    match old {
        Some(old) => {
            (now.counters.since(old.counters), ThreadCounters::growth(&now.by_thread, &old.by_thread))
        }
        None if began => (now.counters, ThreadCounters::growth(&now.by_thread, &HashMap::new())),
        None => (ProcessCounters::default(), ThreadCounters::default()),
    }
}

fn add_process(
    sample: &mut TierSample,
    reading: &ProcessReading,
    grown: ProcessCounters,
    threads: ThreadCounters,
) {
    let io = grown.io.unwrap_or_default();
    sample.processes += 1;
    sample.threads += reading.threads;
    sample.cpu_us += Micros(grown.cpu_us);
    sample.rss += Bytes(reading.rss);
    sample.swap += Bytes(reading.swap);
    sample.minor_faults += grown.minor_faults;
    sample.major_faults += grown.major_faults;
    sample.voluntary_switches += threads.switches.voluntary;
    sample.involuntary_switches += threads.switches.involuntary;
    sample.read += Bytes(io.read);
    sample.write += Bytes(io.write);
}

fn empty_sample(tier: Tier) -> TierSample {
    TierSample {
        tier,
        processes: 0,
        threads: 0,
        cpu_us: Micros::ZERO,
        run_queue_us: Micros::ZERO,
        rss: Bytes::ZERO,
        pss: None,
        swap: Bytes::ZERO,
        minor_faults: 0,
        major_faults: 0,
        voluntary_switches: 0,
        involuntary_switches: 0,
        fds: 0,
        sockets: 0,
        read: Bytes::ZERO,
        write: Bytes::ZERO,
        started: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(start_ticks: u64, cpu_us: u64) -> ProcessReading {
        let counters = ProcessCounters { cpu_us, ..ProcessCounters::default() };
        ProcessReading { start_ticks, counters, ..ProcessReading::default() }
    }

    #[test]
    fn known_processes_count_their_growth_new_ones_all_and_unknown_old_ones_nothing() {
        assert_eq!(growth(&reading(5, 900), Some(&reading(5, 400)), false).0.cpu_us, 500);
        assert_eq!(growth(&reading(5, 900), None, true).0.cpu_us, 900);
        assert_eq!(growth(&reading(5, 900), None, false).0.cpu_us, 0);
    }

    #[test]
    fn the_first_tick_is_a_baseline_and_a_start_within_a_tick_is_detected() {
        let units = KernelUnits { page: 4096, tick_us: 10_000 };
        let tracker = TierTracker::new(Tier::Server, &[1], Detail::CpuOnly, units);
        let all_roots = HashSet::new();
        let tree = TreeSnapshot::Complete(HashMap::new());
        let tick = |previous| Tick {
            tree: &tree,
            all_roots: &all_roots,
            previous,
            descriptors: false,
            proportional: false,
        };
        let began = |previous, start| tracker.began_within(&tick(previous), &reading(start, 1));
        assert!(!began(None, 100));
        assert!(began(Some(Duration::from_millis(1_005)), 100));
        assert!(!began(Some(Duration::from_millis(1_015)), 100));
    }
}
