//! Runs one custom journey, and records how it ended.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;

use futures::FutureExt as _;
use kneepoint_scenarios::SessionScope;

use super::error::JourneyError;
use super::user::User;
use crate::phase::context::PhaseContext;
use crate::transport::Pool;
use crate::user::in_flight::DueTime;
use crate::user::pause::StepTiming;
use crate::user::session::UserSession;

/// Runs the custom journey of this number; `due` is when its first request is due.
pub(crate) async fn run_custom_journey(
    context: &PhaseContext,
    session: &mut UserSession,
    pool: &Pool,
    custom: usize,
    due: DueTime,
    timing: StepTiming<'_>,
) {
    let (journey, prepared) = (&context.prepared.plan.journeys[custom].0, &context.prepared.journeys[custom]);
    if journey.session() == SessionScope::Journey {
        session.reset();
    }
    session.visit.journey = context.counters.journeys.fetch_add(1, Ordering::Relaxed) + 1;
    let mut user = User { context, session, pool, prepared, timing, due, begun: false };
    // A panic would end the task of the user silently, and the figures would be of fewer users than planned.
    let end = AssertUnwindSafe(journey.run(&mut user)).catch_unwind().await;
    let User { due: last, begun, .. } = user;
    if !begun {
        // A journey without requests must not keep other tasks and the clock from being polled.
        tokio::task::yield_now().await;
    }
    match end {
        Ok(Ok(())) => {
            session.is_first_journey = false;
            context.recorder.count_journey(last.at, begun);
        }
        Ok(Err(JourneyError::PhaseOver)) => {}
        Ok(Err(JourneyError::RequestFailed { .. } | JourneyError::GaveUp(_))) => {
            context.recorder.count_journey(last.at, false);
        }
        Err(_) => context.fail(&prepared.name, "it panicked; the message is on standard error"),
    }
}
