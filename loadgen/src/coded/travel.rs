//! One journey in Rust from its beginning to its end: what the recorder and the schedulers need to know of it.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;

use futures::FutureExt as _;
use kneepoint_scenarios::SessionScope;

use super::stop::Stop;
use super::visitor::Visitor;
use crate::journey::Pace;
use crate::session::Session;
use crate::transport::Pool;
use crate::unfinished::Due;
use crate::world::World;

/// Goes on a journey.
pub(crate) async fn run_coded(
    world: &World,
    session: &mut Session,
    pool: &Pool,
    coded: usize,
    due: Due,
    pace: Pace<'_>,
) {
    let (journey, ready) = (&world.plan.journeys[coded].0, &world.coded[coded]);
    if journey.session() == SessionScope::Journey {
        session.forget();
    }
    session.visit.journey = world.journeys.fetch_add(1, Ordering::Relaxed) + 1;
    let mut visitor = Visitor { world, session, pool, ready, pace, due, begun: false };
    // A panic would end the task without a word, and with it the visitor: the figures would be of fewer visitors than asked.
    let end = AssertUnwindSafe(journey.go(&mut visitor)).catch_unwind().await;
    let Visitor { due: last, begun, .. } = visitor;
    if !begun {
        // A journey that asks for nothing must not keep the others, and the clock, from their turn.
        tokio::task::yield_now().await;
    }
    match end {
        Ok(Ok(())) => {
            session.first = false;
            world.recorder.journey(last.at, begun);
        }
        Ok(Err(Stop::Over)) => {}
        Ok(Err(Stop::Failed { .. } | Stop::GaveUp(_))) => world.recorder.journey(last.at, false),
        Err(_) => world.fault(&ready.name, "it panicked; the message is on standard error"),
    }
}
