//! What each tier truly used while it was profiled, by the kernel's account: CPU and time ready without a core.

use std::collections::{BTreeMap, HashSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kneepoint_model::tier::Tier;

use crate::os::{ProcessTree, Reader, Sizes, since_boot};
use crate::sample::{Detail, Tick, TierTracker};
use crate::source::Target;

/// How often workers that come and go are looked at.
const INTERVAL: Duration = Duration::from_millis(250);

/// What a tier used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) cpu_ns: u64,
    pub(super) run_queue_ns: u64,
}

/// Measures until stopped.
#[derive(Debug)]
pub(super) struct Meter {
    stop: Sender<()>,
    thread: JoinHandle<BTreeMap<Tier, Used>>,
}

impl Meter {
    /// Takes stock of all targets at once and begins; it ends by itself after `window`.
    pub(super) fn start(targets: &[Target], window: Duration) -> std::io::Result<Self> {
        let sizes = Sizes::here();
        let all_roots = targets.iter().flat_map(|target| target.roots.iter().copied()).collect();
        let trackers =
            targets.iter().map(|t| TierTracker::new(t.tier, &t.roots, Detail::CpuOnly, sizes)).collect();
        let metering = Metering { trackers, all_roots, reader: Reader::default(), used: BTreeMap::new() };
        let (stop, stopped) = channel();
        let body = move || metering.until(&stopped, window);
        let thread = thread::Builder::new().name("kp-meter".to_owned()).spawn(body)?;
        Ok(Self { stop, thread })
    }

    /// Ends it if it still runs, and gives what it counted.
    pub(super) fn stop(self) -> BTreeMap<Tier, Used> {
        drop(self.stop);
        self.thread.join().unwrap_or_default()
    }
}

struct Metering {
    trackers: Vec<TierTracker>,
    all_roots: HashSet<u32>,
    reader: Reader,
    used: BTreeMap<Tier, Used>,
}

impl Metering {
    fn until(mut self, stopped: &Receiver<()>, window: Duration) -> BTreeMap<Tier, Used> {
        let end = Instant::now() + window;
        let mut previous = None;
        loop {
            let boot = since_boot();
            self.tick(previous);
            previous = Some(boot);
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return self.used;
            }
            if stopped.recv_timeout(left.min(INTERVAL)) != Err(RecvTimeoutError::Timeout) {
                self.tick(previous);
                return self.used;
            }
        }
    }

    fn tick(&mut self, previous: Option<Duration>) {
        let family = ProcessTree::detect().look(&mut self.reader);
        let all_roots = &self.all_roots;
        let tick = Tick { family: &family, all_roots, previous, descriptors: false, proportional: false };
        for tracker in &mut self.trackers {
            let sample = tracker.tick(&tick, &mut self.reader);
            let used = self.used.entry(sample.tier).or_default();
            used.cpu_ns += sample.cpu_us.0.saturating_mul(1_000);
            used.run_queue_ns += sample.run_queue_us.0.saturating_mul(1_000);
        }
    }
}
