//! The thread that ticks: absolute times, one line per tick, synced each second, gone within 300 ms of the wish.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::run::{LineWriter, RunFolder, names};
use kneepoint_model::sample::{NginxSample, ResourceSample, TierSample};
use kneepoint_model::stack::TierInfo;
use kneepoint_model::stage::Stage;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Micros;
use kneepoint_model::unmeasured::Unmeasured;
use url::Url;

use super::foreign::Foreign;
use super::host::{HostCounters, HostReader};
use super::plan::SamplePlan;
use super::tier::{Detail, Tick, TierTracker};
use crate::os::{ProcessTree, Reader, Sizes, since_boot, thread_cpu, unix_ms};
use crate::parse::stub_status;
use crate::profile::unknown_processes;
use crate::store::GaugeSlot;
use crate::{ProfilerError, http};

/// What the status page may cost: a saturated proxy must not hold the ticks up.
const NGINX_DEADLINE: Duration = Duration::from_millis(200);
/// How often the proportional memory is read.
const PROPORTIONAL_EVERY: Duration = Duration::from_secs(4);

/// What the sampler did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SampleSummary {
    /// Lines written.
    pub ticks: u64,
    /// Reads and writes that failed.
    pub errors: u64,
    /// CPU time of the sampler's own thread, in microseconds.
    pub own_cpu_us: Micros,
    /// What could not be measured.
    pub unmeasured: Vec<Unmeasured>,
}

/// A gap in fewer than one of this many ticks changes no figure that is quoted, and is not reported.
const WORTH_SAYING: u64 = 20;

/// Starts the sampling thread.
#[derive(Debug, Clone, Copy)]
pub struct Sampler;

/// A running sampler; dropping it stops it too.
#[derive(Debug)]
pub struct SamplerHandle {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<SampleSummary>>,
}

impl Sampler {
    /// Starts ticking into `samples/resources.jsonl` of the run; the first line comes one interval later.
    ///
    /// # Errors
    /// The file cannot be opened, or no thread can be had. Everything later is counted, not raised.
    pub fn start(
        plan: SamplePlan,
        run: &RunFolder,
        events: Arc<dyn EventSink>,
    ) -> Result<SamplerHandle, ProfilerError> {
        let lines = run.append(names::RESOURCES)?;
        let (stop, stopped) = channel();
        let thread = thread::Builder::new()
            .name("kp-sampler".to_owned())
            .spawn(move || Sampling::new(&plan, lines, events).until(&stopped, plan.interval()))
            .map_err(|source| ProfilerError::System { action: "start the sampling thread", source })?;
        Ok(SamplerHandle { stop: Some(stop), thread: Some(thread) })
    }
}

impl SamplerHandle {
    /// Stops and tells what was done; takes at most 300 ms.
    pub fn stop(mut self) -> SampleSummary {
        self.end().unwrap_or_default()
    }

    fn end(&mut self) -> Option<SampleSummary> {
        drop(self.stop.take());
        self.thread.take()?.join().ok()
    }
}

impl Drop for SamplerHandle {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

struct Sampling {
    lines: LineWriter,
    events: Arc<dyn EventSink>,
    reader: Reader,
    tree: ProcessTree,
    host: HostReader,
    tiers: Vec<TierTracker>,
    all_roots: HashSet<u32>,
    foreign: Foreign,
    nginx: Option<Url>,
    stores: GaugeSlot,
    nginx_failures: u64,
    summary: SampleSummary,
    /// Tiers that run where this machine cannot look.
    unseen: Vec<Unmeasured>,
}

/// A tier in containers whose processes are not known.
fn unseen(info: &TierInfo) -> Option<Unmeasured> {
    let hidden = info.roots.is_empty() && !info.containers.is_empty();
    hidden.then(|| unknown_processes(format!("CPU and memory of the {} tier", info.tier), &info.containers))
}

/// The moment of the tick before.
struct Before {
    at: Instant,
    boot: Duration,
    host: HostCounters,
}

impl Sampling {
    fn new(plan: &SamplePlan, lines: LineWriter, events: Arc<dyn EventSink>) -> Self {
        let sizes = Sizes::here();
        let full = |roots: &TierInfo| TierTracker::new(roots.tier, &roots.roots, Detail::Full, sizes);
        let mut tiers: Vec<TierTracker> = plan
            .tiers
            .iter()
            .filter(|tier| !tier.roots.is_empty() && tier.tier != Tier::Generator)
            .map(full)
            .collect();
        tiers.push(TierTracker::kneepoint(Detail::Full, sizes));
        Self {
            lines,
            events,
            reader: Reader::default(),
            tree: ProcessTree::detect(),
            host: HostReader::new(sizes),
            tiers,
            all_roots: plan.tiers.iter().flat_map(|tier| tier.roots.iter().copied()).collect(),
            foreign: Foreign::default(),
            nginx: plan.nginx_status.clone(),
            stores: plan.stores.clone(),
            nginx_failures: 0,
            summary: SampleSummary::default(),
            unseen: plan.tiers.iter().filter_map(unseen).collect(),
        }
    }

    fn until(mut self, stopped: &Receiver<()>, interval: Duration) -> SampleSummary {
        let mut before = self.take_stock();
        let mut gaps: BTreeSet<Unmeasured> = before.host.gaps().into_iter().collect();
        let (mut due, mut synced, mut proportional) = (before.at + interval, before.at, None);
        while stopped.recv_timeout(due.saturating_duration_since(Instant::now()))
            == Err(RecvTimeoutError::Timeout)
        {
            let now = Instant::now();
            let read_proportional = proportional.is_none_or(|last| now - last >= PROPORTIONAL_EVERY);
            let each_second = now - synced >= Duration::from_secs(1);
            before = self.tick(&before, each_second, read_proportional);
            if read_proportional {
                proportional = Some(now);
            }
            if each_second {
                synced = now;
                self.summary.errors += u64::from(self.lines.sync().is_err());
            }
            // A tick that came late does not hurry the ones after it: their length is measured, not assumed.
            due = (due + interval).max(Instant::now() + interval / 2);
        }
        self.summary.errors += u64::from(self.lines.sync().is_err());
        gaps.extend(self.gaps());
        self.summary.unmeasured = gaps.into_iter().collect();
        self.summary.own_cpu_us = Micros::from_duration(thread_cpu());
        self.summary
    }

    /// Notes all counters without writing a line.
    fn take_stock(&mut self) -> Before {
        let before =
            Before { at: Instant::now(), boot: since_boot(), host: self.host.read(&mut self.reader) };
        self.read_tiers(None, true, false);
        before
    }

    fn tick(&mut self, before: &Before, descriptors: bool, proportional: bool) -> Before {
        let now = Before { at: Instant::now(), boot: since_boot(), host: self.host.read(&mut self.reader) };
        let at_ms = unix_ms();
        let tiers = self.read_tiers(Some(before.boot), descriptors, proportional);
        let mut host = self.host.between(&before.host, &now.host);
        host.foreign_us = self.foreign.of_tick(host.busy_us, tiers.iter().map(|tier| tier.cpu_us).sum());
        let tick_us = Micros::from_duration(now.at - before.at);
        let nginx = self.ask_nginx();
        let gauges = self.stores.take();
        let (databases, caches) = (gauges.databases, gauges.caches);
        self.write(&ResourceSample { at_ms, tick_us, host, tiers, nginx, databases, caches });
        now
    }

    fn read_tiers(
        &mut self,
        previous: Option<Duration>,
        descriptors: bool,
        proportional: bool,
    ) -> Vec<TierSample> {
        let family = self.tree.look(&mut self.reader);
        let tick = Tick { family: &family, all_roots: &self.all_roots, previous, descriptors, proportional };
        self.tiers.iter_mut().map(|tier| tier.tick(&tick, &mut self.reader)).collect()
    }

    fn ask_nginx(&mut self) -> Option<NginxSample> {
        let url = self.nginx.as_ref()?;
        let answer = http::get(url, NGINX_DEADLINE, 4_096, &Cancel::new()).ok();
        let text = answer.filter(|answer| answer.status == 200).map(|answer| answer.body);
        let sample = text.and_then(|body| stub_status(&String::from_utf8_lossy(&body)));
        if sample.is_none() {
            self.nginx_failures += 1;
            self.summary.errors += 1;
        }
        sample
    }

    fn write(&mut self, sample: &ResourceSample) {
        self.events.emit_sample(sample);
        match self.lines.append_json(sample) {
            Ok(()) => self.summary.ticks += 1,
            Err(error) => {
                self.summary.errors += 1;
                if self.summary.errors == 1 {
                    self.events.warn(Stage::Load, &format!("a resource sample was lost: {error}"));
                }
            }
        }
    }

    fn gaps(&self) -> Vec<Unmeasured> {
        let mut gaps: Vec<Unmeasured> = self.tiers.iter().filter_map(TierTracker::gap).collect();
        gaps.extend(self.unseen.iter().cloned());
        let vanished: u64 = self.tiers.iter().map(|tier| tier.vanished).sum();
        if vanished * WORTH_SAYING > self.summary.ticks {
            gaps.push(Unmeasured {
                what: format!("the last tick of {vanished} processes that ended while they were sampled"),
                why: "/proc forgets a process when it ends, with what it used since the tick before"
                    .to_owned(),
                fix: "keep workers alive during a run (gunicorn: --max-requests 0), or sample at 5 Hz"
                    .to_owned(),
            });
        }
        if self.nginx_failures * WORTH_SAYING > self.summary.ticks
            && let Some(url) = &self.nginx
        {
            gaps.push(Unmeasured {
                what: format!("nginx status in {} ticks", self.nginx_failures),
                why: format!("{} gave no stub_status page within 200 ms", http::shown(url)),
                fix: "enable `stub_status` on a loopback address in nginx, and leave it a free connection"
                    .to_owned(),
            });
        }
        gaps
    }
}
