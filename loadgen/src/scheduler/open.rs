//! The open model: journeys start when they are due, whatever the responses do.
//!
//! Each worker thread has a current-thread runtime and an alarm clock; arrivals are dealt out to the workers in turn, and each
//! journey is a task. When the maximum of requests is in flight, a step waits in order and keeps its intended start. After the
//! last arrival requests drain; one that is unfinished then is recorded as censored when its task is dropped.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kneepoint_scenarios::SessionScope;

use crate::error::LoadError;
use crate::phase::context::PhaseContext;
use crate::phase::health::ThreadRole;
use crate::plan::{PhasePlan, RecordedLog};
use crate::scheduler::alarm::AlarmClock;
use crate::scheduler::pacer::Pacer;
use crate::transport::Pool;
use crate::user::in_flight::DueTime;
use crate::user::journey::run_journey;
use crate::user::pause::StepTiming;
use crate::user::session::UserSession;
use crate::user::step::run_step;

/// Threads, runtimes and files are ready within this.
const START_DELAY: Duration = Duration::from_millis(50);
/// Added to the start delay when connections are opened ahead.
const CONNECT_AHEAD_TIME: Duration = Duration::from_millis(500);
/// A spinning dispatcher stops sleeping this long before the next arrival: the cost of a timer and a wake-up, with a margin.
const SPIN_TIME: Duration = Duration::from_micros(100);
/// Longest wait between two checks for cancellation.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// How long a worker's runtime may take to drop its tasks.
const RUNTIME_SHUTDOWN: Duration = Duration::from_millis(50);

/// From the plan to the start of the phase.
pub(crate) fn start_delay(plan: &PhasePlan) -> Duration {
    if plan.options.connect_ahead == 0 { START_DELAY } else { START_DELAY + CONNECT_AHEAD_TIME }
}

/// Runs the phase on the calling thread and on further workers; returns when all requests have ended or were abandoned.
pub(crate) fn run(context: &Arc<PhaseContext>) -> Result<(), LoadError> {
    if !context.prepared.plan.load.is_open() {
        return Err(LoadError::Internal("a closed plan came to the open scheduler".into()));
    }
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for number in 1..context.prepared.plan.options.threads {
            let body = move || {
                context.threads.register_current(ThreadRole::Generator);
                run_worker(context, number)
            };
            let name = format!("kneepoint-load-{number}");
            threads.push(std::thread::Builder::new().name(name).spawn_scoped(scope, body)?);
        }
        let first = run_worker(context, 0);
        let others = threads.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| Err(LoadError::Internal("a worker thread panicked".into())))
        });
        // All threads are joined before the first error is returned.
        let ended: Vec<Result<(), LoadError>> = std::iter::once(first).chain(others).collect();
        ended.into_iter().collect()
    })
}

/// Dispatches every `threads`-th arrival, from that with the worker's number on.
fn run_worker(context: &Arc<PhaseContext>, number: usize) -> Result<(), LoadError> {
    let plan = &context.prepared.plan;
    if plan.options.pin {
        pin_to_core(number);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Polls sockets and timers more often than every 61 tasks: a late poll makes the generator itself late.
        .event_interval(7)
        .build()?;
    let outcome = if let Some(recorded) = plan.load.replay() {
        runtime.block_on(dispatch_arrivals(context, number, recorded.due_times()))
    } else {
        let pacer = Pacer::new(plan.schedule(), plan.options.arrivals, plan.options.seed);
        runtime.block_on(dispatch_arrivals(context, number, pacer))
    };
    // Dropping the tasks records their requests as censored.
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN);
    outcome
}

/// Keeps the thread on one of the cores that this process may use. When the system refuses, nothing changes.
fn pin_to_core(number: usize) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
    if let Some(core) = cores.get(number % cores.len().max(1)) {
        let mut only = CpuSet::new();
        only.set(*core);
        let _ = sched_setaffinity(None, &only);
    }
}

/// Shared by the journeys of one worker.
struct OpenWorker {
    context: Arc<PhaseContext>,
    alarm: AlarmClock,
    pool: Pool,
    /// Idle sessions of users who return, by scenario.
    idle_sessions: Mutex<HashMap<usize, Vec<UserSession>>>,
}

async fn dispatch_arrivals(
    context: &Arc<PhaseContext>,
    number: usize,
    due_times: impl Iterator<Item = Duration>,
) -> Result<(), LoadError> {
    let worker = Arc::new(OpenWorker {
        context: Arc::clone(context),
        alarm: AlarmClock::new()?,
        pool: Pool::default(),
        idle_sessions: Mutex::default(),
    });
    let options = &context.prepared.plan.options;
    for _ in 0..share_of(options.connect_ahead, options.threads, number) {
        let worker = Arc::clone(&worker);
        tokio::spawn(async move {
            let prepared = &worker.context.prepared;
            let opened = worker.pool.open_ahead(&prepared.target);
            let _ = tokio::time::timeout(prepared.plan.options.timeout, opened).await;
        });
    }
    let window = context.prepared.window;
    let pacing = context.prepared.plan.pacing().unwrap_or_default();
    let batching_window = Duration::from_micros(pacing.batching_window_us.get());
    let arrivals = due_times.map(|after| window.start + after).take_while(|at| *at < window.until);
    let mut arrivals = arrivals.enumerate().skip(number).step_by(options.threads);
    let mut next = arrivals.next();
    let last = window.until + options.drain;
    loop {
        let now = Instant::now();
        let mut dispatched = false;
        while let Some((arrival, due)) = next.filter(|(_, due)| *due <= now) {
            tokio::spawn(run_arrival(Arc::clone(&worker), arrival as u64, due));
            next = arrivals.next();
            dispatched = true;
        }
        let alarm = worker.alarm.wake_due(now);
        // A task that was spawned just now is not in flight before its first poll: ending here would lose it.
        let ended = next.is_none() && !dispatched && now >= window.until;
        if context.is_aborted() || ended && (context.in_flight() == 0 || now >= last) {
            return Ok(());
        }
        let wake = [next.map(|(_, due)| due + batching_window), alarm, Some(now + POLL_INTERVAL)];
        let wake = wake.into_iter().flatten().min().unwrap_or(now + POLL_INTERVAL);
        if !pacing.spinning {
            worker.alarm.wait_until(wake).await?;
        } else if let Some(early) = wake.checked_sub(SPIN_TIME).filter(|early| *early > now) {
            worker.alarm.wait_until(early).await?;
        } else {
            // All other tasks and the sockets are polled between two readings of the clock.
            tokio::task::yield_now().await;
        }
    }
}

/// The share of worker `number` when `total` are dealt out evenly to `workers`.
const fn share_of(total: usize, workers: usize, number: usize) -> usize {
    total / workers + (number < total % workers) as usize
}

async fn run_arrival(worker: Arc<OpenWorker>, number: u64, due: Instant) {
    let due = DueTime { at: due, lag: Some(due.elapsed()) };
    let context = &worker.context;
    let prepared = &context.prepared;
    if let Some(recorded) = prepared.plan.load.replay() {
        return replay_request(context, &worker.pool, recorded, number, due).await;
    }
    let scenario = prepared.picker.pick(number);
    let returns = prepared.session_scope(scenario) == SessionScope::User;
    let idle_sessions = || worker.idle_sessions.lock().unwrap_or_else(PoisonError::into_inner);
    let idle = if returns { idle_sessions().get_mut(&scenario).and_then(Vec::pop) } else { None };
    let mut session = idle.unwrap_or_else(|| new_user(context));
    let timing = StepTiming::OnSchedule(&worker.alarm);
    run_journey(context, &mut session, &worker.pool, scenario, due, timing).await;
    if returns {
        session.timeout.detach();
        idle_sessions().entry(scenario).or_default().push(session);
    }
}

fn new_user(context: &PhaseContext) -> UserSession {
    let user = context.counters.arrivals.fetch_add(1, Ordering::Relaxed) + 1;
    UserSession::new(context.prepared.plan.options.seed, user)
}

/// Repeats one request of a log: with the cookies of its client, where the log identifies clients, and otherwise as a new user.
/// Requests of one client may overlap, as in a browser; each starts with the cookies that are known by then.
async fn replay_request(
    context: &PhaseContext,
    pool: &Pool,
    recorded: &RecordedLog,
    number: u64,
    due: DueTime,
) {
    let mut session = new_user(context);
    let Some(step) = recorded.log.prepare(number as usize, &mut session.visit) else { return };
    let jar = recorded.log.client(number as usize).and_then(|client| context.cookie_jars.get(client));
    let jar = jar.map(|jar| (jar, jar.lock().unwrap_or_else(PoisonError::into_inner).clone()));
    if let Some((_, before)) = &jar {
        session.jar.clone_from(before);
    }
    let end = run_step(context, &mut session, pool, 0, step, due).await;
    if let Some((jar, before)) = jar {
        jar.lock().unwrap_or_else(PoisonError::into_inner).merge_changes(&before, &session.jar);
    }
    context.recorder.count_journey(end.done, end.ok);
}
