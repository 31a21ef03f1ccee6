//! A stream that reads slowly, so that the server experiences a user on a slow connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Sleep, sleep_until};

use super::read_rate::{ReadPacer, ReadRate};
use super::stream::Stream;

/// Limits the rate of reads; writes are not limited.
pub(crate) struct SlowStream {
    pub(super) stream: Stream,
    pacer: ReadPacer,
    started: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl SlowStream {
    pub(super) fn new(stream: Stream, rate: ReadRate) -> Self {
        let started = Instant::now();
        Self { stream, pacer: ReadPacer::new(rate), started, sleep: Box::pin(sleep_until(started.into())) }
    }

    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.started.elapsed() < self.pacer.next_read() {
            self.sleep.as_mut().reset((self.started + self.pacer.next_read()).into());
            ready!(self.sleep.as_mut().poll(cx));
        }
        let max = self.pacer.max_read().min(buf.remaining());
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(max));
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        buf.advance(read);
        self.pacer.record_read(self.started.elapsed(), read);
        Poll::Ready(Ok(()))
    }
}
