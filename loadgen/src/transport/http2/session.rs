//! One connection of HTTP/2, driven by a task of its own, with slots for requests.

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

use super::ExchangeError;
use super::failure::{broken_exchange, unsent_failure};
use super::translate::{Http2Request, response_head};
use crate::transport::connection::{BrokenExchange, Retry};
use crate::transport::failure::RequestFailure;
use crate::transport::head::{MAX_HEAD_LEN, ResponseHead};
use crate::transport::response::{RawResponse, ReadOptions, keep_tail};
use crate::transport::stream::Stream;

/// Bytes that the server may send on a stream before we acknowledge them: 16 MiB, more than a link on which load is made has in
/// flight, so that the window throttles nothing.
const STREAM_WINDOW: u32 = 16 << 20;
/// The same for all streams of a connection together.
const CONNECTION_WINDOW: u32 = 256 << 20;

/// A connection whose settings are known.
pub(super) struct Http2Session {
    sender: SendRequest<Bytes>,
    /// Requests that are on it.
    streams: AtomicUsize,
    /// False once it has ended, or the server has announced that it will.
    alive: Arc<AtomicBool>,
    /// Whether a response has come on it.
    pub(super) has_responded: AtomicBool,
}

impl Http2Session {
    /// Opens a connection: with prior knowledge, or after the server chose HTTP/2 within TLS. It is ready once the server has
    /// answered a PING, because the settings, with the limit of streams, come before (RFC 9113 §3.4).
    pub(super) async fn open(stream: Stream) -> Result<Self, h2::Error> {
        let (sender, mut connection) = Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_HEAD_LEN as u32)
            .enable_push(false)
            // Late bytes on streams that we reset are no fault of the server.
            .max_local_error_reset_streams(None)
            .handshake::<_, Bytes>(stream)
            .await?;
        await_settings(&mut connection).await?;
        let alive = Arc::new(AtomicBool::new(true));
        let ended = Arc::clone(&alive);
        tokio::spawn(async move {
            // Each stream receives the error itself.
            let _ = connection.await;
            ended.store(false, Ordering::Relaxed);
        });
        Ok(Self { sender, streams: AtomicUsize::new(0), alive, has_responded: AtomicBool::new(false) })
    }

    pub(super) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    /// No further request is sent on it.
    pub(super) fn give_up(&self) {
        self.alive.store(false, Ordering::Relaxed);
    }

    /// A slot, when the server allows one more stream.
    pub(super) fn acquire_slot(session: &Arc<Self>) -> Option<StreamSlot> {
        let max_streams = session.sender.current_max_send_streams();
        (session.streams.load(Ordering::Relaxed) < max_streams).then(|| StreamSlot::on(session))
    }
}

/// Drives the connection until the server has answered a PING.
async fn await_settings(connection: &mut Connection<Stream, Bytes>) -> Result<(), h2::Error> {
    let Some(mut pings) = connection.ping_pong() else { return Ok(()) };
    let mut pong = pin!(pings.ping(Ping::opaque()));
    poll_fn(|cx| {
        // The connection first: it reads the answer to the PING.
        if let Poll::Ready(ended) = Pin::new(&mut *connection).poll(cx) {
            ended?;
            // It ended without error, but before the answer.
            return Poll::Ready(Err(Reason::NO_ERROR.into()));
        }
        pong.as_mut().poll(cx).map_ok(drop)
    })
    .await
}

/// A slot for one request on a connection; released when it is dropped.
pub(super) struct StreamSlot(Arc<Http2Session>);

impl Drop for StreamSlot {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

impl StreamSlot {
    pub(super) fn on(session: &Arc<Http2Session>) -> Self {
        session.streams.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(session))
    }

    pub(super) fn session(&self) -> &Arc<Http2Session> {
        &self.0
    }

    /// Sends a request and reads the whole response. When it is dropped before its end, it resets its stream; the connection
    /// stays open.
    pub(super) async fn exchange(
        &self,
        request: &Http2Request,
        options: ReadOptions,
        sent: &mut Option<Instant>,
    ) -> Result<RawResponse, ExchangeError> {
        let unsent = |error: &h2::Error| ExchangeError::Unsent(unsent_failure(error));
        let mut sender = self.0.sender.clone().ready().await.map_err(|e| unsent(&e))?;
        let has_no_body = request.body.is_empty();
        sent.get_or_insert_with(Instant::now);
        let (response, mut body) =
            sender.send_request(request.head(), has_no_body).map_err(|e| unsent(&e))?;
        if !has_no_body {
            body.send_data(request.body.clone(), true)
                .map_err(|e| ExchangeError::Broken(broken_exchange(&e)))?;
        }
        let response = response.await.map_err(|e| ExchangeError::Broken(broken_exchange(&e)))?;
        let first_byte = Instant::now();
        let (parts, body) = response.into_parts();
        let head = response_head(&parts).map_err(|why| not_retriable(RequestFailure::protocol(&why)))?;
        read_body(body, head, first_byte, options).await
    }
}

/// Reads the body to its end.
async fn read_body(
    mut body: RecvStream,
    head: ResponseHead,
    first_byte: Instant,
    options: ReadOptions,
) -> Result<RawResponse, ExchangeError> {
    let status = head.status;
    let failed = |failure: RequestFailure| not_retriable(failure.with_response_started(status, first_byte));
    let (mut wire, mut content, mut tail) = (0_u64, Vec::new(), [0_u8; 4]);
    while let Some(data) = body.data().await {
        let data = data.map_err(|e| failed(broken_exchange(&e).failure))?;
        wire += data.len() as u64;
        if wire > options.max_body {
            let detail = format!("more than {} bytes", options.max_body);
            return Err(failed(RequestFailure::new(Outcome::BodyTooLarge, &detail)));
        }
        keep_tail(&mut tail, &data);
        if options.keep_body {
            content.extend_from_slice(&data);
        }
        // Releases flow-control capacity; an error here would come with the next piece too.
        let _ = body.flow_control().release_capacity(data.len());
    }
    Ok(RawResponse { head, first_byte, done: Instant::now(), wire, body: content, tail })
}

fn not_retriable(failure: RequestFailure) -> ExchangeError {
    ExchangeError::Broken(BrokenExchange { failure, retry: Retry::Never })
}
