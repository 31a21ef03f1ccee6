//! Errors of a stage that produces no result at all.
//!
//! A page that fails is not an error: it is a `Page` with problems.

use std::io;

use thiserror::Error;

/// Why a stage has no result.
#[derive(Debug, Error)]
pub enum CrawlError {
    /// The URL is not http(s), has no host, or leaves the site.
    #[error("cannot visit `{url}`: {why}; give an address such as http://127.0.0.1:8000/")]
    BadAddress {
        /// The URL or path as it was passed in.
        url: String,
        /// Reason, printed after the value.
        why: String,
    },
    /// A value of the plan (header, pattern, path, login) is not usable.
    #[error("cannot use `{value}` as {what}: {why}")]
    BadPlan {
        /// Names the part of the plan, for the message.
        what: &'static str,
        /// The value as it was passed in, escaped where it may contain control characters.
        value: String,
        /// Reason, printed after the value.
        why: String,
    },
    /// Connection refused, unknown host name, or no response in time.
    #[error("{origin} cannot be reached: {why}; start the site, or check address and port")]
    Unreachable {
        /// Scheme, host and port.
        origin: String,
        /// Cause, without the URL.
        why: String,
    },
    /// The plan contains no page that can be requested.
    #[error("no page to {action}: crawl the site first, or name paths")]
    NothingToDo {
        /// Verb for the message: `warm`, `probe`.
        action: &'static str,
    },
    /// TLS or client settings are rejected by the HTTP library; holds its message.
    #[error("the HTTP client could not be set up: {0}")]
    Client(String),
    /// The system refused a thread or a file descriptor.
    #[error("the async runtime could not start: {0}; check the limits on threads and open files")]
    Runtime(#[from] io::Error),
    /// Cancelled before the first response, so there is no partial result.
    #[error("stopped before the first response")]
    Cancelled,
}
