//! How one request ended: a closed set, never a string to compare.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The end of one request. Only [`Outcome::Ok`] may count as a success or as a latency that is worth having.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Answered, body fully read, status expected, every check passed.
    Ok,
    /// Answered with a 4xx that the scenario did not expect.
    ClientError,
    /// Answered with a 5xx.
    ServerError,
    /// Answered with a 2xx or 3xx that the scenario did not expect.
    UnexpectedStatus,
    /// Answered, but a check on body, header or extraction failed.
    CheckFailed,
    /// The host name did not resolve.
    Dns,
    /// Nobody listens.
    Refused,
    /// The connection was cut while in use.
    Reset,
    /// The server reset the stream (HTTP/2).
    StreamReset,
    /// The server refused the stream without a look at the request, also the second time (HTTP/2).
    StreamRefused,
    /// The server ended the connection without a look at the request, also the second time (HTTP/2).
    GoAway,
    /// HTTP/2 was asked for, and the server does not speak it.
    NoHttp2,
    /// The TLS handshake failed.
    Tls,
    /// No complete answer within the deadline.
    Timeout,
    /// The answer was not HTTP.
    Protocol,
    /// The body went beyond the cap.
    BodyTooLarge,
    /// Not finished when the run ended: latency is at least what was seen.
    Censored,
    /// Shed before it was sent: it had waited too long for its turn, because of the bound on requests in flight.
    Shed,
}

impl Outcome {
    /// True for the one outcome that is a success.
    pub const fn is_ok(self) -> bool {
        matches!(self, Self::Ok)
    }
    /// The stable name, as in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ClientError => "client_error",
            Self::ServerError => "server_error",
            Self::UnexpectedStatus => "unexpected_status",
            Self::CheckFailed => "check_failed",
            Self::Dns => "dns",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::StreamReset => "stream_reset",
            Self::StreamRefused => "stream_refused",
            Self::GoAway => "go_away",
            Self::NoHttp2 => "no_http2",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::BodyTooLarge => "body_too_large",
            Self::Censored => "censored",
            Self::Shed => "shed",
        }
    }
    /// Plain words for reports.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ClientError => "client error (4xx)",
            Self::ServerError => "server error (5xx)",
            Self::UnexpectedStatus => "unexpected status",
            Self::CheckFailed => "check failed",
            Self::Dns => "name not resolved",
            Self::Refused => "connection refused",
            Self::Reset => "connection reset",
            Self::StreamReset => "stream reset",
            Self::StreamRefused => "stream refused",
            Self::GoAway => "sent away (GOAWAY)",
            Self::NoHttp2 => "no HTTP/2",
            Self::Tls => "TLS handshake failed",
            Self::Timeout => "timeout",
            Self::Protocol => "not HTTP",
            Self::BodyTooLarge => "body too large",
            Self::Censored => "unfinished at the end",
            Self::Shed => "shed before send",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_files() {
        for outcome in [
            Outcome::Ok,
            Outcome::ServerError,
            Outcome::BodyTooLarge,
            Outcome::Censored,
            Outcome::Dns,
            Outcome::GoAway,
            Outcome::NoHttp2,
        ] {
            assert_eq!(serde_json::to_value(outcome).expect("a name"), outcome.name());
        }
    }
}
