//! Classifies errors of sockets, TLS and HTTP as outcomes, with a detail for the exemplar.

use std::io;
use std::time::Instant;

use kneepoint_model::outcome::Outcome;

/// A request without a complete response.
#[derive(Debug)]
pub(crate) struct RequestFailure {
    pub(crate) outcome: Outcome,
    pub(crate) detail: String,
    /// Status and time of the first byte, when the response had begun.
    pub(crate) response_started: Option<(u16, Instant)>,
    /// True when this machine is at fault: it has no ports or file descriptors left.
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

    /// From an attempt to connect.
    pub(crate) fn from_connect_error(error: &io::Error) -> Self {
        let local = is_local_fault(error);
        let outcome = match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Outcome::Reset,
            io::ErrorKind::TimedOut => Outcome::Timeout,
            _ => Outcome::Refused,
        };
        Self { outcome, detail: format!("cannot connect: {error}"), response_started: None, local }
    }

    /// The server does not speak HTTP/2.
    pub(crate) fn no_http2(why: &str) -> Self {
        Self::new(Outcome::NoHttp2, &format!("the server does not speak HTTP/2: {why}"))
    }

    /// From a TLS handshake.
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

    /// The response violates HTTP.
    pub(crate) fn protocol(why: &str) -> Self {
        Self::new(Outcome::Protocol, &format!("not HTTP: {why}"))
    }

    /// The connection ended before the response did.
    pub(crate) fn connection_closed() -> Self {
        Self::new(Outcome::Reset, "closed before the response was complete")
    }

    /// From reading or writing on an established connection.
    pub(crate) fn from_io_error(error: &io::Error) -> Self {
        let outcome = match error.kind() {
            io::ErrorKind::TimedOut => Outcome::Timeout,
            // rustls: the received data is not a TLS record.
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
    fn local_faults_are_distinguished_from_faults_of_the_site() {
        let refused = RequestFailure::from_connect_error(&io::Error::from_raw_os_error(libc::ECONNREFUSED));
        assert_eq!((refused.outcome, refused.local), (Outcome::Refused, false));
        let ports = RequestFailure::from_connect_error(&io::Error::from_raw_os_error(libc::EADDRNOTAVAIL));
        assert!(ports.local);
        let reset = RequestFailure::from_connect_error(&io::Error::from_raw_os_error(libc::ECONNRESET));
        assert_eq!(reset.outcome, Outcome::Reset);
    }
}
