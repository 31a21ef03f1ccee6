//! Why the store cannot start or stops early. Errors of single requests are S3 error responses.

use std::path::PathBuf;

use kneepoint_service::ServiceError;

/// A failure of the store as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// The folder cannot be created or used.
    #[error("failed to use the folder {}: {why}; choose one that can be written to", path.display())]
    Folder {
        /// The configured folder.
        path: PathBuf,
        /// The error of the operating system or of the storage.
        why: String,
    },
    /// A key that cannot be part of a request header.
    #[error("{name} is {why}; use letters, digits and -._~, for example {name}=throw-away")]
    Key {
        /// The environment variable that holds the key.
        name: &'static str,
        /// The reason; it completes the message, as in `not plain text`.
        why: &'static str,
    },
    /// The port is taken, or serving failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}
