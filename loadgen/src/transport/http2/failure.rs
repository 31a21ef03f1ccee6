//! Classifies the ends of HTTP/2 connections and streams as outcomes, and decides what may be retried. Pure.

use h2::{Error, Reason};
use kneepoint_model::outcome::Outcome;

use crate::transport::connection::{BrokenExchange, Retry};
use crate::transport::failure::RequestFailure;

/// From a connection on which no settings came. One that was merely closed may still speak HTTP/2, when others to the same server
/// did.
pub(super) fn connection_failure(error: &Error, spoke_http2: bool) -> RequestFailure {
    match error.get_io() {
        Some(io) if spoke_http2 => RequestFailure::from_io_error(io),
        Some(io) => RequestFailure::no_http2(&format!("closed before it sent its settings ({io})")),
        None => RequestFailure::no_http2(&error.to_string()),
    }
}

/// From a request that was not sent, because the connection had ended before.
pub(super) fn unsent_failure(error: &Error) -> RequestFailure {
    broken_exchange(error).failure
}

/// From a request that was sent.
pub(super) fn broken_exchange(error: &Error) -> BrokenExchange {
    if let Some(io) = error.get_io() {
        return BrokenExchange { failure: RequestFailure::from_io_error(io), retry: Retry::IfIdempotent };
    }
    let reason = error.reason().unwrap_or(Reason::PROTOCOL_ERROR);
    let broken = |outcome: Outcome, words: &str, retry: Retry| BrokenExchange {
        failure: RequestFailure::new(outcome, &format!("{words}: {reason}")),
        retry,
    };
    match (error.is_remote(), error.is_go_away(), reason) {
        // `h2` reports this only for streams beyond the last one that the server processed; the others may end.
        (true, true, _) => broken(Outcome::GoAway, "the server ended the connection (GOAWAY)", Retry::Always),
        (true, false, Reason::REFUSED_STREAM) => {
            broken(Outcome::StreamRefused, "the server refused the stream", Retry::Always)
        }
        (true, false, _) => broken(Outcome::StreamReset, "the server reset the stream", Retry::Never),
        (false, _, _) => broken(Outcome::Protocol, "not HTTP/2", Retry::Never),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_the_client_detects_means_that_the_server_does_not_speak_http2() {
        let error = Error::from(Reason::FRAME_SIZE_ERROR);
        assert_eq!(connection_failure(&error, true).outcome, Outcome::NoHttp2);
        let BrokenExchange { failure, retry } = broken_exchange(&error);
        assert_eq!((failure.outcome, retry), (Outcome::Protocol, Retry::Never));
    }
}
