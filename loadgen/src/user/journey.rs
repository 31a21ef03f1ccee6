//! One journey of one user: its steps in order, with pauses, until the end, a failure, or the end of the phase.

use std::sync::atomic::Ordering;

use kneepoint_scenarios::SessionScope;

use crate::custom::run_custom_journey;
use crate::phase::context::PhaseContext;
use crate::recorder::GroupEnd;
use crate::transport::Pool;
use crate::user::group::GroupTimer;
use crate::user::in_flight::DueTime;
use crate::user::pause::{StepTiming, pause};
use crate::user::session::UserSession;
use crate::user::step::run_step;

/// Runs one journey of the mix; `due` is when its first step is due.
pub(crate) async fn run_journey(
    context: &PhaseContext,
    session: &mut UserSession,
    pool: &Pool,
    scenario_at: usize,
    mut due: DueTime,
    timing: StepTiming<'_>,
) {
    if let Some(custom) = scenario_at.checked_sub(context.prepared.plan.scenarios.len()) {
        // Boxed so that the future of ordinary journeys stays small.
        return Box::pin(run_custom_journey(context, session, pool, custom, due, timing)).await;
    }
    let scenario = context.prepared.scenario(scenario_at);
    if scenario.session() == SessionScope::Journey {
        session.reset();
    }
    let number = context.counters.journeys.fetch_add(1, Ordering::Relaxed) + 1;
    let nth = context.counters.scenario_journeys[scenario_at].fetch_add(1, Ordering::Relaxed) + 1;
    let first_journey = session.is_first_journey;
    let order = match scenario.begin_journey(&mut session.visit, number, nth) {
        Ok(order) => order,
        Err(exhausted) => {
            context
                .recorder
                .count_exhausted_feed(due.at, context.prepared.feed_offsets[scenario_at] + exhausted.feed);
            return skip_journey(context, timing).await;
        }
    };
    let mut begun = false;
    let mut group_timer = GroupTimer::new(context);
    for at in order {
        let step = &scenario.steps()[at];
        let mut rounds = step.plan_repetitions(&mut session.visit, first_journey);
        while rounds.advance(step, &mut session.visit) {
            if begun {
                let length = step.think().draw(&mut session.visit, context.prepared.plan.options.think_scale);
                due = pause(context, due, length, timing).await;
            }
            begun = true;
            group_timer.enter(context.prepared.steps[scenario_at][at].group, due.at);
            if due.at >= context.prepared.window.until {
                return;
            }
            let end = run_step(context, session, pool, scenario_at, at, due).await;
            group_timer.step_ended(end.done, end.ok);
            if !end.ok {
                context.recorder.count_journey(end.done, false);
                return;
            }
            due = DueTime { at: end.done, lag: None };
        }
    }
    group_timer.leave(GroupEnd::Completed);
    session.is_first_journey = false;
    context.recorder.count_journey(due.at, begun);
}

/// Skips a journey whose feed is exhausted. In the open model it does not take place; in the closed model the user has nothing
/// left to do: starting another journey at once would change the mix.
async fn skip_journey(context: &PhaseContext, timing: StepTiming<'_>) {
    if matches!(timing, StepTiming::WhenReady) {
        tokio::time::sleep_until(context.prepared.window.until.into()).await;
    }
}
