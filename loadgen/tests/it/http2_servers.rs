//! Servers of HTTP/2 that do what their paths say, and one that writes frames by hand.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use crate::servers::in_background;

/// What it bounds.
#[derive(Clone, Default)]
pub(crate) struct Manners {
    pub(crate) max_streams: Option<u32>,
    /// After so many requests a connection is ended, in good order.
    pub(crate) requests_per_connection: Option<usize>,
    pub(crate) tls: Option<Arc<ServerConfig>>,
}

/// What it saw.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) connections: AtomicUsize,
    /// Most streams at the same time on one connection.
    pub(crate) most_streams: AtomicUsize,
    /// Requests by method and path, tried again or not.
    pub(crate) requests: Mutex<BTreeMap<String, u64>>,
    refuses: AtomicBool,
}

impl Seen {
    pub(crate) fn asked(&self, what: &str) -> u64 {
        self.requests.lock().expect("lock").get(what).copied().unwrap_or_default()
    }
}

/// Starts it; it lives until the process ends.
pub(crate) fn start(manners: Manners) -> (String, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    listener.set_nonblocking(true).expect("non-blocking");
    let scheme = if manners.tls.is_some() { "https" } else { "http" };
    let base = format!("{scheme}://{}", listener.local_addr().expect("address"));
    let seen = Arc::<Seen>::default();
    let own = Arc::clone(&seen);
    in_background(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("listener");
        while let Ok((stream, _)) = listener.accept().await {
            let (manners, seen) = (manners.clone(), Arc::clone(&own));
            stream.set_nodelay(true).expect("option");
            tokio::spawn(async move {
                match manners.tls.clone().map(TlsAcceptor::from) {
                    None => connection(stream, manners, seen).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            connection(stream, manners, seen).await;
                        }
                    }
                }
            });
        }
    });
    (base, seen)
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, manners: Manners, seen: Arc<Seen>) {
    let mut builder = h2::server::Builder::new();
    if let Some(most) = manners.max_streams {
        builder.max_concurrent_streams(most);
    }
    // Who only knocks has no preface.
    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else { return };
    seen.connections.fetch_add(1, Ordering::Relaxed);
    let (streams, mut requests) = (Arc::new(AtomicUsize::new(0)), 0);
    while let Some(Ok((request, respond))) = connection.accept().await {
        requests += 1;
        if Some(requests) == manners.requests_per_connection {
            connection.graceful_shutdown();
        }
        let now = streams.fetch_add(1, Ordering::Relaxed) + 1;
        seen.most_streams.fetch_max(now, Ordering::Relaxed);
        let (streams, seen) = (Arc::clone(&streams), Arc::clone(&seen));
        tokio::spawn(async move {
            answer(request, respond, &seen).await;
            streams.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, seen: &Seen) {
    let what = format!("{} {}", request.method(), request.uri().path());
    *seen.requests.lock().expect("lock").entry(what.clone()).or_default() += 1;
    match request.uri().path() {
        "/reset" => respond.send_reset(Reason::INTERNAL_ERROR),
        "/refused" => respond.send_reset(Reason::REFUSED_STREAM),
        "/refused-at-first" if !seen.refuses.fetch_not(Ordering::Relaxed) => {
            respond.send_reset(Reason::REFUSED_STREAM);
        }
        "/hang" => tokio::time::sleep(Duration::from_secs(4)).await,
        "/cut" => {
            let answer = Response::builder().header("content-length", "100").body(()).expect("answer");
            let mut body = respond.send_response(answer, false).expect("sent");
            body.send_data("only this".into(), false).expect("sent");
            body.send_reset(Reason::CANCEL);
        }
        "/endless" => send_large(&mut respond, u64::MAX).await,
        "/large" => send_large(&mut respond, 5_000_000).await,
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(30)).await;
            send(&mut respond, 200, &[], "slow");
        }
        "/login" => {
            let headers = [("location", "/me"), ("set-cookie", "session=s1; Path=/")];
            send(&mut respond, 302, &headers, "");
        }
        "/me" => {
            let cookie = request.headers().get("cookie").is_some_and(|value| value == "session=s1");
            let traced = request.headers().get("traceparent").is_some_and(|value| value.len() == 55);
            send(&mut respond, if cookie && traced { 200 } else { 403 }, &[], "Welcome back");
        }
        "/length" => {
            let length = length_of(request.into_body()).await;
            send(&mut respond, 200, &[], &format!("{length} bytes"));
        }
        _ => send(&mut respond, 200, &[("server-timing", "app;dur=4")], "ok"),
    }
}

async fn length_of(mut body: RecvStream) -> usize {
    let mut length = 0;
    while let Some(Ok(data)) = body.data().await {
        length += data.len();
        let _ = body.flow_control().release_capacity(data.len());
    }
    length
}

fn send(respond: &mut SendResponse<Bytes>, status: u16, headers: &[(&str, &str)], body: &str) {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    // The client may have left.
    let Ok(mut stream) = respond.send_response(answer.body(()).expect("answer"), false) else { return };
    let _ = stream.send_data(Bytes::copy_from_slice(body.as_bytes()), true);
}

/// Sends so many bytes, as the client's windows let it.
async fn send_large(respond: &mut SendResponse<Bytes>, mut left: u64) {
    let Ok(mut stream) = respond.send_response(Response::new(()), false) else { return };
    while left > 0 {
        let piece = usize::try_from(left).unwrap_or(usize::MAX).min(16_384);
        stream.reserve_capacity(piece);
        let buffers = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
        let Some(Ok(buffers)) = buffers else { return };
        let piece = piece.min(buffers);
        left -= piece as u64;
        if stream.send_data(vec![b'x'; piece].into(), left == 0).is_err() {
            return;
        }
    }
}

/// Frames written by hand: of every connection only the first request is looked at and answered; then a GOAWAY says so.
pub(crate) fn one_request_each() -> (String, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    let seen = Arc::<Seen>::default();
    let own = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let seen = Arc::clone(&own);
            std::thread::spawn(move || by_hand(stream, &seen));
        }
    });
    (base, seen)
}

/// How a server of HTTP/2 goes wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum How {
    /// It never says a word.
    Silent,
    /// Its first words are not of this protocol.
    Garbage,
    /// It closes the connection without a word.
    Leaves,
    /// It begins well, and answers the first request with something else.
    GarbageLater,
    /// It begins well, and cuts the connection at the first request.
    Cuts,
    /// It begins well, and sends a head that never ends.
    EndlessHead,
}

pub(crate) fn broken(how: How) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || breaks(stream, how));
        }
    });
    base
}

/// Failing to write, or to read, is what some of these are for.
fn breaks(mut stream: TcpStream, how: How) -> Option<()> {
    stream.read_exact(&mut [0; 24]).ok()?;
    match how {
        How::Leaves => {}
        How::Silent => std::thread::sleep(Duration::from_secs(4)),
        How::Garbage => stream.write_all(b"HTTP/1.1 505 HTTP Version Not Supported\r\n\r\n").ok()?,
        How::GarbageLater | How::Cuts | How::EndlessHead => {
            stream.write_all(&frame(SETTINGS, 0, 0, &[])).ok()?;
            loop {
                let (kind, flags, id, payload) = next(&mut stream)?;
                match (kind, flags & ACK) {
                    (SETTINGS, 0) => stream.write_all(&frame(SETTINGS, ACK, 0, &[])).ok()?,
                    (PING, 0) => stream.write_all(&frame(PING, ACK, 0, &payload)).ok()?,
                    (HEADERS, _) => return goes_wrong(stream, how, id),
                    _ => {}
                }
            }
        }
    }
    Some(())
}

fn goes_wrong(mut stream: TcpStream, how: How, id: u32) -> Option<()> {
    match how {
        How::Cuts => {
            // Closing without lingering is a reset.
            rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).ok()?;
        }
        How::EndlessHead => {
            stream.write_all(&frame(HEADERS, 0, id, &[STATUS_200])).ok()?;
            // A literal field without indexing: `a: xxx…`.
            let field = [&[0, 1, b'a', 100][..], &[b'x'; 100]].concat();
            loop {
                stream.write_all(&frame(CONTINUATION, 0, id, &field.repeat(100))).ok()?;
            }
        }
        _ => stream.write_all(b"banana banana banana banana").ok()?,
    }
    Some(())
}

const ACK: u8 = 1;
/// Index 8 of HPACK's static table: `:status: 200`.
const STATUS_200: u8 = 0x88;
const CONTINUATION: u8 = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

/// RFC 9113 §4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn next(stream: &mut TcpStream) -> Option<(u8, u8, u32, Vec<u8>)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).ok()?;
    Some((head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload))
}

fn by_hand(mut stream: TcpStream, seen: &Seen) {
    const END_STREAM: u8 = 1;
    const END_HEADERS: u8 = 4;
    let mut preface = [0; 24];
    if stream.read_exact(&mut preface).is_err() {
        return;
    }
    seen.connections.fetch_add(1, Ordering::Relaxed);
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).expect("settings");
    let mut requests = 0;
    while let Some((kind, flags, id, payload)) = next(&mut stream) {
        let sent = match (kind, flags & ACK) {
            (SETTINGS, 0) => stream.write_all(&frame(SETTINGS, ACK, 0, &[])),
            (PING, 0) => stream.write_all(&frame(PING, ACK, 0, &payload)),
            (HEADERS, _) if requests == 0 => {
                requests += 1;
                *seen.requests.lock().expect("lock").entry("looked at".to_owned()).or_default() += 1;
                // Time for another request to come on the same connection; then: stream 1 was the last.
                std::thread::sleep(Duration::from_millis(40));
                let last = [&1_u32.to_be_bytes()[..], &0_u32.to_be_bytes()].concat();
                let answer = [
                    frame(GOAWAY, 0, 0, &last),
                    frame(HEADERS, END_HEADERS, id, &[STATUS_200]),
                    frame(DATA, END_STREAM, id, b"ok"),
                ];
                stream.write_all(&answer.concat())
            }
            (HEADERS, _) => {
                *seen.requests.lock().expect("lock").entry("passed over".to_owned()).or_default() += 1;
                Ok(())
            }
            _ => Ok(()),
        };
        if sent.is_err() {
            return;
        }
    }
}
