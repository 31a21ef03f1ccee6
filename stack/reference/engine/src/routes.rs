//! The paths and their handlers: each checks the request, queries the index and responds.
//!
//! A search takes some tens of microseconds, less than a switch to another thread and back, so it runs on the runtime's own
//! threads. At most [`IN_FLIGHT`](crate::state::IN_FLIGHT) searches are open at a time, including those that wait out a
//! planted delay; the next gets a 503 at once, because an unbounded queue would hide the overload.

use std::time::Instant;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use kneepoint_service::log_failure;
use serde::Deserialize;

use crate::profile::get_profile;
use crate::request_error::RequestError;
use crate::response::{Hit, SearchResponse};
use crate::state::EngineState;
use crate::{BookIndex, EngineError, HitLimit, PlantedDelay, SERVICE_NAME, SearchText};

pub(crate) fn router(index: BookIndex) -> Router {
    Router::new()
        .route("/search", get(search))
        .route("/similar/{id}", get(similar))
        .route("/healthz", get(healthz))
        .route("/debug/pprof/profile", get(get_profile))
        .fallback(async || RequestError::NoSuchPath)
        .with_state(EngineState::new(index))
}

#[derive(Deserialize)]
struct SearchQuery {
    #[serde(default)]
    q: String,
    limit: Option<usize>,
    delay_ms: Option<u64>,
}

async fn search(
    State(state): State<EngineState>,
    query: Result<Query<SearchQuery>, QueryRejection>,
) -> Result<SearchResponse, RequestError> {
    let arrived = Instant::now();
    let Query(query) = query.map_err(|reason| RequestError::BadRequest(reason.body_text()))?;
    let text = SearchText::new(&query.q)?;
    let limit = HitLimit::new(query.limit, 10)?;
    let delay = PlantedDelay::new(query.delay_ms)?;
    let _permit = state.admit()?;
    wait_planted_delay(delay).await;
    let found = state.index.search(&text, limit).map_err(|error| internal_error(&error))?;
    Ok(build_response(arrived, found))
}

#[derive(Deserialize)]
struct SimilarQuery {
    limit: Option<usize>,
    delay_ms: Option<u64>,
}

/// The planted fault: a slow engine.
async fn wait_planted_delay(delay: PlantedDelay) {
    if !delay.get().is_zero() {
        tokio::time::sleep(delay.get()).await;
    }
}

async fn similar(
    State(state): State<EngineState>,
    id: Result<Path<u64>, PathRejection>,
    query: Result<Query<SimilarQuery>, QueryRejection>,
) -> Result<SearchResponse, RequestError> {
    let arrived = Instant::now();
    let Path(id) = id.map_err(|reason| RequestError::BadRequest(reason.body_text()))?;
    let Query(query) = query.map_err(|reason| RequestError::BadRequest(reason.body_text()))?;
    let limit = HitLimit::new(query.limit, 5)?;
    let delay = PlantedDelay::new(query.delay_ms)?;
    let _permit = state.admit()?;
    wait_planted_delay(delay).await;
    let found = state.index.similar(id, limit).map_err(|error| internal_error(&error))?;
    Ok(build_response(arrived, found.ok_or(RequestError::NoSuchBook(id))?))
}

async fn healthz(State(state): State<EngineState>) -> Json<serde_json::Value> {
    Json(serde_json::json!({ "status": "ok", "books": state.index.len() }))
}

fn build_response(arrived: Instant, (total, hits): (usize, Vec<Hit>)) -> SearchResponse {
    SearchResponse { took_us: arrived.elapsed().as_micros() as u64, total, hits }
}

/// A failure of the index: the log gets the reason, the client only the status.
fn internal_error(error: &EngineError) -> RequestError {
    log_failure(SERVICE_NAME, error);
    RequestError::Internal
}
