//! One step of a scenario. Both schedulers come here, and nothing else sends the requests of a scenario.

use crate::page;
use crate::phase::context::PhaseContext;
use crate::transport::Pool;
use crate::user::document::request_document;
use crate::user::in_flight::{DueTime, StepEnd};
use crate::user::session::UserSession;

/// Runs one step, with the assets of its page where the step loads them, and records it.
pub(crate) async fn run_step(
    context: &PhaseContext,
    session: &mut UserSession,
    pool: &Pool,
    scenario: usize,
    at: usize,
    due: DueTime,
) -> StepEnd {
    if let Some(page) = &context.prepared.steps[scenario][at].assets {
        // Boxed so that the future of ordinary steps stays small.
        return Box::pin(page::load_page(context, session, pool, (scenario, at), page, due)).await;
    }
    request_document(context, session, pool, scenario, at, due).await.0
}
