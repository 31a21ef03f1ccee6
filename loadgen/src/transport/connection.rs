//! One keep-alive connection of HTTP/1.1, driven by its user: it has no task of its own, so that a response wakes its reader
//! directly, and a request that fits needs no more than one write and one read.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use super::failure::RequestFailure;
use super::response::{Progress, RawResponse, ReadOptions, ResponseReader};
use super::stream::Stream;

/// Bytes that one read may return.
const READ_BUFFER_LEN: usize = 64 << 10;

thread_local! {
    /// Buffer into which all connections of a thread read: one place that stays in the CPU cache, instead of one per connection.
    static INPUT: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BUFFER_LEN].into());
}

/// An established connection.
pub(crate) struct Connection {
    stream: Stream,
    keep_alive: bool,
}

/// How an exchange failed, and whether it may be retried.
pub(crate) struct BrokenExchange {
    pub(crate) failure: RequestFailure,
    /// Depends on whether the request was written, and whether the response has begun.
    pub(crate) retry: Retry,
}

/// Whether a failed exchange may be retried on a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Nothing was sent: any request may be retried.
    Always,
    /// It was sent, but no byte came back: idempotent requests may be retried.
    IfIdempotent,
    /// The response has begun.
    Never,
}

/// An exchange in progress.
struct Exchange<'a> {
    request: &'a [u8],
    written: usize,
    is_sent: bool,
    response: ResponseReader,
}

impl Connection {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, keep_alive: true }
    }

    /// Whether another request may be sent on it, according to the last response.
    pub(crate) fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// Checks, without waiting, that the peer has neither closed it nor sent anything unexpected.
    pub(crate) async fn is_alive(&mut self) -> bool {
        self.keep_alive && self.stream.is_idle().await
    }

    /// Sends a request and reads the whole response.
    pub(crate) async fn exchange(
        &mut self,
        request: &[u8],
        options: ReadOptions,
        sent: &mut Option<Instant>,
    ) -> Result<RawResponse, BrokenExchange> {
        sent.get_or_insert_with(Instant::now);
        self.keep_alive = false;
        let mut exchange =
            Exchange { request, written: 0, is_sent: false, response: ResponseReader::new(options) };
        let end = poll_fn(|cx| self.poll_exchange(cx, &mut exchange)).await;
        let Exchange { written, is_sent, response, .. } = exchange;
        let failure = match end {
            Ok(may_keep) => {
                if let Some(response) = response.finish() {
                    self.keep_alive = response.head.keep_alive && is_sent && may_keep;
                    return Ok(response);
                }
                return Err(BrokenExchange {
                    failure: RequestFailure::connection_closed(),
                    retry: Retry::Never,
                });
            }
            Err(failure) => failure,
        };
        let retry = match (written, response.has_begun()) {
            (0, _) => Retry::Always,
            (_, false) => Retry::IfIdempotent,
            (_, true) => Retry::Never,
        };
        Err(BrokenExchange { failure: response.broken(failure), retry })
    }

    /// Ready when the response is complete; true when nothing came after it.
    fn poll_exchange(
        &mut self,
        cx: &mut Context<'_>,
        exchange: &mut Exchange<'_>,
    ) -> Poll<Result<bool, RequestFailure>> {
        if !exchange.is_sent && !exchange.response.has_begun() {
            match self.poll_send(cx, exchange) {
                Poll::Ready(sent) => {
                    sent.map_err(|error| RequestFailure::from_io_error(&error))?;
                    exchange.is_sent = true;
                }
                // A site that refuses a large request responds before reading all of it, so the response is read meanwhile.
                Poll::Pending if exchange.written > 0 => {}
                Poll::Pending => return Poll::Pending,
            }
        }
        loop {
            let progress = ready!(self.poll_read(cx, &mut exchange.response))?;
            if progress != Progress::Begun {
                return Poll::Ready(Ok(progress == Progress::Whole));
            }
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, exchange: &mut Exchange<'_>) -> Poll<io::Result<()>> {
        while exchange.written < exchange.request.len() {
            let rest = &exchange.request[exchange.written..];
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => exchange.written += n,
            }
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Reads once, and passes the bytes to the response.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        response: &mut ResponseReader,
    ) -> Poll<Result<Progress, RequestFailure>> {
        INPUT.with_borrow_mut(|buffer| {
            let mut input = ReadBuf::new(buffer);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut input));
            let at = Instant::now();
            Poll::Ready(match read {
                Err(error) => Err(RequestFailure::from_io_error(&error)),
                Ok(()) if !input.filled().is_empty() => response.take(input.filled(), at),
                Ok(()) if response.end_at(at) => Ok(Progress::Whole),
                Ok(()) => Err(RequestFailure::connection_closed()),
            })
        })
    }
}
