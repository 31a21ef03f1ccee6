//! The open model: journeys start when they are due, whatever the answers do.
//!
//! One current-thread runtime for each thread that is wanted, with a keeper of the clock; arrivals go to them in turn; each
//! journey is a task. Beyond the bound on requests in flight a step waits in order and keeps its intended start. After the
//! last arrival requests drain; what is left then is recorded as censored when its task is dropped.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kneepoint_model::load::LoadModel;
use kneepoint_scenarios::SessionScope;

use crate::error::LoadError;
use crate::health::Role;
use crate::journey::{Pace, run_journey};
use crate::pacer::Pacer;
use crate::plan::{PhasePlan, Recorded};
use crate::session::Session;
use crate::step::run_step;
use crate::timer::Alarm;
use crate::transport::Pool;
use crate::unfinished::Due;
use crate::world::World;

/// Thread, runtime and files are ready within this.
const LEAD: Duration = Duration::from_millis(50);
/// A spinning dispatcher stops sleeping so long before the next arrival: what a timer and a wake-up cost, and some more.
const SPIN: Duration = Duration::from_micros(100);
/// Longest wait without a look at the wish to stop.
const LOOK: Duration = Duration::from_millis(20);
/// The first arrival is later by this when connections are opened before it.
const OPENING: Duration = Duration::from_millis(500);

/// From the plan to the first arrival.
pub(crate) fn lead(plan: &PhasePlan) -> Duration {
    if plan.connect_ahead == 0 { LEAD } else { LEAD + OPENING }
}

/// Runs the phase on the calling thread and those beside it; returns when everything ended or was given up.
pub(crate) fn run(world: &Arc<World>) -> Result<(), LoadError> {
    let LoadModel::Open { .. } = world.plan.model else {
        return Err(LoadError::Broken("the open model was asked to run a closed plan".into()));
    };
    std::thread::scope(|scope| {
        let mut beside = Vec::new();
        for lane in 1..world.plan.threads {
            let body = move || {
                world.threads.enter(Role::Generates);
                run_lane(world, lane)
            };
            let name = format!("kneepoint-load-{lane}");
            beside.push(std::thread::Builder::new().name(name).spawn_scoped(scope, body)?);
        }
        let own = run_lane(world, 0);
        let ended = beside
            .into_iter()
            .map(|lane| lane.join().unwrap_or_else(|_| Err(LoadError::Broken("its thread panicked".into()))));
        // All are waited for before the first error is told.
        let ended: Vec<Result<(), LoadError>> = std::iter::once(own).chain(ended).collect();
        ended.into_iter().collect()
    })
}

/// The arrivals of one thread: every so many-th.
fn run_lane(world: &Arc<World>, lane: usize) -> Result<(), LoadError> {
    let plan = &world.plan;
    if plan.pin {
        pin(lane);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Look at sockets and the clock more often than every 61 tasks: a late look is lateness of our own.
        .event_interval(7)
        .build()?;
    let outcome = match &plan.replay {
        Some(recorded) => runtime.block_on(dispatch(world, lane, recorded.due())),
        None => {
            runtime.block_on(dispatch(world, lane, Pacer::new(plan.schedule(), plan.arrivals, plan.seed)))
        }
    };
    // Dropping the tasks records what was still under way.
    runtime.shutdown_timeout(Duration::from_millis(50));
    outcome
}

/// Keeps the thread on one of the cores that this process may use. What the system refuses is left as it was.
fn pin(lane: usize) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
    if let Some(core) = cores.get(lane % cores.len().max(1)) {
        let mut only = CpuSet::new();
        only.set(*core);
        let _ = sched_setaffinity(None, &only);
    }
}

/// Shared by the journeys of an open phase.
struct Ground {
    world: Arc<World>,
    alarm: Alarm,
    pool: Pool,
    /// Visitors who come back, by scenario.
    waiting: Mutex<HashMap<usize, Vec<Session>>>,
}

async fn dispatch(
    world: &Arc<World>,
    lane: usize,
    due: impl Iterator<Item = Duration>,
) -> Result<(), LoadError> {
    let ground = Arc::new(Ground {
        world: Arc::clone(world),
        alarm: Alarm::new()?,
        pool: Pool::default(),
        waiting: Mutex::default(),
    });
    for _ in 0..share(world.plan.connect_ahead, world.plan.threads, lane) {
        let ground = Arc::clone(&ground);
        tokio::spawn(async move {
            let opened = ground.pool.open_ahead(&ground.world.target);
            let _ = tokio::time::timeout(ground.world.plan.timeout, opened).await;
        });
    }
    let window = world.window;
    let pacing = world.plan.pacing().unwrap_or_default();
    let slack = Duration::from_micros(pacing.batching_window_us.get());
    let arrivals = due.map(|after| window.start + after).take_while(|at| *at < window.until).enumerate();
    let mut arrivals = arrivals.skip(lane).step_by(world.plan.threads);
    let mut next = arrivals.next();
    let last = window.until + world.plan.drain;
    loop {
        let now = Instant::now();
        let mut begun = false;
        while let Some((number, due)) = next.filter(|(_, due)| *due <= now) {
            tokio::spawn(journey(Arc::clone(&ground), number as u64, due));
            next = arrivals.next();
            begun = true;
        }
        let alarm = ground.alarm.ring(now);
        // What was begun just now, late, is not in flight before it has had its turn: ending here would lose it.
        let ended = next.is_none() && !begun && now >= window.until;
        if world.aborted() || ended && (world.in_flight() == 0 || now >= last) {
            return Ok(());
        }
        let wake = [next.map(|(_, due)| due + slack), alarm, Some(now + LOOK)];
        let wake = wake.into_iter().flatten().min().unwrap_or(now + LOOK);
        if !pacing.spinning {
            ground.alarm.keep(wake).await?;
        } else if let Some(early) = wake.checked_sub(SPIN).filter(|early| *early > now) {
            ground.alarm.keep(early).await?;
        } else {
            // Everyone else has a turn, sockets included, between two looks at the clock.
            tokio::task::yield_now().await;
        }
    }
}

/// What falls to one of several when `all` are dealt out evenly.
const fn share(all: usize, among: usize, number: usize) -> usize {
    all / among + (number < all % among) as usize
}

async fn journey(ground: Arc<Ground>, number: u64, due: Instant) {
    let lag = Some(due.elapsed());
    let world = &ground.world;
    if let Some(recorded) = &world.plan.replay {
        return again(world, &ground.pool, recorded, number, Due { at: due, lag }).await;
    }
    let scenario = world.picker.pick(number);
    let returning = world.session_of(scenario) == SessionScope::User;
    let waiting = || ground.waiting.lock().unwrap_or_else(PoisonError::into_inner);
    let known = if returning { waiting().get_mut(&scenario).and_then(Vec::pop) } else { None };
    let mut session = known.unwrap_or_else(|| {
        let visitor = world.visitors.fetch_add(1, Ordering::Relaxed) + 1;
        Session::new(world.plan.seed, visitor)
    });
    let pace = Pace::Clock(&ground.alarm);
    run_journey(world, &mut session, &ground.pool, scenario, Due { at: due, lag }, pace).await;
    if returning {
        session.patience.rest();
        waiting().entry(scenario).or_default().push(session);
    }
}

/// One request of a log: with the cookies of its client, where the log tells who that was, and by a visitor of its own elsewhere.
/// Requests of one client may be under way at the same time, as in a browser; each begins with what is known by then.
async fn again(world: &World, pool: &Pool, recorded: &Recorded, number: u64, due: Due) {
    let visitor = world.visitors.fetch_add(1, Ordering::Relaxed) + 1;
    let mut session = Session::new(world.plan.seed, visitor);
    let Some(step) = recorded.log.prepare(number as usize, &mut session.visit) else { return };
    let jar = recorded.log.client(number as usize).and_then(|client| world.jars.get(client));
    let jar = jar.map(|jar| (jar, jar.lock().unwrap_or_else(PoisonError::into_inner).clone()));
    if let Some((_, before)) = &jar {
        session.jar.clone_from(before);
    }
    let end = run_step(world, &mut session, pool, 0, step, due).await;
    if let Some((jar, before)) = jar {
        jar.lock().unwrap_or_else(PoisonError::into_inner).take_changes(&before, &session.jar);
    }
    world.recorder.journey(end.done, end.ok);
}
