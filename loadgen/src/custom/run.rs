//! One journey in Rust from its beginning to its end: what the recorder and the schedulers need to know of it.

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

/// Goes on a journey.
pub(crate) async fn run_custom_journey(
    context: &PhaseContext,
    session: &mut UserSession,
    pool: &Pool,
    custom: usize,
    due: DueTime,
    timing: StepTiming<'_>,
) {
    let (journey, ready) = (&context.prepared.plan.journeys[custom].0, &context.prepared.journeys[custom]);
    if journey.session() == SessionScope::Journey {
        session.reset();
    }
    session.visit.journey = context.counters.journeys.fetch_add(1, Ordering::Relaxed) + 1;
    let mut user = User { context, session, pool, ready, timing, due, begun: false };
    // A panic would end the task without a word, and with it the user: the figures would be of fewer users than asked.
    let end = AssertUnwindSafe(journey.go(&mut user)).catch_unwind().await;
    let User { due: last, begun, .. } = user;
    if !begun {
        // A journey that asks for nothing must not keep the others, and the clock, from their turn.
        tokio::task::yield_now().await;
    }
    match end {
        Ok(Ok(())) => {
            session.is_first_journey = false;
            context.recorder.count_journey(last.at, begun);
        }
        Ok(Err(JourneyError::PhaseOver)) => {}
        Ok(Err(JourneyError::RequestFailed { .. } | JourneyError::GaveUp(_))) => {
            context.recorder.count_journey(last.at, false)
        }
        Err(_) => context.fail(&ready.name, "it panicked; the message is on standard error"),
    }
}
