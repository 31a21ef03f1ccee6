//! The JSON responses to searches.

use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A book that matches a search.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Hit {
    /// The book's primary key in the site's database.
    pub id: u64,
    /// BM25 score; comparable only within one response.
    pub score: f32,
}

/// The response to a search, or to a request for similar books.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchResponse {
    /// Microseconds from the start of the handler to this response, including a planted delay.
    pub took_us: u64,
    /// Number of matching books; `hits` are the best of them.
    pub total: usize,
    /// In descending order of score.
    pub hits: Vec<Hit>,
}

impl IntoResponse for SearchResponse {
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
