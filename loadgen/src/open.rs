//! The open model: journeys start when they are due, whatever the answers do.
//!
//! One current-thread runtime on a thread of its own; one keeper of the clock; each journey a task. Beyond the bound on
//! requests in flight a step waits in order and keeps its intended start. After the last arrival requests drain; what is
//! left then is recorded as censored when its task is dropped.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kneepoint_model::load::LoadModel;
use kneepoint_scenarios::SessionScope;

use crate::error::LoadError;
use crate::journey::{Pace, run_journey};
use crate::pacer::Pacer;
use crate::session::Session;
use crate::step::Due;
use crate::timer::Alarm;
use crate::transport::Pool;
use crate::world::World;

/// From the plan to the first arrival: thread, runtime and files are ready by then.
pub(crate) const LEAD: Duration = Duration::from_millis(50);
/// Longest wait without a look at the wish to stop.
const LOOK: Duration = Duration::from_millis(20);

/// Runs the phase on the calling thread; returns when everything ended or was given up.
pub(crate) fn run(world: &Arc<World>) -> Result<(), LoadError> {
    let LoadModel::Open { rate } = world.plan.model else {
        return Err(LoadError::Broken("the open model was asked to run a closed plan".into()));
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Look at sockets and the clock more often than every 61 tasks: a late look is lateness of our own.
        .event_interval(7)
        .build()?;
    let pacer = Pacer::new(rate.0, world.plan.arrivals, world.plan.seed);
    let outcome = runtime.block_on(dispatch(world, pacer));
    // Dropping the tasks records what was still under way.
    runtime.shutdown_timeout(Duration::from_millis(50));
    outcome
}

/// Shared by the journeys of an open phase.
struct Ground {
    world: Arc<World>,
    alarm: Alarm,
    pool: Pool,
    /// Visitors who come back, by scenario.
    waiting: Mutex<HashMap<usize, Vec<Session>>>,
}

async fn dispatch(world: &Arc<World>, pacer: Pacer) -> Result<(), LoadError> {
    let ground = Arc::new(Ground {
        world: Arc::clone(world),
        alarm: Alarm::new()?,
        pool: Pool::default(),
        waiting: Mutex::default(),
    });
    let window = world.window;
    let mut arrivals =
        pacer.map(|after| window.start + after).take_while(|at| *at < window.until).enumerate();
    let mut next = arrivals.next();
    let last = window.until + world.plan.drain;
    loop {
        let now = Instant::now();
        while let Some((number, due)) = next.filter(|(_, due)| *due <= now) {
            tokio::spawn(journey(Arc::clone(&ground), number as u64, due));
            next = arrivals.next();
        }
        let alarm = ground.alarm.ring(now);
        if world.aborted() || next.is_none() && now >= window.until && (world.in_flight() == 0 || now >= last)
        {
            return Ok(());
        }
        let wake = [next.map(|(_, due)| due), alarm, Some(now + LOOK)];
        let wake = wake.into_iter().flatten().min().unwrap_or(now + LOOK);
        ground.alarm.keep(wake).await?;
    }
}

async fn journey(ground: Arc<Ground>, number: u64, due: Instant) {
    let lag = Some(due.elapsed());
    let world = &ground.world;
    let scenario = world.picker.pick(number);
    let returning = world.scenario(scenario).session() == SessionScope::User;
    let waiting = || ground.waiting.lock().unwrap_or_else(PoisonError::into_inner);
    let known = if returning { waiting().get_mut(&scenario).and_then(Vec::pop) } else { None };
    let mut session = known.unwrap_or_else(|| {
        let visitor = world.visitors.fetch_add(1, Ordering::Relaxed) + 1;
        Session::new(world.plan.seed, visitor)
    });
    let pace = Pace::Clock(&ground.alarm);
    run_journey(world, &mut session, &ground.pool, scenario, Due { at: due, lag }, pace, None).await;
    if returning {
        waiting().entry(scenario).or_default().push(session);
    }
}
