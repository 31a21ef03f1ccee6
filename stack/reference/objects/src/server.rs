//! The configuration of the store, and its start as an HTTP server.

use std::net::SocketAddr;
use std::path::PathBuf;

use kneepoint_service::{HttpServer, run_until_signal};

use crate::routes::router;
use crate::storage::open_storage;
use crate::{Keys, ObjectsError, SERVICE_NAME};

/// Where to listen, where the objects are, and who may write.
#[derive(Debug, Clone)]
pub struct ObjectsConfig {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder of the buckets; created when it does not exist.
    pub folder: PathBuf,
    /// The only keys that may write.
    pub keys: Keys,
}

/// Creates the folder and its public bucket, and listens. Must be called within a runtime.
///
/// # Errors
/// `Folder`, or `Service` when the port is taken.
pub fn bind(config: ObjectsConfig) -> Result<HttpServer, ObjectsError> {
    let ObjectsConfig { listen, folder, keys } = config;
    let storage = open_storage(&folder, keys)?;
    Ok(HttpServer::bind(listen, router(storage))?)
}

/// The body of the command: serves on its own runtime until SIGTERM or SIGINT.
///
/// # Errors
/// As [`bind`], and `Service` when serving fails.
pub fn main_blocking(config: ObjectsConfig) -> Result<(), ObjectsError> {
    run_until_signal(SERVICE_NAME, async { bind(config) })
}
