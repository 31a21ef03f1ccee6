//! An exchange without a response: a timeout or a failed connection, described without URL or secrets.

use std::error::Error;
use std::io;
use std::time::Duration;

use kneepoint_model::site::PageProblem;
use kneepoint_model::text::clean;
use kneepoint_model::units::Micros;

/// Point at which the connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionFailure {
    /// The connection was never established.
    NotConnected,
    /// An established connection broke.
    Broken,
}

/// Why an exchange has no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExchangeError {
    /// No complete response within this time.
    Timeout(Duration),
    Connection {
        failure: ConnectionFailure,
        why: String,
    },
}

impl ExchangeError {
    /// Classifies an error of the HTTP client.
    pub(crate) fn from_reqwest(error: &reqwest::Error, waited: Duration) -> Self {
        if error.is_timeout() && !error.is_connect() {
            return Self::Timeout(waited);
        }
        let failure =
            if error.is_connect() { ConnectionFailure::NotConnected } else { ConnectionFailure::Broken };
        Self::Connection { failure, why: describe_error(error) }
    }

    /// Converts the failure to a problem of the page.
    pub(crate) fn to_problem(&self) -> PageProblem {
        match self {
            Self::Timeout(after) => PageProblem::Timeout { after_us: Micros::from_duration(*after) },
            Self::Connection { why, .. } => PageProblem::Connection { why: why.clone() },
        }
    }

    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Timeout(after) => format!("no response within {}", Micros::from_duration(*after)),
            Self::Connection { why, .. } => why.clone(),
        }
    }
}

fn describe_error(error: &reqwest::Error) -> String {
    let mut innermost: &dyn Error = error;
    loop {
        if let Some(io) = innermost.downcast_ref::<io::Error>() {
            match io.kind() {
                io::ErrorKind::ConnectionRefused => return "connection refused".to_owned(),
                io::ErrorKind::ConnectionReset => return "connection reset by the server".to_owned(),
                io::ErrorKind::TimedOut => return "the connection timed out".to_owned(),
                io::ErrorKind::UnexpectedEof => return "the server closed the connection early".to_owned(),
                _ => {}
            }
        }
        match innermost.source() {
            Some(source) => innermost = source,
            None => break,
        }
    }
    // The innermost error describes sockets and protocols; only the outermost contains the URL.
    let text = innermost.to_string();
    let text =
        if innermost.source().is_none() && !text.contains("http") { text } else { describe_broadly(error) };
    clean(&text, 160)
}

fn describe_broadly(error: &reqwest::Error) -> String {
    if error.is_connect() {
        "could not connect".to_owned()
    } else {
        "the connection broke during the exchange".to_owned()
    }
}
