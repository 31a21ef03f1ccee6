//! One keep-alive connection of HTTP/1.1, driven by whoever uses it: no task of its own, so that an answer wakes its reader
//! directly, and no more than one write and one read for a request that fits.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use super::answer::{Answer, Progress, Reply, Wanted};
use super::failure::Failure;
use super::stream::Stream;

/// What is read at once.
const ROOM: usize = 64 << 10;

thread_local! {
    /// Where all connections of a thread read to: one place that stays in the cache, instead of one for each connection.
    static INPUT: RefCell<Box<[u8]>> = RefCell::new(vec![0; ROOM].into());
}

/// An established connection.
pub(crate) struct Connection {
    stream: Stream,
    keeps: bool,
}

/// How an exchange failed, and whether it may be tried again.
pub(crate) struct Broken {
    pub(crate) failure: Failure,
    /// The request was not written, or no byte of an answer came.
    pub(crate) retry: Retry,
}

/// May a failed exchange be tried on a new connection?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Nothing was sent: any request may.
    Always,
    /// It was sent, but nothing came back: idempotent requests may.
    IfIdempotent,
    /// The answer had begun.
    Never,
}

/// An exchange under way.
struct Exchange<'a> {
    request: &'a [u8],
    written: usize,
    is_sent: bool,
    answer: Answer,
}

impl Connection {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, keeps: true }
    }

    /// Whether another request may be sent on it, as far as the last answer said.
    pub(crate) fn keeps(&self) -> bool {
        self.keeps
    }

    /// Looks, without waiting, whether the peer has closed it meanwhile, or says what nobody asked for.
    pub(crate) async fn is_alive(&mut self) -> bool {
        self.keeps && self.stream.is_quiet().await
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn exchange(
        &mut self,
        request: &[u8],
        wanted: Wanted,
        sent: &mut Option<Instant>,
    ) -> Result<Reply, Broken> {
        sent.get_or_insert_with(Instant::now);
        self.keeps = false;
        let mut exchange = Exchange { request, written: 0, is_sent: false, answer: Answer::new(wanted) };
        let end = poll_fn(|cx| self.poll_exchange(cx, &mut exchange)).await;
        let Exchange { written, is_sent, answer, .. } = exchange;
        let failure = match end {
            Ok(may_keep) => {
                if let Some(reply) = answer.reply() {
                    self.keeps = reply.head.keeps && is_sent && may_keep;
                    return Ok(reply);
                }
                return Err(Broken { failure: Failure::cut(), retry: Retry::Never });
            }
            Err(failure) => failure,
        };
        let retry = match (written, answer.has_begun()) {
            (0, _) => Retry::Always,
            (_, false) => Retry::IfIdempotent,
            (_, true) => Retry::Never,
        };
        Err(Broken { failure: answer.broken(failure), retry })
    }

    /// Until the answer is whole; true when nothing came after it.
    fn poll_exchange(
        &mut self,
        cx: &mut Context<'_>,
        exchange: &mut Exchange<'_>,
    ) -> Poll<Result<bool, Failure>> {
        if !exchange.is_sent && !exchange.answer.has_begun() {
            match self.poll_send(cx, exchange) {
                Poll::Ready(sent) => {
                    sent.map_err(|error| Failure::io(&error))?;
                    exchange.is_sent = true;
                }
                // A site that refuses what is too large answers without reading it, and then nobody would read.
                Poll::Pending if exchange.written > 0 => {}
                Poll::Pending => return Poll::Pending,
            }
        }
        loop {
            let progress = ready!(self.poll_read(cx, &mut exchange.answer))?;
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

    /// Reads once, and gives it to the answer.
    fn poll_read(&mut self, cx: &mut Context<'_>, answer: &mut Answer) -> Poll<Result<Progress, Failure>> {
        INPUT.with_borrow_mut(|room| {
            let mut input = ReadBuf::new(room);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut input));
            let at = Instant::now();
            Poll::Ready(match read {
                Err(error) => Err(Failure::io(&error)),
                Ok(()) if !input.filled().is_empty() => answer.take(input.filled(), at),
                Ok(()) if answer.ends(at) => Ok(Progress::Whole),
                Ok(()) => Err(Failure::cut()),
            })
        })
    }
}
