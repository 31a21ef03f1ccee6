//! When the parts of an exchange happened.

use std::time::{Duration, Instant};

/// Times of an exchange, known even when it fails or is dropped.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct ExchangeTimes {
    /// First write of the first request of the step.
    pub(crate) sent: Option<Instant>,
    /// Time to open a new connection, when one was needed; without the TLS handshake.
    pub(crate) connect: Option<Duration>,
    /// Time of its TLS handshake.
    pub(crate) tls: Option<Duration>,
}

impl ExchangeTimes {
    /// Adds a new connection: its whole time, and the part of the TLS handshake.
    pub(super) fn connected(&mut self, took: Duration, tls: Option<Duration>) {
        *self.connect.get_or_insert_default() += took.saturating_sub(tls.unwrap_or_default());
        if let Some(tls) = tls {
            *self.tls.get_or_insert_default() += tls;
        }
    }
}
