//! One keep-alive connection of HTTP/1.1, driven by whoever uses it: no task of its own, so that an answer wakes its reader
//! directly, and no more than one write and one read for a request that fits.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use kneepoint_model::outcome::Outcome;
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, ReadBuf};

use super::failure::Failure;
use super::framing::Body;
use super::head::Head;
use super::stream::Stream;

/// Room for what is read at once.
const ROOM: usize = 32 << 10;

/// An established connection.
pub(crate) struct Connection {
    stream: Stream,
    /// Bytes that came and are not read yet; empty between two requests.
    input: Vec<u8>,
    keeps: bool,
}

/// What is wanted of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// The body is kept, or only counted.
    pub(crate) keep: bool,
    /// More bytes than this are a failure.
    pub(crate) max: u64,
    /// It answers a HEAD, and so has no body whatever it says.
    pub(crate) answers_head: bool,
}

/// A complete answer.
pub(crate) struct Reply {
    pub(crate) head: Head,
    pub(crate) first_byte: Instant,
    pub(crate) done: Instant,
    /// Bytes of the body as received.
    pub(crate) wire: u64,
    /// The body, when it was to be kept.
    pub(crate) body: Vec<u8>,
    /// Its last four bytes: in gzip, the length of the original.
    pub(crate) tail: [u8; 4],
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

impl Connection {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, input: Vec::new(), keeps: true }
    }

    /// Whether another request may be sent on it, as far as the last answer said.
    pub(crate) fn keeps(&self) -> bool {
        self.keeps && self.input.is_empty()
    }

    /// Looks, without waiting, whether the peer has closed it meanwhile, or says what nobody asked for.
    pub(crate) async fn is_alive(&mut self) -> bool {
        if !self.keeps() {
            return false;
        }
        poll_fn(|cx| {
            let mut byte = [0; 1];
            let quiet = Pin::new(&mut self.stream).poll_read(cx, &mut ReadBuf::new(&mut byte)).is_pending();
            Poll::Ready(quiet)
        })
        .await
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
        let whole = self.send(request).await?;
        let (head, first_byte) = self.head(wanted.answers_head).await?;
        let status = head.status;
        let broken =
            |failure: Failure| Broken { failure: failure.after(status, first_byte), retry: Retry::Never };
        let mut body = Body::new(head.framing);
        let (mut wire, mut kept, mut tail) = (0_u64, Vec::new(), [0_u8; 4]);
        loop {
            let mut each = |data: &[u8]| {
                wire += data.len() as u64;
                keep_tail(&mut tail, data);
                if wanted.keep && wire <= wanted.max {
                    kept.extend_from_slice(data);
                }
            };
            let taken = body.take(&self.input, &mut each).map_err(|why| broken(Failure::protocol(why)))?;
            self.input.drain(..taken);
            if wire > wanted.max {
                let detail = format!("more than {} bytes", wanted.max);
                return Err(broken(Failure::new(Outcome::BodyTooLarge, &detail)));
            }
            if body.is_done() {
                break;
            }
            match self.read().await {
                Ok(0) if body.may_end() => break,
                Ok(0) => return Err(broken(Failure::cut())),
                Ok(_) => {}
                Err(error) => return Err(broken(Failure::io(&error))),
            }
        }
        let done = Instant::now();
        self.keeps = head.keeps && whole;
        Ok(Reply { head, first_byte, done, wire, body: kept, tail })
    }

    /// Writes the request; false when an answer came before all of it was taken.
    async fn send(&mut self, request: &[u8]) -> Result<bool, Broken> {
        let mut written = 0;
        let sent = poll_fn(|cx| self.poll_send(cx, request, &mut written)).await;
        sent.map_err(|error| {
            let retry = if written == 0 { Retry::Always } else { Retry::IfIdempotent };
            Broken { failure: Failure::io(&error), retry }
        })
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        request: &[u8],
        written: &mut usize,
    ) -> Poll<io::Result<bool>> {
        while *written < request.len() {
            match Pin::new(&mut self.stream).poll_write(cx, &request[*written..])? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(n) => *written += n,
                // A site that refuses what is too large answers without reading it, and then nobody would read.
                Poll::Pending => {
                    let mut room = [0; 1024];
                    let mut early = ReadBuf::new(&mut room);
                    ready!(Pin::new(&mut self.stream).poll_read(cx, &mut early))?;
                    if early.filled().is_empty() {
                        return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
                    }
                    self.input.extend_from_slice(early.filled());
                    return Poll::Ready(Ok(false));
                }
            }
        }
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        Poll::Ready(Ok(true))
    }

    /// Reads up to the end of the head, and says when its first bytes came. Heads that only announce another are passed over.
    async fn head(&mut self, answers_head: bool) -> Result<(Head, Instant), Broken> {
        let mut first_byte = None;
        loop {
            if !self.input.is_empty() {
                let at = *first_byte.get_or_insert_with(Instant::now);
                let never = |failure| Broken { failure, retry: Retry::Never };
                let head = Head::parse(&self.input, answers_head);
                if let Some((head, length)) = head.map_err(|why| never(Failure::protocol(&why)))? {
                    self.input.drain(..length);
                    match head.status {
                        101 => return Err(never(Failure::protocol("it wants to speak another protocol"))),
                        100..200 => continue,
                        _ => return Ok((head, at)),
                    }
                }
            }
            let retry = if first_byte.is_some() { Retry::Never } else { Retry::IfIdempotent };
            match self.read().await {
                Ok(0) => return Err(Broken { failure: Failure::cut(), retry }),
                Ok(_) => {}
                Err(error) => return Err(Broken { failure: Failure::io(&error), retry }),
            }
        }
    }

    async fn read(&mut self) -> io::Result<usize> {
        if self.input.capacity() - self.input.len() < ROOM / 4 {
            self.input.reserve(ROOM);
        }
        self.stream.read_buf(&mut self.input).await
    }
}

fn keep_tail(tail: &mut [u8; 4], data: &[u8]) {
    match data.len() {
        0 => {}
        1..4 => {
            tail.rotate_left(data.len());
            tail[4 - data.len()..].copy_from_slice(data);
        }
        n => tail.copy_from_slice(&data[n - 4..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_last_four_bytes_however_they_come() {
        let mut tail = [0; 4];
        for piece in [&b"abcdef"[..], b"g", b"", b"hi"] {
            keep_tail(&mut tail, piece);
        }
        assert_eq!(&tail, b"fghi");
    }
}
