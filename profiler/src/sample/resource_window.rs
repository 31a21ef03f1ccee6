//! Resource use between two points in time chosen by the caller, of one or several stacks side by side.
//!
//! Unlike the sampler it neither ticks nor writes. The usage of an idle stack belongs to that stack, so that it is
//! not counted as foreign CPU.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use kneepoint_model::sample::{HostSample, TierSample};
use kneepoint_model::stack::StackInfo;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Micros;

use super::foreign::ForeignCpu;
use super::host::{HostCounters, HostReader};
use super::tier::{Detail, Tick, TierTracker};
use crate::os::{KernelUnits, ProcReader, ProcessTree, since_boot};
use crate::parse::active_opens;

/// Resource use since the previous window.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceWindow {
    /// Length of the window.
    pub length: Duration,
    /// Host figures; foreign CPU is what neither a stack nor kneepoint used.
    pub host: HostSample,
    /// Tiers of each stack, in the order in which the stacks were passed.
    pub stacks: Vec<Vec<TierSample>>,
    /// TCP connections opened from this machine; `None` when the kernel does not report them.
    pub opened: Option<u64>,
}

impl ResourceWindow {
    /// Share of the machine's CPU that was not available to us: foreign CPU and CPU stolen by the hypervisor.
    pub fn foreign_share(&self) -> f64 {
        let capacity = self.length.as_micros() as f64 * f64::from(self.host.cores.max(1));
        let lost = self.host.foreign_us.as_f64() + self.host.steal_us.as_f64();
        if capacity > 0.0 { lost / capacity } else { 0.0 }
    }
}

/// Measures windows of resource use on demand.
#[derive(Debug)]
pub struct ResourceSnapshotter {
    reader: ProcReader,
    tree: ProcessTree,
    host: HostReader,
    stacks: Vec<Vec<TierTracker>>,
    kneepoint: TierTracker,
    all_roots: HashSet<u32>,
    foreign: ForeignCpu,
    before: WindowStart,
}

/// State at the end of the previous window.
#[derive(Debug)]
struct WindowStart {
    at: Instant,
    boot: Duration,
    host: HostCounters,
    opened: Option<u64>,
}

impl ResourceSnapshotter {
    /// Starts the first window for these stacks.
    pub fn new(stacks: &[&StackInfo]) -> Self {
        let units = KernelUnits::detect();
        let trackers = |stack: &&StackInfo| {
            let tiers = stack.tiers.iter();
            let watched = tiers.filter(|tier| !tier.roots.is_empty() && tier.tier != Tier::Generator);
            watched.map(|tier| TierTracker::new(tier.tier, &tier.roots, Detail::Full, units)).collect()
        };
        let roots = stacks.iter().flat_map(|stack| &stack.tiers).flat_map(|tier| tier.roots.iter().copied());
        let mut snapshotter = Self {
            reader: ProcReader::default(),
            tree: ProcessTree::detect(),
            host: HostReader::new(units),
            stacks: stacks.iter().map(trackers).collect(),
            kneepoint: TierTracker::kneepoint(Detail::CpuOnly, units),
            all_roots: roots.collect(),
            foreign: ForeignCpu::default(),
            before: WindowStart {
                at: Instant::now(),
                boot: since_boot(),
                host: HostCounters::default(),
                opened: None,
            },
        };
        snapshotter.before = snapshotter.read_start();
        snapshotter.read_tiers(None);
        snapshotter
    }

    /// Ends the current window, returns it, and starts the next.
    pub fn take(&mut self) -> ResourceWindow {
        let now = self.read_start();
        let (stacks, kneepoint) = self.read_tiers(Some(self.before.boot));
        let mut host = self.host.delta(&self.before.host, &now.host);
        let known: Micros = stacks.iter().flatten().map(|tier| tier.cpu_us).sum();
        host.foreign_us = self.foreign.add_tick(host.busy_us, known + kneepoint.cpu_us);
        let opened = self.before.opened.zip(now.opened).map(|(before, now)| now.saturating_sub(before));
        let length = now.at - self.before.at;
        self.before = now;
        ResourceWindow { length, host, stacks, opened }
    }

    fn read_start(&mut self) -> WindowStart {
        let opened = self.reader.read("/proc/net/snmp").ok().and_then(active_opens);
        WindowStart { at: Instant::now(), boot: since_boot(), host: self.host.read(&mut self.reader), opened }
    }

    fn read_tiers(&mut self, previous: Option<Duration>) -> (Vec<Vec<TierSample>>, TierSample) {
        let tree = self.tree.snapshot(&mut self.reader);
        let tick =
            Tick { tree: &tree, all_roots: &self.all_roots, previous, descriptors: true, proportional: true };
        let reader = &mut self.reader;
        let stacks = self.stacks.iter_mut();
        let stacks =
            stacks.map(|tiers| tiers.iter_mut().map(|tier| tier.tick(&tick, reader)).collect()).collect();
        (stacks, self.kneepoint.tick(&tick, reader))
    }
}
