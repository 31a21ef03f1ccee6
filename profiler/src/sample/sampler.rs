//! The sampling thread: ticks at absolute times, one line per tick, synced every second; stops within 300 ms of a
//! shutdown request.

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

use super::foreign::ForeignCpu;
use super::host::{HostCounters, HostReader};
use super::plan::SamplePlan;
use super::tier::{Detail, Tick, TierTracker};
use crate::os::{KernelUnits, ProcReader, ProcessTree, since_boot, thread_cpu, unix_ms};
use crate::parse::parse_stub_status;
use crate::profile::unknown_processes_gap;
use crate::store::GaugeSlot;
use crate::{ProfilerError, http};

/// Limit for the status page: a saturated proxy must not delay the ticks.
const NGINX_DEADLINE: Duration = Duration::from_millis(200);
/// How often the proportional memory is read.
const PROPORTIONAL_EVERY: Duration = Duration::from_secs(4);

/// Summary of a sampling run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SampleSummary {
    /// Lines written to the file.
    pub ticks: u64,
    /// Failed reads and writes.
    pub errors: u64,
    /// CPU time of the sampling thread, in microseconds.
    pub own_cpu_us: Micros,
    /// Gaps in the measurement, with reason and fix.
    pub unmeasured: Vec<Unmeasured>,
}

/// A gap in less than one of this many ticks changes no reported figure, and is not reported.
const REPORTABLE_FRACTION: u64 = 20;

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
    /// Starts writing `samples/resources.jsonl` of the run; the first line is written one interval later.
    ///
    /// # Errors
    /// The file cannot be opened or no thread can be started. Later failures are counted, not returned.
    pub fn start(
        plan: SamplePlan,
        run: &RunFolder,
        events: Arc<dyn EventSink>,
    ) -> Result<SamplerHandle, ProfilerError> {
        let lines = run.append(names::RESOURCES)?;
        let (stop, stopped) = channel();
        let thread = thread::Builder::new()
            .name("kp-sampler".to_owned())
            .spawn(move || SamplerThread::new(&plan, lines, events).run_until(&stopped, plan.interval()))
            .map_err(|source| ProfilerError::System { action: "start the sampling thread", source })?;
        Ok(SamplerHandle { stop: Some(stop), thread: Some(thread) })
    }
}

impl SamplerHandle {
    /// Stops the thread and returns the summary; takes at most 300 ms.
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

struct SamplerThread {
    lines: LineWriter,
    events: Arc<dyn EventSink>,
    reader: ProcReader,
    tree: ProcessTree,
    host: HostReader,
    tiers: Vec<TierTracker>,
    all_roots: HashSet<u32>,
    foreign: ForeignCpu,
    nginx: Option<Url>,
    stores: GaugeSlot,
    nginx_failures: u64,
    summary: SampleSummary,
    /// Tiers whose processes are not visible from this machine.
    hidden: Vec<Unmeasured>,
}

/// Reports a tier in containers whose processes are not known.
fn hidden_tier(info: &TierInfo) -> Option<Unmeasured> {
    let hidden = info.roots.is_empty() && !info.containers.is_empty();
    hidden
        .then(|| unknown_processes_gap(format!("CPU and memory of the {} tier", info.tier), &info.containers))
}

/// State at the previous tick.
struct TickStart {
    at: Instant,
    boot: Duration,
    host: HostCounters,
}

impl SamplerThread {
    fn new(plan: &SamplePlan, lines: LineWriter, events: Arc<dyn EventSink>) -> Self {
        let units = KernelUnits::detect();
        let full = |roots: &TierInfo| TierTracker::new(roots.tier, &roots.roots, Detail::Full, units);
        let mut tiers: Vec<TierTracker> = plan
            .tiers
            .iter()
            .filter(|tier| !tier.roots.is_empty() && tier.tier != Tier::Generator)
            .map(full)
            .collect();
        tiers.push(TierTracker::kneepoint(Detail::Full, units));
        Self {
            lines,
            events,
            reader: ProcReader::default(),
            tree: ProcessTree::detect(),
            host: HostReader::new(units),
            tiers,
            all_roots: plan.tiers.iter().flat_map(|tier| tier.roots.iter().copied()).collect(),
            foreign: ForeignCpu::default(),
            nginx: plan.nginx_status.clone(),
            stores: plan.stores.clone(),
            nginx_failures: 0,
            summary: SampleSummary::default(),
            hidden: plan.tiers.iter().filter_map(hidden_tier).collect(),
        }
    }

    fn run_until(mut self, stopped: &Receiver<()>, interval: Duration) -> SampleSummary {
        let mut before = self.read_baseline();
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
            // A late tick does not shorten the next ones: their length is measured, not assumed.
            due = (due + interval).max(Instant::now() + interval / 2);
        }
        self.summary.errors += u64::from(self.lines.sync().is_err());
        gaps.extend(self.gaps());
        self.summary.unmeasured = gaps.into_iter().collect();
        self.summary.own_cpu_us = Micros::from_duration(thread_cpu());
        self.summary
    }

    /// Reads all counters without writing a line.
    fn read_baseline(&mut self) -> TickStart {
        let before =
            TickStart { at: Instant::now(), boot: since_boot(), host: self.host.read(&mut self.reader) };
        self.read_tiers(None, true, false);
        before
    }

    fn tick(&mut self, before: &TickStart, descriptors: bool, proportional: bool) -> TickStart {
        let now =
            TickStart { at: Instant::now(), boot: since_boot(), host: self.host.read(&mut self.reader) };
        let at_ms = unix_ms();
        let tiers = self.read_tiers(Some(before.boot), descriptors, proportional);
        let mut host = self.host.delta(&before.host, &now.host);
        host.foreign_us = self.foreign.add_tick(host.busy_us, tiers.iter().map(|tier| tier.cpu_us).sum());
        let tick_us = Micros::from_duration(now.at - before.at);
        let nginx = self.fetch_nginx_status();
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
        let tree = self.tree.snapshot(&mut self.reader);
        let tick = Tick { tree: &tree, all_roots: &self.all_roots, previous, descriptors, proportional };
        self.tiers.iter_mut().map(|tier| tier.tick(&tick, &mut self.reader)).collect()
    }

    fn fetch_nginx_status(&mut self) -> Option<NginxSample> {
        let url = self.nginx.as_ref()?;
        let response = http::get(url, NGINX_DEADLINE, 4_096, &Cancel::new()).ok();
        let text = response.filter(|response| response.status == 200).map(|response| response.body);
        let sample = text.and_then(|body| parse_stub_status(&String::from_utf8_lossy(&body)));
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
        let mut gaps: Vec<Unmeasured> = self.tiers.iter().filter_map(TierTracker::permission_gap).collect();
        gaps.extend(self.hidden.iter().cloned());
        let vanished: u64 = self.tiers.iter().map(|tier| tier.vanished).sum();
        if vanished * REPORTABLE_FRACTION > self.summary.ticks {
            gaps.push(Unmeasured {
                what: format!("the last tick of {vanished} processes that ended during sampling"),
                why: "/proc drops a process when it ends, with its usage since the last tick".to_owned(),
                fix: "keep workers alive during a run (gunicorn: --max-requests 0), or sample at 5 Hz"
                    .to_owned(),
            });
        }
        if self.nginx_failures * REPORTABLE_FRACTION > self.summary.ticks
            && let Some(url) = &self.nginx
        {
            gaps.push(Unmeasured {
                what: format!("nginx status in {} ticks", self.nginx_failures),
                why: format!("{} returned no stub_status page within 200 ms", http::display_url(url)),
                fix: "enable `stub_status` on a loopback address in nginx, and keep a connection free for it"
                    .to_owned(),
            });
        }
        gaps
    }
}
