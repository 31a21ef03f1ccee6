//! Why a service cannot start or stops early. Errors of single requests are answered by the services.

use std::io;
use std::net::SocketAddr;

/// A failure of the service as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Another program uses the port, or the address is not one of this machine.
    #[error("failed to listen on {address}: {source}; choose a free port")]
    Listen {
        /// The configured address and port.
        address: SocketAddr,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The runtime or the socket failed.
    #[error("failed to serve: {0}")]
    Serve(#[from] io::Error),
}
