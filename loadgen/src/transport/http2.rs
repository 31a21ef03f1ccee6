//! HTTP/2 (RFC 9113) on the `h2` crate: many requests on one connection.
//!
//! A visitor of the closed model has one connection. In the open model visitors share connections: a request takes a place
//! on one that has room by the server's `SETTINGS_MAX_CONCURRENT_STREAMS`; when none has, one more is opened, one at a time,
//! so that those who wait for it share it.
//!
//! A request that the server says it has not looked at (its stream is beyond the last of a GOAWAY, or was refused with
//! REFUSED_STREAM) is sent once more, whatever its method; one that was cut off before any byte of an answer came, on a
//! connection that had worked before, only if it is idempotent (RFC 9113 §8.7, RFC 9110 §9.2.2).

mod failure;
mod session;
mod translate;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use kneepoint_model::outcome::Outcome;

use super::answer::{Reply, Wanted};
use super::connection::{Broken, Retry};
use super::failure::Failure;
use super::pool::Times;
use super::target::Target;
use failure::cannot_begin;
use session::{Place, Session};
use translate::Request;

/// Connections to one target that requests share.
#[derive(Default)]
pub(super) struct Shared {
    sessions: Mutex<Vec<Arc<Session>>>,
    /// Held by the one who opens a connection.
    opening: tokio::sync::Mutex<()>,
}

impl Shared {
    /// A place on a connection that lives and has room.
    fn room(&self) -> Option<Place> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|session| session.is_alive());
        sessions.iter().find_map(Session::place)
    }

    /// A place on a connection, a new one when no other has room; and whether it is new.
    async fn take(&self, target: &Target, times: &mut Times) -> Result<(Place, bool), Failure> {
        if let Some(place) = self.room() {
            return Ok((place, false));
        }
        let _turn = self.opening.lock().await;
        if let Some(place) = self.room() {
            return Ok((place, false));
        }
        let began = Instant::now();
        let connected = target.connect().await?;
        let has_spoken = target.spoke_http2.load(Ordering::Relaxed);
        let session = Session::open(connected.stream).await;
        let session = Arc::new(session.map_err(|error| cannot_begin(&error, has_spoken))?);
        target.spoke_http2.store(true, Ordering::Relaxed);
        times.connected(began.elapsed(), connected.tls);
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&session));
        Ok((Place::on(&session), true))
    }
}

/// One request and its whole answer; `request` is as HTTP/1.1 would write it.
pub(super) async fn exchange(
    shared: &Shared,
    target: &Target,
    request: &[u8],
    idempotent: bool,
    wanted: Wanted,
    times: &mut Times,
) -> Result<Reply, Failure> {
    let request = Request::read(request, target.scheme()).map_err(|why| Failure::protocol(&why))?;
    let mut is_second = false;
    loop {
        let (place, is_new) = shared.take(target, times).await?;
        let session = Arc::clone(place.session());
        let had_answered = session.has_answered.load(Ordering::Relaxed);
        match place.exchange(&request, wanted, &mut times.sent).await {
            Ok(reply) => {
                session.has_answered.store(true, Ordering::Relaxed);
                return Ok(reply);
            }
            Err(Ended::Unsent(failure)) => {
                // It had ended while it was idle; the next one that is taken is another.
                session.give_up();
                if is_new {
                    return Err(failure);
                }
            }
            Err(Ended::Broken(Broken { failure, retry })) => {
                if failure.outcome == Outcome::GoAway {
                    session.give_up();
                }
                let again = match retry {
                    Retry::Always => true,
                    Retry::IfIdempotent => idempotent && had_answered,
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

/// Why there is no answer.
enum Ended {
    /// The connection had ended before the request was sent on it.
    Unsent(Failure),
    /// The request was sent, or may have been.
    Broken(Broken),
}
