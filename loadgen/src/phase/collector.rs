//! Collects each second what the generator recorded, writes it, and announces it.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::load::{LoadModel, SecondStats};
use kneepoint_model::stage::Stage;
use kneepoint_model::stop_condition::{StopCondition, StopMonitor};
use kneepoint_model::units::PerSecond;

use crate::error::LoadError;
use crate::phase::context::PhaseContext;
use crate::phase::health::{CpuSnapshot, ThreadRole};
use crate::phase::live::{self, LiveReporter};
use crate::recorder::{IntervalStats, PhaseFiles, PhaseTotals};

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Takes the statistics of each second out of the recorder.
pub(super) struct Collector<'a> {
    context: &'a PhaseContext,
    files: PhaseFiles,
    events: &'a dyn EventSink,
    pub(super) totals: PhaseTotals,
    guard: StopMonitor,
    /// The limit at which the phase was stopped.
    pub(super) stopped_by: Option<StopCondition>,
    live: LiveReporter,
    spare: Option<Box<IntervalStats>>,
    last: Instant,
    pub(super) before: CpuSnapshot,
    pub(super) after: CpuSnapshot,
}

impl<'a> Collector<'a> {
    pub(super) fn new(context: &'a PhaseContext, files: PhaseFiles, events: &'a dyn EventSink) -> Self {
        context.threads.register_current(ThreadRole::Collector);
        let endpoints = context.prepared.endpoints.len();
        Self {
            context,
            files,
            events,
            totals: PhaseTotals::new(endpoints),
            guard: StopMonitor::new(&context.prepared.plan.options.stop_when),
            stopped_by: None,
            live: LiveReporter::new(context, events.interest()),
            spare: Some(Box::new(IntervalStats::new(endpoints))),
            last: context.prepared.window.start,
            before: CpuSnapshot::default(),
            after: CpuSnapshot::default(),
        }
    }

    /// Collects until the generator has ended; true when the phase was cut short.
    pub(super) fn run(
        &mut self,
        cancel: &Cancel,
        generator: &JoinHandle<Result<(), LoadError>>,
    ) -> Result<bool, LoadError> {
        let window = self.context.prepared.window;
        for tick in window.ticks() {
            while Instant::now() < tick {
                if self.last <= window.from && Instant::now() < window.from {
                    self.before = self.context.threads.snapshot();
                }
                if cancel.is_cancelled() || generator.is_finished() {
                    self.after = self.context.threads.snapshot();
                    return Ok(true);
                }
                std::thread::sleep(POLL_INTERVAL.min(tick.saturating_duration_since(Instant::now())));
            }
            if tick == window.from {
                self.before = self.context.threads.snapshot();
            }
            if tick == window.until {
                self.after = self.context.threads.snapshot();
            }
            self.collect(tick)?;
            if self.stopped_by.is_some() {
                self.after = self.context.threads.snapshot();
                return Ok(true);
            }
        }
        // The measured part is complete; only the drain follows.
        while !generator.is_finished() && !cancel.is_cancelled() {
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(false)
    }

    /// Writes, adds up and announces what ended since the last tick.
    fn collect(&mut self, to: Instant) -> Result<(), LoadError> {
        let spare = self
            .spare
            .take()
            .unwrap_or_else(|| Box::new(IntervalStats::new(self.context.prepared.endpoints.len())));
        let mut interval = self.context.recorder.swap(spare);
        let stats = self.files.write_interval(&interval, self.last, to, self.context.in_flight())?;
        self.totals.add(&interval);
        self.files.sync()?;
        if let Some(stats) = stats {
            self.announce(&stats, to);
            if let Some(second) = self.live.report_second(self.context, (&interval, &stats), &self.totals, to)
            {
                self.events.emit_second(second);
            }
            self.stopped_by = self.stopped_by.or(self.guard.observe(&stats));
            self.totals.seconds.push(stats);
        }
        interval.clear();
        self.spare = Some(interval);
        self.last = to;
        Ok(())
    }

    /// Collects what ended after the last tick.
    pub(super) fn collect_rest(&mut self) -> Result<(), LoadError> {
        self.collect(Instant::now().max(self.last))?;
        if let Some(last) = self.live.report_last(self.context, &self.totals) {
            self.events.emit_second(last);
        }
        Ok(())
    }

    fn announce(&self, stats: &SecondStats, to: Instant) {
        let window = &self.context.prepared.window;
        let length = to.saturating_duration_since(self.last);
        let load = match (self.context.prepared.plan.load.model(), live::describe_segment(self.context, to)) {
            (LoadModel::Closed { users }, _) => format!("closed {users} users"),
            (LoadModel::Open { rate }, None) => format!("open {rate}"),
            (LoadModel::Open { .. }, Some(segment)) => format!("open, {segment}"),
        };
        let warmup = if stats.warmup { "warm-up · " } else { "" };
        let message = format!(
            "{warmup}{load} · {:.0} req/s · p95 {} · {} errors · {} in flight",
            PerSecond::from_count(stats.requests, length).0,
            stats.p95_us,
            stats.errors,
            stats.in_flight
        );
        let done = to.saturating_duration_since(window.start).as_secs();
        let total = window.until.saturating_duration_since(window.start).as_secs();
        self.events.progress(Stage::Load, done, Some(total), &message);
    }
}
