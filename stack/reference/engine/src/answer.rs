//! What the engine answers: hits, or a refusal with its status, always JSON.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::query::QueryError;

/// One book found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Hit {
    /// The book's id.
    pub id: u64,
    /// BM25 score; only the order within one answer means something.
    pub score: f32,
}

/// The answer to a search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// Microseconds from the request's arrival at its handler to this answer, a planted delay included.
    pub took_us: u64,
    /// How many books match, of which `hits` are the best.
    pub total: usize,
    /// The best, best first.
    pub hits: Vec<Hit>,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let milliseconds = self.took_us as f64 / 1_000.0;
        let mut response = axum::Json(&self).into_response();
        // Digits and a dot are always a valid header value.
        if let Ok(value) = HeaderValue::from_str(&format!("engine;dur={milliseconds:.3}")) {
            response.headers_mut().insert(HeaderName::from_static("server-timing"), value);
        }
        response
    }
}

/// A request that is not answered, and why.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("{0}")]
    BadRequest(String),
    #[error("there is no book {0}")]
    NoSuchBook(u64),
    #[error("no such path; there are /search, /similar/<id>, /healthz and /debug/pprof/profile")]
    NoSuchPath,
    #[error("a profile is being taken; ask again when it has ended")]
    ProfileRunning,
    #[error("too many requests in flight; ask again")]
    Busy,
    #[error("the engine failed; its log says more")]
    Internal,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Query(_) | Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::NoSuchBook(_) | Self::NoSuchPath => StatusCode::NOT_FOUND,
            Self::ProfileRunning => StatusCode::CONFLICT,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = axum::Json(serde_json::json!({ "error": self.to_string() }));
        let mut response = (self.status(), body).into_response();
        if matches!(self, Self::Busy) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
