//! One journey of one visitor: its steps in order, with pauses, until the end, a failure, or the end of the phase.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kneepoint_scenarios::SessionScope;

use crate::coded::run_coded;
use crate::recorder::Left;
use crate::session::Session;
use crate::stay::Stay;
use crate::step::run_step;
use crate::timer::Alarm;
use crate::transport::Pool;
use crate::unfinished::Due;
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
    if let Some(coded) = scenario_at.checked_sub(world.plan.scenarios.len()) {
        // In a box: journeys of scenario files shall not make room for it.
        return Box::pin(run_coded(world, session, pool, coded, due, pace)).await;
    }
    let scenario = world.scenario(scenario_at);
    if scenario.session() == SessionScope::Journey {
        session.forget();
    }
    let number = world.journeys.fetch_add(1, Ordering::Relaxed) + 1;
    let turn = world.turns[scenario_at].fetch_add(1, Ordering::Relaxed) + 1;
    let first_journey = session.first;
    let order = match scenario.begin_journey(&mut session.visit, number, turn) {
        Ok(order) => order,
        Err(dry) => {
            world.recorder.dry(due.at, world.feeds_before[scenario_at] + dry.feed);
            return without_data(world, pace).await;
        }
    };
    let mut begun = false;
    let mut stay = Stay::new(world);
    for at in order {
        let step = &scenario.steps()[at];
        let mut rounds = step.plan_repetitions(&mut session.visit, first_journey);
        while rounds.advance(step, &mut session.visit) {
            if begun {
                let pause = step.think().draw(&mut session.visit, world.plan.think_scale);
                due = wait(world, due, pause, pace).await;
            }
            begun = true;
            stay.enter(world.ready[scenario_at][at].group, due.at);
            if due.at >= world.window.until {
                return;
            }
            let end = run_step(world, session, pool, scenario_at, at, due).await;
            stay.ended(end.done, end.ok);
            if !end.ok {
                world.recorder.journey(end.done, false);
                return;
            }
            due = Due { at: end.done, lag: None };
        }
    }
    stay.leave(Left::Done);
    session.first = false;
    world.recorder.journey(due.at, begun);
}

/// Nothing is made up for a journey without data. In the open model it does not take place; in the closed one the visitor has
/// nothing to do any more: going on at once with another journey would ask for a mix that nobody wanted.
async fn without_data(world: &World, pace: Pace<'_>) {
    if matches!(pace, Pace::Visitor) {
        tokio::time::sleep_until(world.window.until.into()).await;
    }
}

/// Pauses; the answer says when the next step is due.
pub(crate) async fn wait(world: &World, last: Due, pause: Duration, pace: Pace<'_>) -> Due {
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
