//! How connections and streams of HTTP/2 end, in our closed set of outcomes; and what may be tried again. Pure.

use h2::{Error, Reason};
use kneepoint_model::outcome::Outcome;

use crate::transport::connection::{BrokenExchange, Retry};
use crate::transport::failure::RequestFailure;

/// Of a connection on which no settings came. One that was only closed says nothing of the protocol if others of the same
/// server had spoken it.
pub(super) fn connection_failure(error: &Error, spoke_http2: bool) -> RequestFailure {
    match error.get_io() {
        Some(io) if spoke_http2 => RequestFailure::from_io_error(io),
        Some(io) => RequestFailure::no_http2(&format!("closed before it sent its settings ({io})")),
        None => RequestFailure::no_http2(&error.to_string()),
    }
}

/// Of a request that was not sent, because the connection had ended before.
pub(super) fn unsent_failure(error: &Error) -> RequestFailure {
    broken_exchange(error).failure
}

/// Of a request that was sent.
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
        // `h2` says so only of streams beyond the last that the server looked at; the others are let end.
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
    fn what_the_client_finds_wrong_is_no_answer_of_http2() {
        let error = Error::from(Reason::FRAME_SIZE_ERROR);
        assert_eq!(connection_failure(&error, true).outcome, Outcome::NoHttp2);
        let BrokenExchange { failure, retry } = broken_exchange(&error);
        assert_eq!((failure.outcome, retry), (Outcome::Protocol, Retry::Never));
    }
}
