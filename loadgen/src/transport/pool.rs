//! Idle connections, last in first out; and the exchange that takes or opens one, and returns it.
//!
//! A server may close an idle connection just as it is used. A request without response on a reused connection is retried once
//! on a new one, if it is idempotent or was never written: as browsers do (RFC 9112 §9.3.1).

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use kneepoint_model::load::HttpVersion;

use super::connection::{Connection, Retry};
use super::failure::RequestFailure;
use super::http2;
use super::response::{RawResponse, ReadOptions};
use super::target::Target;
use super::times::ExchangeTimes;

/// Connections to one target: idle ones, and those of HTTP/2, which requests share.
#[derive(Default)]
pub(crate) struct Pool {
    idle: Mutex<Vec<Connection>>,
    shared: http2::SharedConnections,
}

impl Pool {
    fn pop(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
    fn push(&self, connection: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }

    /// Opens a connection that is idle until it is needed. A failure is ignored: the request that needs a connection tries
    /// again, and reports it.
    pub(crate) async fn open_ahead(&self, target: &Target) {
        if let Ok(connected) = target.connect().await {
            self.push(Connection::new(connected.stream));
        }
    }

    async fn take(&self) -> Option<Connection> {
        while let Some(mut connection) = self.pop() {
            if connection.is_alive().await {
                return Some(connection);
            }
        }
        None
    }
}

/// Sends one request and receives its whole response.
pub(crate) async fn exchange(
    pool: &Pool,
    target: &Target,
    request: &[u8],
    idempotent: bool,
    options: ReadOptions,
    times: &mut ExchangeTimes,
) -> Result<RawResponse, RequestFailure> {
    if target.http == HttpVersion::Http2 {
        // Boxed so that the future of HTTP/1.1 stays small.
        let shared = &pool.shared;
        return Box::pin(http2::exchange(shared, target, request, idempotent, options, times)).await;
    }
    let mut used = pool.take().await;
    loop {
        let was_used = used.is_some();
        let mut connection = if let Some(connection) = used.take() {
            connection
        } else {
            let began = Instant::now();
            let connected = target.connect().await?;
            let connection = Connection::new(connected.stream);
            times.connected(began.elapsed(), connected.tls);
            connection
        };
        match connection.exchange(request, options, &mut times.sent).await {
            Ok(response) => {
                if connection.keep_alive() {
                    pool.push(connection);
                }
                return Ok(response);
            }
            Err(broken) => {
                let again = match broken.retry {
                    Retry::Always => true,
                    Retry::IfIdempotent => idempotent,
                    Retry::Never => false,
                };
                if !(was_used && again) {
                    return Err(broken.failure);
                }
            }
        }
    }
}
