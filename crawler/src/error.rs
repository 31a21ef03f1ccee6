//! Why a stage of this crate could not do its work at all.
//!
//! A page that answers badly is not an error: it is a `Page` with problems. These are the cases without any result.

use std::io;

use thiserror::Error;

/// No result could be had.
#[derive(Debug, Error)]
pub enum CrawlError {
    /// The address is not one that can be visited.
    #[error("cannot visit `{url}`: {why}; give an address such as http://127.0.0.1:8000/")]
    BadAddress {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A header or pattern of the plan cannot be used.
    #[error("cannot use `{value}` as {what}: {why}")]
    BadPlan {
        /// Which part of the plan.
        what: &'static str,
        /// What was given.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nothing listens there, or the name is unknown.
    #[error("{origin} cannot be reached: {why}; start the site, or check address and port")]
    Unreachable {
        /// Scheme, host and port.
        origin: String,
        /// What the connection said.
        why: String,
    },
    /// There is nothing to do: no page is known.
    #[error("no page to {action}: crawl the site first, or name paths")]
    NothingToDo {
        /// What was to be done.
        action: &'static str,
    },
    /// The HTTP client could not be set up.
    #[error("the HTTP client could not be set up: {0}")]
    Client(String),
    /// The runtime could not be started.
    #[error("no runtime for requests: {0}; check limits on threads and open files")]
    Runtime(#[from] io::Error),
    /// Stopped before there was anything to tell.
    #[error("stopped before the first answer")]
    Cancelled,
}
