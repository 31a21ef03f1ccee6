//! HTTP/2 (RFC 9113) on the `h2` crate: many requests on one connection.
//!
//! A user of the closed model has one connection. In the open model users share connections: a request takes a slot on one that
//! has room by the server's `SETTINGS_MAX_CONCURRENT_STREAMS`; when none has, one more is opened, one at a time, so that those
//! who wait for it share it.
//!
//! A request that the server has not processed (its stream is beyond the last of a GOAWAY, or was refused with REFUSED_STREAM)
//! is retried once, whatever its method; one that was cut off before any byte of a response came, on a connection that had
//! worked before, only if it is idempotent (RFC 9113 §8.7, RFC 9110 §9.2.2).

mod failure;
mod session;
mod translate;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use kneepoint_model::outcome::Outcome;

use super::connection::{BrokenExchange, Retry};
use super::failure::RequestFailure;
use super::response::{RawResponse, ReadOptions};
use super::target::Target;
use super::times::ExchangeTimes;
use failure::connection_failure;
use session::{Http2Session, StreamSlot};
use translate::Http2Request;

/// Connections to one target that requests share.
#[derive(Default)]
pub(super) struct SharedConnections {
    sessions: Mutex<Vec<Arc<Http2Session>>>,
    /// Held while a connection is opened.
    opening: tokio::sync::Mutex<()>,
}

impl SharedConnections {
    /// A slot on a live connection that has room.
    fn free_slot(&self) -> Option<StreamSlot> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|session| session.is_alive());
        sessions.iter().find_map(Http2Session::acquire_slot)
    }

    /// A slot on a connection, a new one when no other has room; and whether the connection is new.
    async fn take(
        &self,
        target: &Target,
        times: &mut ExchangeTimes,
    ) -> Result<(StreamSlot, bool), RequestFailure> {
        if let Some(slot) = self.free_slot() {
            return Ok((slot, false));
        }
        let _turn = self.opening.lock().await;
        if let Some(slot) = self.free_slot() {
            return Ok((slot, false));
        }
        let began = Instant::now();
        let connected = target.connect().await?;
        let spoke_http2 = target.spoke_http2.load(Ordering::Relaxed);
        let session = Http2Session::open(connected.stream).await;
        let session = Arc::new(session.map_err(|error| connection_failure(&error, spoke_http2))?);
        target.spoke_http2.store(true, Ordering::Relaxed);
        times.connected(began.elapsed(), connected.tls);
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&session));
        Ok((StreamSlot::on(&session), true))
    }
}

/// Sends one request and receives its whole response; `request` is in the notation of HTTP/1.1.
pub(super) async fn exchange(
    shared: &SharedConnections,
    target: &Target,
    request: &[u8],
    idempotent: bool,
    options: ReadOptions,
    times: &mut ExchangeTimes,
) -> Result<RawResponse, RequestFailure> {
    let request =
        Http2Request::parse(request, target.scheme()).map_err(|why| RequestFailure::protocol(&why))?;
    let mut is_second = false;
    loop {
        let (slot, is_new) = shared.take(target, times).await?;
        let session = Arc::clone(slot.session());
        let had_responded = session.has_responded.load(Ordering::Relaxed);
        match slot.exchange(&request, options, &mut times.sent).await {
            Ok(response) => {
                session.has_responded.store(true, Ordering::Relaxed);
                return Ok(response);
            }
            Err(ExchangeError::Unsent(failure)) => {
                // The connection had ended while it was idle; the next attempt takes another.
                session.give_up();
                if is_new {
                    return Err(failure);
                }
            }
            Err(ExchangeError::Broken(BrokenExchange { failure, retry })) => {
                if failure.outcome == Outcome::GoAway {
                    session.give_up();
                }
                let again = match retry {
                    Retry::Always => true,
                    Retry::IfIdempotent => idempotent && had_responded,
                    Retry::Never => false,
                };
                if is_second || !again {
                    return Err(failure);
                }
                is_second = true;
            }
        }
    }
}

/// Why there is no response.
enum ExchangeError {
    /// The connection had ended before the request was sent on it.
    Unsent(RequestFailure),
    /// The request was sent, at least in part.
    Broken(BrokenExchange),
}
