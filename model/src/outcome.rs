//! How one request ended: a closed set, never a string to compare.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How one request ended. Only [`Outcome::Ok`] counts as a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The response is complete, has an expected status and passed every check.
    Ok,
    /// A response with a 4xx status that the scenario did not expect.
    ClientError,
    /// A response with a 5xx status.
    ServerError,
    /// A response with a 2xx or 3xx status that the scenario did not expect.
    UnexpectedStatus,
    /// A check on body, header or extraction failed.
    CheckFailed,
    /// The host name did not resolve.
    Dns,
    /// The connection was refused: no process listens on the port.
    Refused,
    /// The connection was cut while in use.
    Reset,
    /// The server reset the stream (HTTP/2).
    StreamReset,
    /// The server refused the stream without processing the request, also the second time (HTTP/2).
    StreamRefused,
    /// The server closed the connection without processing the request, also the second time (HTTP/2).
    GoAway,
    /// HTTP/2 was required, and the server does not support it.
    NoHttp2,
    /// The TLS handshake failed.
    Tls,
    /// No complete response within the deadline.
    Timeout,
    /// The response was not valid HTTP.
    Protocol,
    /// The body was larger than the limit.
    BodyTooLarge,
    /// Not finished when the phase ended: the recorded latency is a lower bound.
    Censored,
    /// Not sent: it had waited too long because of the limit on requests in flight.
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
    /// The label for reports and messages.
    pub const fn label(self) -> &'static str {
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
            Self::GoAway => "connection closed (GOAWAY)",
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
        f.write_str(self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_serialised_names() {
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
