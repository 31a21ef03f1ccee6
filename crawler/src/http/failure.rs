//! An exchange without an answer: too late, or no connection, in plain words without the address or any secret.

use std::error::Error;
use std::io;
use std::time::Duration;

use kneepoint_model::site::PageProblem;
use kneepoint_model::units::Micros;

/// Whether a connection was had at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No connection could be made.
    NoConnection,
    /// There was one, and it broke.
    Broken,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// Not in time.
    Timeout(Duration),
    /// The connection failed.
    Connection {
        /// At which point.
        refusal: Refusal,
        /// In plain words.
        why: String,
    },
}

impl NoAnswer {
    /// Reads the client's error.
    pub(crate) fn of(error: &reqwest::Error, waited: Duration) -> Self {
        if error.is_timeout() && !error.is_connect() {
            return Self::Timeout(waited);
        }
        let refusal = if error.is_connect() { Refusal::NoConnection } else { Refusal::Broken };
        Self::Connection { refusal, why: plain_words(error) }
    }

    /// As a problem of the page.
    pub(crate) fn problem(&self) -> PageProblem {
        match self {
            Self::Timeout(after) => PageProblem::Timeout { after_us: Micros::from_duration(*after) },
            Self::Connection { why, .. } => PageProblem::Connection { why: why.clone() },
        }
    }

    /// In plain words.
    pub(crate) fn why(&self) -> String {
        match self {
            Self::Timeout(after) => format!("no answer within {}", Micros::from_duration(*after)),
            Self::Connection { why, .. } => why.clone(),
        }
    }
}

fn plain_words(error: &reqwest::Error) -> String {
    let mut innermost: &dyn Error = error;
    loop {
        if let Some(io) = innermost.downcast_ref::<io::Error>() {
            match io.kind() {
                io::ErrorKind::ConnectionRefused => return "connection refused".to_owned(),
                io::ErrorKind::ConnectionReset => return "connection reset by the server".to_owned(),
                io::ErrorKind::TimedOut => return "no connection in time".to_owned(),
                io::ErrorKind::UnexpectedEof => return "the server closed the connection early".to_owned(),
                _ => {}
            }
        }
        match innermost.source() {
            Some(source) => innermost = source,
            None => break,
        }
    }
    // The innermost error speaks of sockets and protocols; only the outermost holds the address.
    let text = innermost.to_string();
    let text = if innermost.source().is_none() && !text.contains("http") { text } else { broad(error) };
    text.chars().filter(|c| !c.is_control()).take(160).collect()
}

fn broad(error: &reqwest::Error) -> String {
    if error.is_connect() { "no connection".to_owned() } else { "the exchange broke off".to_owned() }
}
