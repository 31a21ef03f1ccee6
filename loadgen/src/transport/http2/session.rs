//! One connection of HTTP/2, driven by a task of its own, and a place on it for one request at a time.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use h2::{Ping, Reason, RecvStream};
use kneepoint_model::outcome::Outcome;

use super::Ended;
use super::failure::{broken, cannot_send};
use super::translate::{Request, head_of};
use crate::transport::answer::{Reply, Wanted, keep_tail};
use crate::transport::connection::{Broken, Retry};
use crate::transport::failure::Failure;
use crate::transport::head::{Head, LONGEST};
use crate::transport::stream::Stream;

/// Bytes that the server may send on a stream before we say that we have read them: 16 MiB, more than any link on which
/// load is made holds at once, so that the window throttles nothing.
const STREAM_WINDOW: u32 = 16 << 20;
/// The same for all streams of a connection together.
const CONNECTION_WINDOW: u32 = 256 << 20;

/// A connection whose settings are known.
pub(super) struct Session {
    sender: SendRequest<Bytes>,
    /// Requests that are on it.
    streams: AtomicUsize,
    /// False once it has ended, or the server has announced that it will.
    alive: Arc<AtomicBool>,
    /// An answer came on it.
    pub(super) has_answered: AtomicBool,
}

impl Session {
    /// Begins a connection: with prior knowledge, or after the server chose HTTP/2 within TLS. It is ready once the server
    /// has answered a PING, because the settings, with the bound on streams, come before (RFC 9113 §3.4).
    pub(super) async fn open(stream: Stream) -> Result<Self, h2::Error> {
        let (sender, mut connection) = Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(LONGEST as u32)
            .enable_push(false)
            // Streams that we gave up, late bytes on them are no fault of the server.
            .max_local_error_reset_streams(None)
            .handshake::<_, Bytes>(stream)
            .await?;
        greet(&mut connection).await?;
        let alive = Arc::new(AtomicBool::new(true));
        let ended = Arc::clone(&alive);
        tokio::spawn(async move {
            // How it ended is told to each stream.
            let _ = connection.await;
            ended.store(false, Ordering::Relaxed);
        });
        Ok(Self { sender, streams: AtomicUsize::new(0), alive, has_answered: AtomicBool::new(false) })
    }

    pub(super) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    /// No further request goes on it.
    pub(super) fn give_up(&self) {
        self.alive.store(false, Ordering::Relaxed);
    }

    /// A place, when the server allows one more stream.
    pub(super) fn place(session: &Arc<Self>) -> Option<Place> {
        let most = session.sender.current_max_send_streams();
        (session.streams.load(Ordering::Relaxed) < most).then(|| Place::on(session))
    }
}

/// Drives the connection until the server has answered a PING.
async fn greet(connection: &mut Connection<Stream, Bytes>) -> Result<(), h2::Error> {
    let Some(mut pings) = connection.ping_pong() else { return Ok(()) };
    let mut pong = pin!(pings.ping(Ping::opaque()));
    poll_fn(|cx| {
        // The connection first: what it reads is the answer that is waited for.
        if let Poll::Ready(ended) = Pin::new(&mut *connection).poll(cx) {
            ended?;
            // It ended well, but without an answer.
            return Poll::Ready(Err(Reason::NO_ERROR.into()));
        }
        pong.as_mut().poll(cx).map_ok(drop)
    })
    .await
}

/// Room for one request on a connection; given back when it is dropped.
pub(super) struct Place(Arc<Session>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Place {
    pub(super) fn on(session: &Arc<Session>) -> Self {
        session.streams.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(session))
    }

    pub(super) fn session(&self) -> &Arc<Session> {
        &self.0
    }

    /// Sends a request and reads the whole answer. Dropped before its end, it resets its stream; the connection lives on.
    pub(super) async fn exchange(
        &self,
        request: &Request,
        wanted: Wanted,
        sent: &mut Option<Instant>,
    ) -> Result<Reply, Ended> {
        let unsent = |error: &h2::Error| Ended::Unsent(cannot_send(error));
        let mut sender = self.0.sender.clone().ready().await.map_err(|e| unsent(&e))?;
        let has_no_body = request.body.is_empty();
        sent.get_or_insert_with(Instant::now);
        let (answer, mut body) = sender.send_request(request.head(), has_no_body).map_err(|e| unsent(&e))?;
        if !has_no_body {
            body.send_data(request.body.clone(), true).map_err(|e| Ended::Broken(broken(&e)))?;
        }
        let answer = answer.await.map_err(|e| Ended::Broken(broken(&e)))?;
        let first_byte = Instant::now();
        let (parts, body) = answer.into_parts();
        let head = head_of(&parts).map_err(|why| never(Failure::protocol(&why)))?;
        read(body, head, first_byte, wanted).await
    }
}

/// Reads the body to its end.
async fn read(mut body: RecvStream, head: Head, first_byte: Instant, wanted: Wanted) -> Result<Reply, Ended> {
    let status = head.status;
    let failed = |failure: Failure| never(failure.after(status, first_byte));
    let (mut wire, mut kept, mut tail) = (0_u64, Vec::new(), [0_u8; 4]);
    while let Some(data) = body.data().await {
        let data = data.map_err(|e| failed(broken(&e).failure))?;
        wire += data.len() as u64;
        if wire > wanted.max {
            let detail = format!("more than {} bytes", wanted.max);
            return Err(failed(Failure::new(Outcome::BodyTooLarge, &detail)));
        }
        keep_tail(&mut tail, &data);
        if wanted.keep {
            kept.extend_from_slice(&data);
        }
        // What was read may be sent again; an error here would come with the next piece too.
        let _ = body.flow_control().release_capacity(data.len());
    }
    Ok(Reply { head, first_byte, done: Instant::now(), wire, body: kept, tail })
}

fn never(failure: Failure) -> Ended {
    Ended::Broken(Broken { failure, retry: Retry::Never })
}
