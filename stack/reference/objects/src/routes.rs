//! The paths: `/healthz` beside the buckets.

use axum::Router;
use axum::error_handling::HandleError;
use axum::http::{StatusCode, header};
use axum::routing::get;
use kneepoint_service::log_failure;
use s3s::HttpError;
use s3s::service::S3Service;

use crate::SERVICE_NAME;

/// Because of `/healthz`, no bucket can have that name.
pub(crate) fn router(storage: S3Service) -> Router {
    let health = || async { ([(header::CONTENT_TYPE, "application/json")], r#"{"status":"ok"}"#) };
    Router::new().route("/healthz", get(health)).fallback_service(HandleError::new(storage, handle_error))
}

/// Handles an error outside the S3 protocol: the log gets the reason, the client only the status.
async fn handle_error(error: HttpError) -> StatusCode {
    let reason = Box::<dyn std::error::Error + Send + Sync>::from(error);
    log_failure(SERVICE_NAME, &format_args!("a request could not be answered: {reason}"));
    StatusCode::INTERNAL_SERVER_ERROR
}
