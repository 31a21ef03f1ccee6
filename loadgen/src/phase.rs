//! One phase from plan to result: a thread generates, this one collects each second, announces and writes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::load::{LoadModel, LoadPhase, SecondStats};
use kneepoint_model::run::RunFolder;
use kneepoint_model::stage::Stage;
use kneepoint_model::stop_condition::{StopCondition, StopMonitor};
use kneepoint_model::units::PerSecond;

use crate::assemble::{Circumstances, assemble};
use crate::closed::Alone;
use crate::error::LoadError;
use crate::health::{Account, Role, health};
use crate::live::{self, Live};
use crate::plan::PhasePlan;
use crate::recorder::{Ledger, PhaseFiles, PlanRecord, Shard};
use crate::site::Site;
use crate::transport::Target;
use crate::window::Window;
use crate::world::World;
use crate::{closed, open};

const LOOK: Duration = Duration::from_millis(20);
/// After a wish to stop, the generator's thread ends within this, or is left behind.
const FORCE: Duration = Duration::from_millis(800);
/// File descriptors that are not for requests.
const SPARE_FILES: u64 = 128;

/// Runs a phase to its end, or until `cancel` is set: then the result is partial, within a second.
///
/// Writes `load/<phase>.plan.json` first, then each second `load/<phase>.{hlog,seconds.jsonl,tallies.jsonl}`; the result
/// itself is for the caller to write. Figures hold what was *due* in the measured part; the achieved rate counts what
/// *ended* in it.
pub fn run_phase(
    plan: &PhasePlan,
    run: &RunFolder,
    cancel: &Cancel,
    events: &Arc<dyn EventSink>,
) -> Result<LoadPhase, LoadError> {
    plan.check()?;
    let site = Site::new(&plan.base_url, plan.host_header.as_deref());
    let target = Target::find(plan, site.host())?;
    let slots = slots(plan, events.as_ref());
    let lead = match plan.model {
        LoadModel::Closed { .. } => closed::LEAD,
        LoadModel::Open { .. } => open::lead(plan),
    };
    let alone = matches!(plan.model, LoadModel::Closed { .. }).then(Alone::wait);
    let window = Window::new(lead, plan.warmup, plan.duration);
    let world = Arc::new(World::new(plan, window, target, slots)?);
    let record = PlanRecord::new(plan, &window, &world.endpoints);
    let files = PhaseFiles::create(run, window, &record)?;
    let generator = start(&world, alone)?;
    let mut collector = Collector::new(&world, files, events.as_ref());
    let collected = collector.run(cancel, &generator);
    world.abort.store(true, Ordering::Relaxed);
    let ended = join(generator);
    let (cut, collected) = match collected {
        Ok(cut) => (cut, Ok(())),
        Err(error) => (true, Err(error)),
    };
    collector.rest()?;
    collected?;
    ended?;
    world.take_fault()?;
    let until_ms = if cut {
        window.to_ms(Instant::now()).min(record.measured_until_ms)
    } else {
        record.measured_until_ms
    };
    let until_ms = until_ms.max(record.measured_from_ms);
    let measured = Duration::from_millis((until_ms - record.measured_from_ms).get());
    let circumstances = Circumstances {
        until_ms,
        cost: health(&collector.before, &collector.after, measured, collector.ledger.ended),
        local_faults: world.local_faults.load(Ordering::Relaxed),
        partial: cut,
        stopped_by: collector.stopped_by,
    };
    Ok(assemble(&record, &collector.ledger, &circumstances))
}

/// Requests in flight that this process may have, raised as far as the system lets it.
fn slots(plan: &PhasePlan, events: &dyn EventSink) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    let want = plan.max_in_flight as u64 + SPARE_FILES;
    let mut have = limit.current.unwrap_or(u64::MAX);
    if have < want
        && have < hard
        && setrlimit(Resource::Nofile, Rlimit { current: Some(want.min(hard)), maximum: limit.maximum })
            .is_ok()
    {
        have = want.min(hard);
    }
    if have >= want {
        return plan.max_in_flight;
    }
    let slots = have.saturating_sub(SPARE_FILES).max(1) as usize;
    events.warn(
        Stage::Load,
        &format!(
            "max_in_flight is lowered to {slots}: only {have} open files are allowed; raise `ulimit -n`"
        ),
    );
    slots
}

fn start(world: &Arc<World>, alone: Option<Alone>) -> Result<JoinHandle<Result<(), LoadError>>, LoadError> {
    let world = Arc::clone(world);
    let body = move || {
        let _alone = alone;
        world.threads.enter(Role::Generates);
        match world.plan.model {
            LoadModel::Closed { .. } => closed::run(&world),
            LoadModel::Open { .. } => open::run(&world),
        }
    };
    Ok(Builder::new().name("kneepoint-load".into()).spawn(body)?)
}

/// Waits for the generator's thread, but not for ever.
fn join(generator: JoinHandle<Result<(), LoadError>>) -> Result<(), LoadError> {
    let until = Instant::now() + FORCE;
    while !generator.is_finished() {
        if Instant::now() >= until {
            // Everything that waits is asynchronous, so this is a thread without a core; what it held is lost.
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    generator.join().unwrap_or_else(|_| Err(LoadError::Broken("its thread panicked".into())))
}

/// Takes out what ended, each second, and keeps the accounts.
struct Collector<'a> {
    world: &'a World,
    files: PhaseFiles,
    events: &'a dyn EventSink,
    ledger: Ledger,
    guard: StopMonitor,
    /// The limit that was exceeded.
    stopped_by: Option<StopCondition>,
    live: Live,
    empty: Option<Box<Shard>>,
    last: Instant,
    before: Account,
    after: Account,
}

impl<'a> Collector<'a> {
    fn new(world: &'a World, files: PhaseFiles, events: &'a dyn EventSink) -> Self {
        world.threads.enter(Role::Collects);
        let endpoints = world.endpoints.len();
        Self {
            world,
            files,
            events,
            ledger: Ledger::new(endpoints),
            guard: StopMonitor::new(&world.plan.stop_when),
            stopped_by: None,
            live: Live::new(world, events.interest()),
            empty: Some(Box::new(Shard::new(endpoints))),
            last: world.window.start,
            before: Account::default(),
            after: Account::default(),
        }
    }

    /// Collects until the generator has ended; true when the phase was cut short.
    fn run(
        &mut self,
        cancel: &Cancel,
        generator: &JoinHandle<Result<(), LoadError>>,
    ) -> Result<bool, LoadError> {
        let window = self.world.window;
        for tick in window.ticks() {
            while Instant::now() < tick {
                if self.last <= window.from && Instant::now() < window.from {
                    self.before = self.world.threads.read();
                }
                if cancel.is_cancelled() || generator.is_finished() {
                    self.after = self.world.threads.read();
                    return Ok(true);
                }
                std::thread::sleep(LOOK.min(tick.saturating_duration_since(Instant::now())));
            }
            if tick == window.from {
                self.before = self.world.threads.read();
            }
            if tick == window.until {
                self.after = self.world.threads.read();
            }
            self.collect(tick)?;
            if self.stopped_by.is_some() {
                self.after = self.world.threads.read();
                return Ok(true);
            }
        }
        // The measured part is whole; what follows is only the drain.
        while !generator.is_finished() && !cancel.is_cancelled() {
            std::thread::sleep(LOOK);
        }
        Ok(false)
    }

    /// What ended since the last tick, written, summed and announced.
    fn collect(&mut self, to: Instant) -> Result<(), LoadError> {
        let empty = self.empty.take().unwrap_or_else(|| Box::new(Shard::new(self.world.endpoints.len())));
        let mut shard = self.world.recorder.swap(empty);
        let stats = self.files.interval(&shard, self.last, to, self.world.in_flight())?;
        self.ledger.add(&shard);
        self.files.sync()?;
        if let Some(stats) = stats {
            self.announce(&stats, to);
            if let Some(second) = self.live.second(self.world, (&shard, &stats), &self.ledger, to) {
                self.events.emit_second(second);
            }
            self.stopped_by = self.stopped_by.or(self.guard.observe(&stats));
            self.ledger.seconds.push(stats);
        }
        shard.clear();
        self.empty = Some(shard);
        self.last = to;
        Ok(())
    }

    /// What ended after the last tick.
    fn rest(&mut self) -> Result<(), LoadError> {
        self.collect(Instant::now().max(self.last))?;
        if let Some(last) = self.live.last(self.world, &self.ledger) {
            self.events.emit_second(last);
        }
        Ok(())
    }

    fn announce(&self, stats: &SecondStats, to: Instant) {
        let window = &self.world.window;
        let length = to.saturating_duration_since(self.last);
        let who = match (self.world.plan.model, live::stage(self.world, to)) {
            (LoadModel::Closed { users }, _) => format!("closed {users} users"),
            (LoadModel::Open { rate }, None) => format!("open {rate}"),
            (LoadModel::Open { .. }, Some(stage)) => format!("open, {stage}"),
        };
        let warmup = if stats.warmup { "warm-up · " } else { "" };
        let message = format!(
            "{warmup}{who} · {:.0} req/s · p95 {} · {} errors · {} in flight",
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
