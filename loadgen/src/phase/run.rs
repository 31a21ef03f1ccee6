//! Runs one phase from plan to result: one thread generates load, the calling thread collects each second.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::load::LoadPhase;
use kneepoint_model::run::RunFolder;
use kneepoint_model::stage::Stage;

use crate::error::LoadError;
use crate::phase::collector::Collector;
use crate::phase::context::PhaseContext;
use crate::phase::health::{ThreadRole, generator_cost};
use crate::phase::plan_record::plan_record;
use crate::phase::prepared::{PreparedPhase, find_target};
use crate::phase::result::{PhaseEnding, build_result};
use crate::plan::PhasePlan;
use crate::recorder::PhaseFiles;
use crate::scheduler::closed::ClosedPhaseLock;
use crate::scheduler::{closed, open};
use crate::window::Window;

/// After a cancellation the generator's thread ends within this, or is left behind.
const JOIN_TIMEOUT: Duration = Duration::from_millis(800);
/// File descriptors that are not for requests.
const RESERVED_FILES: u64 = 128;

/// Runs a phase to its end, or until `cancel` is set: then it returns a partial result within a second.
///
/// Writes `load/<phase>.plan.json` first, then each second `load/<phase>.{hlog,seconds.jsonl,tallies.jsonl}`; the caller
/// writes the result itself. Figures hold what was *due* in the measured part; the achieved rate counts what *ended* in it.
///
/// # Errors
/// The plan is invalid, the server refuses connections, the run folder cannot be written, a custom journey is faulty, or the
/// generator itself fails. Requests that fail are figures, not errors.
pub fn run_phase(
    plan: &PhasePlan,
    run: &RunFolder,
    cancel: &Cancel,
    events: &Arc<dyn EventSink>,
) -> Result<LoadPhase, LoadError> {
    plan.validate()?;
    let target = find_target(plan)?;
    let slots = available_slots(plan, events.as_ref());
    let is_open = plan.load.is_open();
    let start_delay = if is_open { open::start_delay(plan) } else { closed::START_DELAY };
    let lock = (!is_open).then(ClosedPhaseLock::acquire);
    let window = Window::new(start_delay, plan.warmup, plan.duration);
    let prepared = PreparedPhase::new(plan, window, target)?;
    let context = Arc::new(PhaseContext::new(prepared, slots));
    let record = plan_record(plan, &window, &context.prepared.endpoints);
    let files = PhaseFiles::create(run, window, &record)?;
    let generator = start_generator(&context, lock)?;
    let mut collector = Collector::new(&context, files, events.as_ref());
    let collected = collector.run(cancel, &generator);
    context.abort.store(true, Ordering::Relaxed);
    let ended = join_generator(generator);
    let (cut, collected) = match collected {
        Ok(cut) => (cut, Ok(())),
        Err(error) => (true, Err(error)),
    };
    collector.collect_rest()?;
    collected?;
    ended?;
    context.take_fault()?;
    let until_ms = if cut {
        window.to_ms(Instant::now()).min(record.measured_until_ms)
    } else {
        record.measured_until_ms
    };
    let until_ms = until_ms.max(record.measured_from_ms);
    let measured = Duration::from_millis((until_ms - record.measured_from_ms).get());
    let ending = PhaseEnding {
        until_ms,
        cost: generator_cost(&collector.before, &collector.after, measured, collector.totals.ended),
        local_faults: context.counters.local_faults.load(Ordering::Relaxed),
        partial: cut,
        stopped_by: collector.stopped_by,
    };
    Ok(build_result(&record, &collector.totals, &ending))
}

/// How many requests this process may have in flight. Raises its limit of open files as far as the system allows.
fn available_slots(plan: &PhasePlan, events: &dyn EventSink) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let max_in_flight = plan.options.max_in_flight;
    let limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    let wanted = max_in_flight as u64 + RESERVED_FILES;
    let mut allowed = limit.current.unwrap_or(u64::MAX);
    if allowed < wanted
        && allowed < hard
        && setrlimit(Resource::Nofile, Rlimit { current: Some(wanted.min(hard)), maximum: limit.maximum })
            .is_ok()
    {
        allowed = wanted.min(hard);
    }
    if allowed >= wanted {
        return max_in_flight;
    }
    let slots = allowed.saturating_sub(RESERVED_FILES).max(1) as usize;
    events.warn(
        Stage::Load,
        &format!(
            "max_in_flight is lowered to {slots}: only {allowed} open files are allowed; raise `ulimit -n`"
        ),
    );
    slots
}

fn start_generator(
    context: &Arc<PhaseContext>,
    lock: Option<ClosedPhaseLock>,
) -> Result<JoinHandle<Result<(), LoadError>>, LoadError> {
    let context = Arc::clone(context);
    let body = move || {
        let _lock = lock;
        context.threads.register_current(ThreadRole::Generator);
        if context.prepared.plan.load.is_open() { open::run(&context) } else { closed::run(&context) }
    };
    Ok(Builder::new().name("kneepoint-load".into()).spawn(body)?)
}

/// Waits for the generator's thread, at most [`JOIN_TIMEOUT`].
fn join_generator(generator: JoinHandle<Result<(), LoadError>>) -> Result<(), LoadError> {
    let until = Instant::now() + JOIN_TIMEOUT;
    while !generator.is_finished() {
        if Instant::now() >= until {
            // Everything that waits is asynchronous, so this thread has no core; the requests that it held are lost.
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    generator.join().unwrap_or_else(|_| Err(LoadError::Internal("its thread panicked".into())))
}
