//! From errors of sockets, TLS and HTTP to outcomes: a closed set, with a few words for the exemplar.

use std::io;
use std::time::Instant;

use kneepoint_model::outcome::Outcome;

/// A request that got no complete answer.
#[derive(Debug)]
pub(crate) struct RequestFailure {
    pub(crate) outcome: Outcome,
    pub(crate) detail: String,
    /// Status and first byte, when the answer had begun.
    pub(crate) response_started: Option<(u16, Instant)>,
    /// True when the fault is this machine's: no ports or file descriptors left.
    pub(crate) local: bool,
}

impl RequestFailure {
    pub(crate) fn new(outcome: Outcome, detail: &str) -> Self {
        Self { outcome, detail: detail.to_owned(), response_started: None, local: false }
    }

    pub(crate) fn with_response_started(mut self, status: u16, first_byte: Instant) -> Self {
        self.response_started = Some((status, first_byte));
        self
    }

    /// Of an attempt to connect.
    pub(crate) fn from_connect_error(error: &io::Error) -> Self {
        let local = is_local_fault(error);
        let outcome = match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Outcome::Reset,
            io::ErrorKind::TimedOut => Outcome::Timeout,
            _ => Outcome::Refused,
        };
        Self { outcome, detail: format!("cannot connect: {error}"), response_started: None, local }
    }

    /// Of a server that does not speak HTTP/2.
    pub(crate) fn no_http2(why: &str) -> Self {
        Self::new(Outcome::NoHttp2, &format!("the server does not speak HTTP/2: {why}"))
    }

    /// Of a TLS handshake.
    pub(crate) fn from_tls_error(error: &io::Error) -> Self {
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
        if let Some(
            rustls::Error::NoApplicationProtocol
            | rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol),
        ) = cause
        {
            return Self::no_http2(&error.to_string());
        }
        Self::new(Outcome::Tls, &format!("TLS handshake: {error}"))
    }

    /// Of an answer that breaks the rules of HTTP.
    pub(crate) fn protocol(why: &str) -> Self {
        Self::new(Outcome::Protocol, &format!("not HTTP: {why}"))
    }

    /// Of a connection that ended before the answer did.
    pub(crate) fn connection_closed() -> Self {
        Self::new(Outcome::Reset, "closed before the answer was complete")
    }

    /// Of reading or writing on an established connection.
    pub(crate) fn from_io_error(error: &io::Error) -> Self {
        let outcome = match error.kind() {
            io::ErrorKind::TimedOut => Outcome::Timeout,
            // rustls: what came is no record of TLS.
            io::ErrorKind::InvalidData => Outcome::Tls,
            _ => Outcome::Reset,
        };
        Self::new(outcome, &format!("connection cut: {error}"))
    }
}

fn is_local_fault(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::EADDRNOTAVAIL | libc::ENOBUFS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_this_machine_are_told_from_faults_of_the_site() {
        let refused = RequestFailure::from_connect_error(&io::Error::from_raw_os_error(libc::ECONNREFUSED));
        assert_eq!((refused.outcome, refused.local), (Outcome::Refused, false));
        let ports = RequestFailure::from_connect_error(&io::Error::from_raw_os_error(libc::EADDRNOTAVAIL));
        assert!(ports.local);
        let reset = RequestFailure::from_connect_error(&io::Error::from_raw_os_error(libc::ECONNRESET));
        assert_eq!(reset.outcome, Outcome::Reset);
    }
}
