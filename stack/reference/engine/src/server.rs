//! The configuration of the engine, and its start as an HTTP server.

use std::net::SocketAddr;
use std::path::PathBuf;

use kneepoint_service::{HttpServer, ServiceError, run_until_signal};

use crate::routes::router;
use crate::{BookIndex, EngineError, SERVICE_NAME};

/// Where to listen and what to search in.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The JSON-lines file of books.
    pub books: PathBuf,
}

/// Builds the index, then listens.
///
/// # Errors
/// Any error of [`BookIndex::from_file`], or `Service` when the port is taken.
pub async fn bind(config: EngineConfig) -> Result<HttpServer, EngineError> {
    let EngineConfig { listen, books } = config;
    let index = tokio::task::spawn_blocking(move || BookIndex::from_file(&books)).await;
    let index = index.map_err(|panic| ServiceError::Serve(panic.into()))??;
    Ok(HttpServer::bind(listen, router(index))?)
}

/// The body of the command: serves on its own runtime until SIGTERM or SIGINT.
///
/// # Errors
/// As [`bind`], and `Service` when serving fails.
pub fn main_blocking(config: EngineConfig) -> Result<(), EngineError> {
    run_until_signal(SERVICE_NAME, bind(config))
}
