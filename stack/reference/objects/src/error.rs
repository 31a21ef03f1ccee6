//! Why the store could not start or had to end. What a single request does wrong is answered in the words of S3.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A fault of the store as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// The folder cannot be made or used.
    #[error("failed to use the folder {}: {why}; choose one that can be written to", path.display())]
    Folder {
        /// The folder asked for.
        path: PathBuf,
        /// What the system, or the storage, said.
        why: String,
    },
    /// A key that could not be told in a request.
    #[error("{name} is {why}; use letters, digits and -._~, for example {name}=throw-away")]
    Key {
        /// The variable that holds it.
        name: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The address is taken or not ours.
    #[error("failed to listen on {address}: {source}; choose a free port")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The runtime or the server failed.
    #[error("failed to serve: {0}")]
    Serve(#[from] io::Error),
}
