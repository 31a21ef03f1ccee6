//! Why a request is not served, with its HTTP status and a JSON body.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::query::QueryError;

/// An error of one request; its text goes to the client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("{0}")]
    BadRequest(String),
    #[error("there is no book {0}")]
    NoSuchBook(u64),
    #[error("no such path; there are /search, /similar/<id>, /healthz and /debug/pprof/profile")]
    NoSuchPath,
    #[error("another profile is running; try again when it has ended")]
    ProfileRunning,
    #[error("too many requests in flight; try again")]
    Busy,
    #[error("the engine failed; its log contains the reason")]
    Internal,
}

impl RequestError {
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

impl IntoResponse for RequestError {
    fn into_response(self) -> Response {
        let body = axum::Json(serde_json::json!({ "error": self.to_string() }));
        let mut response = (self.status(), body).into_response();
        if matches!(self, Self::Busy) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
