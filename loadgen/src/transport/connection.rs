//! One keep-alive connection, driven by whoever uses it: no task of its own, so that an answer wakes its reader directly.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{Builder, Connection as Driver, SendRequest};
use hyper_util::rt::TokioIo;
use kneepoint_model::outcome::Outcome;

use super::failure::Failure;
use super::stream::Stream;

type Body = Full<Bytes>;
/// What moves the bytes; absent once the connection has ended.
type Drive = Option<Pin<Box<Driver<TokioIo<Stream>, Body>>>>;

/// An established connection.
pub(crate) struct Connection {
    sender: SendRequest<Body>,
    driver: Drive,
}

/// What is wanted of the body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// Kept, or only counted.
    pub(crate) keep: bool,
    /// More bytes than this are a failure.
    pub(crate) max: u64,
}

/// A complete answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
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
    pub(crate) async fn open(stream: Stream) -> Result<Self, Failure> {
        let handshake = Builder::new().handshake(TokioIo::new(stream)).await;
        let (sender, driver) = handshake.map_err(|e| Failure::exchange(&e))?;
        Ok(Self { sender, driver: Some(Box::pin(driver)) })
    }

    /// Looks, without waiting, whether the peer has closed it meanwhile.
    pub(crate) async fn is_alive(&mut self) -> bool {
        let driver = &mut self.driver;
        poll_fn(|cx| {
            if driver.as_mut().is_some_and(|driver| driver.as_mut().poll(cx).is_ready()) {
                *driver = None;
            }
            Poll::Ready(())
        })
        .await;
        self.driver.is_some() && !self.sender.is_closed()
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Body>,
        wanted: Wanted,
        sent: &mut Option<Instant>,
    ) -> Result<Reply, Broken> {
        drive(&mut self.driver, self.sender.ready())
            .await
            .map_err(|e| Broken { failure: Failure::exchange(&e), retry: Retry::Always })?;
        sent.get_or_insert_with(Instant::now);
        let answer = drive(&mut self.driver, self.sender.try_send_request(request)).await;
        let response = answer.map_err(|mut e| {
            let retry = if e.take_message().is_some() { Retry::Always } else { Retry::IfIdempotent };
            Broken { failure: Failure::exchange(e.error()), retry }
        })?;
        let first_byte = Instant::now();
        let status = response.status().as_u16();
        let (parts, mut incoming) = response.into_parts();
        let broken =
            |failure: Failure| Broken { failure: failure.after(status, first_byte), retry: Retry::Never };
        let (mut wire, mut body, mut tail) = (0_u64, Vec::new(), [0_u8; 4]);
        while let Some(frame) = drive(&mut self.driver, incoming.frame()).await {
            let frame = frame.map_err(|e| broken(Failure::exchange(&e)))?;
            let Ok(data) = frame.into_data() else { continue };
            wire += data.len() as u64;
            if wire > wanted.max {
                let detail = format!("more than {} bytes", wanted.max);
                return Err(broken(Failure::new(Outcome::BodyTooLarge, &detail)));
            }
            keep_tail(&mut tail, &data);
            if wanted.keep {
                body.extend_from_slice(&data);
            }
        }
        let done = Instant::now();
        Ok(Reply { status, headers: parts.headers, first_byte, done, wire, body, tail })
    }
}

/// Waits for `work` and keeps the connection going meanwhile.
async fn drive<T>(driver: &mut Drive, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        let Some(running) = driver else { return Poll::Pending };
        if running.as_mut().poll(cx).is_ready() {
            *driver = None;
        }
        // The connection may have made the work ready just now.
        work.as_mut().poll(cx)
    })
    .await
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
