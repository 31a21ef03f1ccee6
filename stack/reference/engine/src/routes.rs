//! The paths and what each does: check the request, ask the index, answer. No searching, no counting here.
//!
//! A search takes some tens of microseconds, less than handing it to another thread and back costs, so it runs on the
//! runtime's own threads. At most [`IN_FLIGHT`] searches are open at a time (waiting out a planted delay counts);
//! beyond it the answer is 503 at once, as a queue without a bound would only hide the overload.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::answer::{Answer, Hit, Refusal};
use crate::profile::{self, ProfileSlot};
use crate::{BookIndex, DelayMs, EngineError, Limit, SearchText};

/// Requests for hits that may be open at a time.
pub(crate) const IN_FLIGHT: usize = 256;

/// What all handlers share.
#[derive(Clone)]
pub(crate) struct Shared {
    index: Arc<BookIndex>,
    in_flight: Arc<Semaphore>,
    pub(crate) profile: ProfileSlot,
}

impl Shared {
    /// A place among the open requests, or the refusal.
    fn enter(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        self.in_flight.try_acquire().map_err(|_| Refusal::Busy)
    }
}

/// All paths over this index.
pub(crate) fn router(index: BookIndex) -> Router {
    let in_flight = Arc::new(Semaphore::new(IN_FLIGHT));
    let shared = Shared { index: Arc::new(index), in_flight, profile: ProfileSlot::default() };
    Router::new()
        .route("/search", get(search))
        .route("/similar/{id}", get(similar))
        .route("/healthz", get(healthz))
        .route("/debug/pprof/profile", get(profile::profile))
        .fallback(async || Refusal::NoSuchPath)
        .with_state(shared)
}

#[derive(Deserialize)]
struct SearchQuery {
    #[serde(default)]
    q: String,
    limit: Option<usize>,
    delay_ms: Option<u64>,
}

async fn search(
    State(shared): State<Shared>,
    query: Result<Query<SearchQuery>, QueryRejection>,
) -> Result<Answer, Refusal> {
    let arrived = Instant::now();
    let Query(query) = query.map_err(|reason| Refusal::BadRequest(reason.body_text()))?;
    let text = SearchText::new(&query.q)?;
    let limit = Limit::new(query.limit, 10)?;
    let delay = DelayMs::new(query.delay_ms)?;
    let _place = shared.enter()?;
    planted(delay).await;
    let found = shared.index.search(&text, limit).map_err(|fault| internal(&fault))?;
    Ok(answer(arrived, found))
}

#[derive(Deserialize)]
struct SimilarQuery {
    limit: Option<usize>,
    delay_ms: Option<u64>,
}

/// The planted fault: an engine that takes its time.
async fn planted(delay: DelayMs) {
    if !delay.get().is_zero() {
        tokio::time::sleep(delay.get()).await;
    }
}

async fn similar(
    State(shared): State<Shared>,
    id: Result<Path<u64>, PathRejection>,
    query: Result<Query<SimilarQuery>, QueryRejection>,
) -> Result<Answer, Refusal> {
    let arrived = Instant::now();
    let Path(id) = id.map_err(|reason| Refusal::BadRequest(reason.body_text()))?;
    let Query(query) = query.map_err(|reason| Refusal::BadRequest(reason.body_text()))?;
    let limit = Limit::new(query.limit, 5)?;
    let delay = DelayMs::new(query.delay_ms)?;
    let _place = shared.enter()?;
    planted(delay).await;
    let found = shared.index.similar(id, limit).map_err(|fault| internal(&fault))?;
    Ok(answer(arrived, found.ok_or(Refusal::NoSuchBook(id))?))
}

async fn healthz(State(shared): State<Shared>) -> Json<serde_json::Value> {
    Json(serde_json::json!({ "status": "ok", "books": shared.index.len() }))
}

fn answer(arrived: Instant, (total, hits): (usize, Vec<Hit>)) -> Answer {
    Answer { took_us: arrived.elapsed().as_micros() as u64, total, hits }
}

/// A fault of the index is ours: the asker learns only that, the log learns what.
fn internal(fault: &EngineError) -> Refusal {
    crate::server::log_fault(fault);
    Refusal::Internal
}
