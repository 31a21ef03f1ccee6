//! HTTP/2 servers that behave as their paths say, and one that writes frames itself.

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

/// Limits of the server.
#[derive(Clone, Default)]
pub(crate) struct ServerLimits {
    pub(crate) max_streams: Option<u32>,
    /// Ends a connection with GOAWAY after this many requests.
    pub(crate) requests_per_connection: Option<usize>,
    pub(crate) tls: Option<Arc<ServerConfig>>,
}

/// Requests and streams that the server received.
#[derive(Default)]
pub(crate) struct RecordedStreams {
    pub(crate) connections: AtomicUsize,
    /// Largest number of simultaneous streams on one connection.
    pub(crate) most_streams: AtomicUsize,
    /// Requests by method and path, retries included.
    pub(crate) requests: Mutex<BTreeMap<String, u64>>,
    refuses: AtomicBool,
}

impl RecordedStreams {
    pub(crate) fn request_count(&self, what: &str) -> u64 {
        self.requests.lock().expect("lock").get(what).copied().unwrap_or_default()
    }
}

/// Starts a server that lives until the process ends.
pub(crate) fn start(limits: ServerLimits) -> (String, Arc<RecordedStreams>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    listener.set_nonblocking(true).expect("non-blocking");
    let scheme = if limits.tls.is_some() { "https" } else { "http" };
    let base = format!("{scheme}://{}", listener.local_addr().expect("address"));
    let recorded = Arc::<RecordedStreams>::default();
    let own = Arc::clone(&recorded);
    in_background(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("listener");
        while let Ok((stream, _)) = listener.accept().await {
            let (limits, recorded) = (limits.clone(), Arc::clone(&own));
            stream.set_nodelay(true).expect("option");
            tokio::spawn(async move {
                match limits.tls.clone().map(TlsAcceptor::from) {
                    None => connection(stream, limits, recorded).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            connection(stream, limits, recorded).await;
                        }
                    }
                }
            });
        }
    });
    (base, recorded)
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    limits: ServerLimits,
    recorded: Arc<RecordedStreams>,
) {
    let mut builder = h2::server::Builder::new();
    if let Some(most) = limits.max_streams {
        builder.max_concurrent_streams(most);
    }
    // A probe of the port has no preface.
    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else { return };
    recorded.connections.fetch_add(1, Ordering::Relaxed);
    let (streams, mut requests) = (Arc::new(AtomicUsize::new(0)), 0);
    while let Some(Ok((request, respond))) = connection.accept().await {
        requests += 1;
        if Some(requests) == limits.requests_per_connection {
            connection.graceful_shutdown();
        }
        let now = streams.fetch_add(1, Ordering::Relaxed) + 1;
        recorded.most_streams.fetch_max(now, Ordering::Relaxed);
        let (streams, recorded) = (Arc::clone(&streams), Arc::clone(&recorded));
        tokio::spawn(async move {
            handle(request, respond, &recorded).await;
            streams.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

async fn handle(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, recorded: &RecordedStreams) {
    let what = format!("{} {}", request.method(), request.uri().path());
    *recorded.requests.lock().expect("lock").entry(what.clone()).or_default() += 1;
    match request.uri().path() {
        "/reset" => respond.send_reset(Reason::INTERNAL_ERROR),
        "/refused" => respond.send_reset(Reason::REFUSED_STREAM),
        "/refused-at-first" if !recorded.refuses.fetch_not(Ordering::Relaxed) => {
            respond.send_reset(Reason::REFUSED_STREAM);
        }
        "/hang" => tokio::time::sleep(Duration::from_secs(4)).await,
        "/cut" => {
            let response = Response::builder().header("content-length", "100").body(()).expect("a response");
            let mut body = respond.send_response(response, false).expect("sent");
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
            let length = body_len(request.into_body()).await;
            send(&mut respond, 200, &[], &format!("{length} bytes"));
        }
        _ => send(&mut respond, 200, &[("server-timing", "app;dur=4")], "ok"),
    }
}

async fn body_len(mut body: RecvStream) -> usize {
    let mut length = 0;
    while let Some(Ok(data)) = body.data().await {
        length += data.len();
        let _ = body.flow_control().release_capacity(data.len());
    }
    length
}

fn send(respond: &mut SendResponse<Bytes>, status: u16, headers: &[(&str, &str)], body: &str) {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    // The client may have closed the connection.
    let Ok(mut stream) = respond.send_response(response.body(()).expect("a response"), false) else { return };
    let _ = stream.send_data(Bytes::copy_from_slice(body.as_bytes()), true);
}

/// Sends this many bytes, as the client's windows allow.
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

/// Processes only the first request of each connection, and announces that with a GOAWAY.
pub(crate) fn one_request_each() -> (String, Arc<RecordedStreams>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    let recorded = Arc::<RecordedStreams>::default();
    let own = Arc::clone(&recorded);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let recorded = Arc::clone(&own);
            std::thread::spawn(move || serve_one_request(stream, &recorded));
        }
    });
    (base, recorded)
}

/// How a server of HTTP/2 fails.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// It never sends anything.
    Silent,
    /// Its first bytes are not HTTP/2.
    Garbage,
    /// It closes the connection at once.
    Leaves,
    /// It begins well, and responds to the first request with something else.
    GarbageLater,
    /// It begins well, and closes the connection at the first request.
    Cuts,
    /// It begins well, and sends a head that never ends.
    EndlessHead,
}

pub(crate) fn broken(fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || run_broken_server(stream, fault));
        }
    });
    base
}

/// Some of these are meant to fail while they write or read.
fn run_broken_server(mut stream: TcpStream, fault: Fault) -> Option<()> {
    stream.read_exact(&mut [0; 24]).ok()?;
    match fault {
        Fault::Leaves => {}
        Fault::Silent => std::thread::sleep(Duration::from_secs(4)),
        Fault::Garbage => stream.write_all(b"HTTP/1.1 505 HTTP Version Not Supported\r\n\r\n").ok()?,
        Fault::GarbageLater | Fault::Cuts | Fault::EndlessHead => {
            stream.write_all(&frame(SETTINGS, 0, 0, &[])).ok()?;
            loop {
                let (kind, flags, id, payload) = read_frame(&mut stream)?;
                match (kind, flags & ACK) {
                    (SETTINGS, 0) => stream.write_all(&frame(SETTINGS, ACK, 0, &[])).ok()?,
                    (PING, 0) => stream.write_all(&frame(PING, ACK, 0, &payload)).ok()?,
                    (HEADERS, _) => return respond_wrongly(stream, fault, id),
                    _ => {}
                }
            }
        }
    }
    Some(())
}

fn respond_wrongly(mut stream: TcpStream, fault: Fault, id: u32) -> Option<()> {
    match fault {
        Fault::Cuts => {
            // Closing without lingering is a reset.
            rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).ok()?;
        }
        Fault::EndlessHead => {
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

fn read_frame(stream: &mut TcpStream) -> Option<(u8, u8, u32, Vec<u8>)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).ok()?;
    Some((head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload))
}

fn serve_one_request(mut stream: TcpStream, recorded: &RecordedStreams) {
    const END_STREAM: u8 = 1;
    const END_HEADERS: u8 = 4;
    let mut preface = [0; 24];
    if stream.read_exact(&mut preface).is_err() {
        return;
    }
    recorded.connections.fetch_add(1, Ordering::Relaxed);
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).expect("settings");
    let mut requests = 0;
    while let Some((kind, flags, id, payload)) = read_frame(&mut stream) {
        let sent = match (kind, flags & ACK) {
            (SETTINGS, 0) => stream.write_all(&frame(SETTINGS, ACK, 0, &[])),
            (PING, 0) => stream.write_all(&frame(PING, ACK, 0, &payload)),
            (HEADERS, _) if requests == 0 => {
                requests += 1;
                *recorded.requests.lock().expect("lock").entry("looked at".to_owned()).or_default() += 1;
                // Time for another request to come on the same connection; then: stream 1 was the last.
                std::thread::sleep(Duration::from_millis(40));
                let last = [&1_u32.to_be_bytes()[..], &0_u32.to_be_bytes()].concat();
                let response = [
                    frame(GOAWAY, 0, 0, &last),
                    frame(HEADERS, END_HEADERS, id, &[STATUS_200]),
                    frame(DATA, END_STREAM, id, b"ok"),
                ];
                stream.write_all(&response.concat())
            }
            (HEADERS, _) => {
                *recorded.requests.lock().expect("lock").entry("passed over".to_owned()).or_default() += 1;
                Ok(())
            }
            _ => Ok(()),
        };
        if sent.is_err() {
            return;
        }
    }
}
