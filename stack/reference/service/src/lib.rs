//! What the search engine and the object store share: listening, serving until a signal, shutting down gracefully, and
//! reporting failures.
//!
//! It must not know what a service serves: routes, configuration and errors of requests belong to the services.

mod error;
mod report;
mod runtime;
mod server;

pub use error::ServiceError;
pub use report::{exit_with_failure, log_failure};
pub use runtime::run_until_signal;
pub use server::HttpServer;
