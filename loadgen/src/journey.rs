//! One journey of one visitor: its steps in order, with pauses, until the end, a failure, or the end of the phase.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kneepoint_scenarios::SessionScope;

use crate::session::Session;
use crate::step::{Due, run_step};
use crate::timer::Alarm;
use crate::transport::Pool;
use crate::world::World;

/// Who says when a pause is over.
#[derive(Clone, Copy)]
pub(crate) enum Pace<'a> {
    /// The visitor: a step begins when the visitor is ready (closed model).
    Visitor,
    /// The clock: a step is due when its pause ends, even if the generator is late (open model).
    Clock(&'a Alarm),
}

/// Longest sleep without a look at the end of the phase.
const NAP: Duration = Duration::from_millis(100);

/// Goes on a journey.
pub(crate) async fn run_journey(
    world: &World,
    session: &mut Session,
    pool: &Pool,
    scenario_at: usize,
    mut due: Due,
    pace: Pace<'_>,
) {
    let scenario = world.scenario(scenario_at);
    if scenario.session() == SessionScope::Journey {
        session.forget();
    }
    let number = world.journeys.fetch_add(1, Ordering::Relaxed) + 1;
    let first_journey = session.first;
    let order = scenario.begin(&mut session.visit, number);
    let mut begun = false;
    for at in order {
        let step = &scenario.steps()[at];
        for _ in 0..step.times(&mut session.visit, first_journey) {
            if begun {
                let pause = step.think().draw(&mut session.visit, world.plan.think_scale);
                due = wait(world, due, pause, pace).await;
            }
            begun = true;
            if due.at >= world.window.until {
                return;
            }
            let end = run_step(world, session, pool, scenario_at, at, due).await;
            if !end.ok {
                world.recorder.journey(end.done, false);
                return;
            }
            due = Due { at: end.done, lag: None };
        }
    }
    session.first = false;
    world.recorder.journey(due.at, begun);
}

/// Pauses; the answer says when the next step is due.
async fn wait(world: &World, last: Due, pause: Duration, pace: Pace<'_>) -> Due {
    match pace {
        Pace::Clock(alarm) => {
            let at = last.at + pause;
            if pause.is_zero() {
                return Due { at, lag: None };
            }
            alarm.until(at).await;
            Due { at, lag: Some(at.elapsed()) }
        }
        Pace::Visitor => {
            let at = last.at + pause;
            loop {
                let now = Instant::now();
                if now >= at || now >= world.window.until {
                    return Due { at: now, lag: None };
                }
                tokio::time::sleep((at - now).min(NAP)).await;
            }
        }
    }
}
