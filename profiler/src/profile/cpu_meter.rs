//! Measures what each tier used while it was profiled, as counted by the kernel: CPU time and time ready without a
//! core.

use std::collections::{BTreeMap, HashSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kneepoint_model::tier::Tier;

use crate::os::{KernelUnits, ProcReader, ProcessTree, since_boot};
use crate::sample::{Detail, Tick, TierTracker};
use crate::source::ProfileTarget;

/// How often new and ended workers are looked for.
const INTERVAL: Duration = Duration::from_millis(250);

/// Kernel-counted usage of a tier, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct CpuUsage {
    pub(super) cpu_ns: u64,
    pub(super) run_queue_ns: u64,
}

/// Measures in its own thread until stopped.
#[derive(Debug)]
pub(super) struct CpuMeter {
    stop: Sender<()>,
    thread: JoinHandle<BTreeMap<Tier, CpuUsage>>,
}

impl CpuMeter {
    /// Reads all targets and starts measuring; ends by itself after `window`.
    pub(super) fn start(targets: &[ProfileTarget], window: Duration) -> std::io::Result<Self> {
        let units = KernelUnits::detect();
        let all_roots = targets.iter().flat_map(|target| target.roots.iter().copied()).collect();
        let trackers =
            targets.iter().map(|t| TierTracker::new(t.tier, &t.roots, Detail::CpuOnly, units)).collect();
        let meter =
            MeterThread { trackers, all_roots, reader: ProcReader::default(), usage: BTreeMap::new() };
        let (stop, stopped) = channel();
        let body = move || meter.run_until(&stopped, window);
        let thread = thread::Builder::new().name("kp-meter".to_owned()).spawn(body)?;
        Ok(Self { stop, thread })
    }

    /// Stops measuring and returns the usage by tier.
    pub(super) fn stop(self) -> BTreeMap<Tier, CpuUsage> {
        drop(self.stop);
        self.thread.join().unwrap_or_default()
    }
}

struct MeterThread {
    trackers: Vec<TierTracker>,
    all_roots: HashSet<u32>,
    reader: ProcReader,
    usage: BTreeMap<Tier, CpuUsage>,
}

impl MeterThread {
    fn run_until(mut self, stopped: &Receiver<()>, window: Duration) -> BTreeMap<Tier, CpuUsage> {
        let end = Instant::now() + window;
        let mut previous = None;
        loop {
            let boot = since_boot();
            self.tick(previous);
            previous = Some(boot);
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return self.usage;
            }
            if stopped.recv_timeout(left.min(INTERVAL)) != Err(RecvTimeoutError::Timeout) {
                self.tick(previous);
                return self.usage;
            }
        }
    }

    fn tick(&mut self, previous: Option<Duration>) {
        let tree = ProcessTree::detect().snapshot(&mut self.reader);
        let all_roots = &self.all_roots;
        let tick = Tick { tree: &tree, all_roots, previous, descriptors: false, proportional: false };
        for tracker in &mut self.trackers {
            let sample = tracker.tick(&tick, &mut self.reader);
            let usage = self.usage.entry(sample.tier).or_default();
            usage.cpu_ns += sample.cpu_us.0.saturating_mul(1_000);
            usage.run_queue_ns += sample.run_queue_us.0.saturating_mul(1_000);
        }
    }
}
