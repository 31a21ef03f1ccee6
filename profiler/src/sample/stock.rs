//! Taking stock between two moments of the caller's choosing, of one stack or of several that stand side by side.
//!
//! The sampler ticks by itself and writes; this does neither. What the stacks used is theirs even while they are idle, so
//! that the stack that waits for its turn is no stranger.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use kneepoint_model::sample::{HostSample, TierSample};
use kneepoint_model::stack::StackInfo;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Micros;

use super::foreign::Foreign;
use super::host::{HostCounters, HostReader};
use super::tier::{Detail, Tick, TierTracker};
use crate::os::{ProcessTree, Reader, Sizes, since_boot};
use crate::parse::active_opens;

/// What was used since stock was taken before.
#[derive(Debug, Clone, PartialEq)]
pub struct Stock {
    /// How long that is ago.
    pub length: Duration,
    /// The machine; its foreign CPU is what neither a stack nor kneepoint used.
    pub host: HostSample,
    /// The tiers of each stack, in the order in which the stacks were given.
    pub stacks: Vec<Vec<TierSample>>,
    /// TCP connections that were opened from this machine.
    pub opened: Option<u64>,
}

impl Stock {
    /// Share of the machine's CPU that was not ours to use: strangers', and what the hypervisor kept.
    pub fn foreign_share(&self) -> f64 {
        let capacity = self.length.as_micros() as f64 * f64::from(self.host.cores.max(1));
        let lost = self.host.foreign_us.as_f64() + self.host.steal_us.as_f64();
        if capacity > 0.0 { lost / capacity } else { 0.0 }
    }
}

/// Takes stock when asked.
#[derive(Debug)]
pub struct Stocktaker {
    reader: Reader,
    tree: ProcessTree,
    host: HostReader,
    stacks: Vec<Vec<TierTracker>>,
    kneepoint: TierTracker,
    all_roots: HashSet<u32>,
    foreign: Foreign,
    before: Before,
}

/// The moment before.
#[derive(Debug)]
struct Before {
    at: Instant,
    boot: Duration,
    host: HostCounters,
    opened: Option<u64>,
}

impl Stocktaker {
    /// For these stacks, beginning now.
    pub fn new(stacks: &[&StackInfo]) -> Self {
        let sizes = Sizes::here();
        let trackers = |stack: &&StackInfo| {
            let tiers = stack.tiers.iter();
            let watched = tiers.filter(|tier| !tier.roots.is_empty() && tier.tier != Tier::Generator);
            watched.map(|tier| TierTracker::new(tier.tier, &tier.roots, Detail::Full, sizes)).collect()
        };
        let roots = stacks.iter().flat_map(|stack| &stack.tiers).flat_map(|tier| tier.roots.iter().copied());
        let mut taker = Self {
            reader: Reader::default(),
            tree: ProcessTree::detect(),
            host: HostReader::new(sizes),
            stacks: stacks.iter().map(trackers).collect(),
            kneepoint: TierTracker::kneepoint(Detail::CpuOnly, sizes),
            all_roots: roots.collect(),
            foreign: Foreign::default(),
            before: Before {
                at: Instant::now(),
                boot: since_boot(),
                host: HostCounters::default(),
                opened: None,
            },
        };
        taker.before = taker.now();
        taker.tiers(None);
        taker
    }

    /// What was used since the last time.
    pub fn take(&mut self) -> Stock {
        let now = self.now();
        let (stacks, kneepoint) = self.tiers(Some(self.before.boot));
        let mut host = self.host.between(&self.before.host, &now.host);
        let known: Micros = stacks.iter().flatten().map(|tier| tier.cpu_us).sum();
        host.foreign_us = self.foreign.of_tick(host.busy_us, known + kneepoint.cpu_us);
        let opened = self.before.opened.zip(now.opened).map(|(before, now)| now.saturating_sub(before));
        let length = now.at - self.before.at;
        self.before = now;
        Stock { length, host, stacks, opened }
    }

    fn now(&mut self) -> Before {
        let opened = self.reader.read("/proc/net/snmp").ok().and_then(active_opens);
        Before { at: Instant::now(), boot: since_boot(), host: self.host.read(&mut self.reader), opened }
    }

    fn tiers(&mut self, previous: Option<Duration>) -> (Vec<Vec<TierSample>>, TierSample) {
        let family = self.tree.look(&mut self.reader);
        let tick = Tick {
            family: &family,
            all_roots: &self.all_roots,
            previous,
            descriptors: true,
            proportional: true,
        };
        let reader = &mut self.reader;
        let stacks = self.stacks.iter_mut();
        let stacks =
            stacks.map(|tiers| tiers.iter_mut().map(|tier| tier.tick(&tick, reader)).collect()).collect();
        (stacks, self.kneepoint.tick(&tick, reader))
    }
}
