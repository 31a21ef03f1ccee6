//! A stream that is read slowly, so that the server feels a visitor behind a thin line.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Sleep, sleep_until};

use super::pace::{Pace, ReadRate};
use super::stream::Stream;

/// Reads at a pace; writes as ever.
pub(crate) struct Slow {
    pub(super) stream: Stream,
    pace: Pace,
    began: Instant,
    wait: Pin<Box<Sleep>>,
}

impl Slow {
    pub(super) fn new(stream: Stream, rate: ReadRate) -> Self {
        let began = Instant::now();
        Self { stream, pace: Pace::new(rate), began, wait: Box::pin(sleep_until(began.into())) }
    }

    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.began.elapsed() < self.pace.next() {
            self.wait.as_mut().reset((self.began + self.pace.next()).into());
            ready!(self.wait.as_mut().poll(cx));
        }
        let most = self.pace.most().min(buf.remaining());
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(most));
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        buf.advance(read);
        self.pace.read(self.began.elapsed(), read);
        Poll::Ready(Ok(()))
    }
}
