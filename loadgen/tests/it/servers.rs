//! Test servers: a small site with login, and one that violates the protocol.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Path;
use axum::extract::Query;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// Starts with the first request to `/stalling`: no response between `from` and `to` after that.
#[derive(Clone)]
pub(crate) struct Stall {
    pub(crate) first: Arc<Mutex<Option<Instant>>>,
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

impl Stall {
    pub(crate) fn between(from: Duration, to: Duration) -> Self {
        Self { first: Arc::default(), from, to }
    }
    pub(crate) fn never() -> Self {
        Self::between(Duration::MAX, Duration::MAX)
    }
    async fn wait(&self) {
        let first = *self.first.lock().expect("lock").get_or_insert_with(Instant::now);
        if first.elapsed() >= self.from && first.elapsed() < self.to {
            tokio::time::sleep_until((first + self.to).into()).await;
        }
    }
}

/// Requested paths, in order of arrival.
pub(crate) type RequestedPaths = Arc<Mutex<Vec<String>>>;

/// Starts a site that responds to everything, and records the requested paths.
pub(crate) fn recording() -> (String, RequestedPaths) {
    let requested = RequestedPaths::default();
    let notes = Arc::clone(&requested);
    let app = Router::new().fallback(move |uri: Uri| async move {
        notes.lock().expect("lock").push(uri.to_string());
        "ok"
    });
    (serve(app), requested)
}

/// Starts a site that signals each request, and never responds.
pub(crate) fn silent() -> (String, Receiver<()>) {
    let (sender, requests) = channel();
    let app = Router::new().fallback(move || {
        let _ = sender.send(());
        std::future::pending::<&'static str>()
    });
    (serve(app), requests)
}

/// Three pages of a catalogue with two items each, of which every third is gone; records the requested paths.
pub(crate) fn catalogue() -> (String, RequestedPaths) {
    let requested = RequestedPaths::default();
    let notes = Arc::clone(&requested);
    let app = Router::new().fallback(move |uri: Uri| async move {
        notes.lock().expect("lock").push(uri.to_string());
        let number = uri.path().rsplit('/').next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        if uri.path().starts_with("/thing/") {
            return if number.is_multiple_of(3) {
                StatusCode::NOT_FOUND.into_response()
            } else {
                "a thing".into_response()
            };
        }
        let next = if number < 3 { format!(",\"next\":\"/list/{}\"", number + 1) } else { String::new() };
        format!("{{\"stock\":{},\"ids\":[{},{}]{next}}}", number * 5, number * 2 - 1, number * 2)
            .into_response()
    });
    (serve(app), requested)
}

/// A site that requires authorization, and then puts it into a redirect.
pub(crate) fn guarded(authorization: &'static str, leads_to: String) -> String {
    let allowed = move |headers: &HeaderMap| {
        headers.get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes() == authorization.as_bytes())
    };
    let app = Router::new()
        .route(
            "/door",
            get(move |headers: HeaderMap| async move {
                if allowed(&headers) {
                    (StatusCode::FOUND, [(header::LOCATION, leads_to)]).into_response()
                } else {
                    StatusCode::UNAUTHORIZED.into_response()
                }
            }),
        )
        .fallback(move |headers: HeaderMap| async move {
            if allowed(&headers) { StatusCode::OK } else { StatusCode::UNAUTHORIZED }
        });
    serve(app)
}

/// Receives forms with files and plain bytes, and records name, file name, content type and bytes of each part.
pub(crate) type Parts = Arc<Mutex<Vec<(String, Option<String>, Option<String>, Vec<u8>)>>>;

pub(crate) fn uploads() -> (String, Parts) {
    let parts = Parts::default();
    let (of_forms, of_bytes) = (Arc::clone(&parts), Arc::clone(&parts));
    let form = move |mut form: axum::extract::Multipart| async move {
        loop {
            let field = match form.next_field().await {
                Ok(Some(field)) => field,
                Ok(None) => return StatusCode::OK,
                Err(_) => return StatusCode::BAD_REQUEST,
            };
            let name = field.name().unwrap_or_default().to_owned();
            let (file, kind) =
                (field.file_name().map(str::to_owned), field.content_type().map(str::to_owned));
            let Ok(bytes) = field.bytes().await else { return StatusCode::BAD_REQUEST };
            of_forms.lock().expect("lock").push((name, file, kind, bytes.to_vec()));
        }
    };
    let whole = move |headers: HeaderMap, bytes: axum::body::Bytes| async move {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).map(str::to_owned);
        of_bytes.lock().expect("lock").push(("whole".to_owned(), None, kind, bytes.to_vec()));
    };
    let app = Router::new()
        .route("/", get(|| async { "" }))
        .route("/form", axum::routing::post(form))
        .route("/whole", axum::routing::put(whole));
    (serve(app), parts)
}

/// Starts the small site; it lives until the process ends.
pub(crate) fn site(stall: Stall) -> String {
    serve(small_site(stall))
}

/// The small site on a unix socket.
pub(crate) fn on_socket(path: &std::path::Path) {
    let listener = UnixListener::bind(path).expect("socket");
    listener.set_nonblocking(true).expect("non-blocking");
    in_background(async move {
        let listener = tokio::net::UnixListener::from_std(listener).expect("listener");
        axum::serve(listener, small_site(Stall::never())).await.expect("serve");
    });
}

/// Runs a server on a thread of its own until the process ends.
pub(crate) fn in_background(server: impl Future<Output = ()> + Send + 'static) {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(server);
    });
}

fn small_site(stall: Stall) -> Router {
    Router::new()
        .route("/", get(|| async { page("<a href='/item/1'>1</a><a href='/item/2'>2</a>") }))
        .route("/item/{id}", get(item))
        .route("/packed", get(packed))
        .route("/packed/{coding}", get(packed_as))
        .route("/login/", get(login_form).post(login))
        .route("/me/", get(me))
        .route("/hello", get(|| async { ([(header::SET_COOKIE, "session=s1; Path=/")], "hello") }))
        .route(
            "/away",
            get(|| async { (StatusCode::FOUND, [(header::LOCATION, "http://elsewhere.example/")]) }),
        )
        .route("/loop", get(|| async { (StatusCode::FOUND, [(header::LOCATION, "/loop")]) }))
        .route("/slow", get(slow))
        .route("/missing", get(|| async { StatusCode::NOT_FOUND }))
        .route("/broken", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
        .route(
            "/stalling",
            get(move || async move {
                stall.wait().await;
                "ok"
            }),
        )
}

/// Serves from a thread of its own until the process ends.
fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    listener.set_nonblocking(true).expect("non-blocking");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    in_background(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("listener");
        axum::serve(listener, app).await.expect("serve");
    });
    base
}

pub(crate) fn calm() -> String {
    site(Stall::never())
}

fn page(body: &str) -> Response {
    let html = format!("<!doctype html><html><body>{body}</body></html>");
    ([(header::CONTENT_TYPE, "text/html")], html).into_response()
}

/// Odd items are generated, even ones come from a cache, which repeats the timing of when it was filled.
async fn item(Path(id): Path<u64>) -> Response {
    let cache = if id % 2 == 0 { "nginx; hit" } else { "nginx; fwd=uri-miss" };
    let timing = "app;dur=4, db;dur=2;desc=\"3 queries\", route;desc=\"item/<id>\"";
    ([("server-timing", timing), ("cache-status", cache)], "an item").into_response()
}

async fn packed() -> Response {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&[b'x'; 5000]).expect("memory");
    ([(header::CONTENT_ENCODING, "gzip")], encoder.finish().expect("memory")).into_response()
}

/// 5000 bytes in the coding of that name, if the client accepts it.
async fn packed_as(Path(coding): Path<String>, headers: HeaderMap) -> Response {
    let accepts =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accepts.split(", ").any(|accepted| accepted == coding) {
        return StatusCode::NOT_ACCEPTABLE.into_response();
    }
    let text = [b'x'; 5000];
    let body = match coding.as_str() {
        "br" => {
            let mut out = Vec::new();
            brotli::CompressorWriter::new(&mut out, 4096, 5, 20).write_all(&text).expect("memory");
            out
        }
        "zstd" => compress_to_vec(&text[..], CompressionLevel::Fastest),
        _ => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(&text).expect("memory");
            encoder.finish().expect("memory")
        }
    };
    ([(header::CONTENT_ENCODING, coding)], body).into_response()
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(20)).await;
    "slow"
}

fn has_cookie(headers: &HeaderMap, cookie: &str) -> bool {
    let sent = headers.get(header::COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    sent.split("; ").any(|pair| pair == cookie)
}

async fn login_form() -> Response {
    let form = page("<form id=login method=post><input type=hidden name=token value='s3cret'></form>");
    ([(header::SET_COOKIE, "csrf=c1; Path=/; HttpOnly")], form).into_response()
}

async fn login(headers: HeaderMap, body: String) -> Response {
    let referer = headers.get(header::REFERER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let right = has_cookie(&headers, "csrf=c1")
        && body.contains("token=s3cret")
        && body.contains("name=reader0")
        && referer.ends_with("/login/");
    if !right {
        return StatusCode::FORBIDDEN.into_response();
    }
    (StatusCode::FOUND, [(header::LOCATION, "/me/"), (header::SET_COOKIE, "session=s1; Path=/")])
        .into_response()
}

async fn me(headers: HeaderMap, Query(query): Query<std::collections::BTreeMap<String, String>>) -> Response {
    let traced = headers.get("traceparent").is_some_and(|value| value.len() == 55);
    if !has_cookie(&headers, "session=s1") || !traced || !query.is_empty() {
        return StatusCode::FORBIDDEN.into_response();
    }
    page("Welcome back")
}

/// A server with a small send buffer that responds with `length` bytes, and records how long sending took.
pub(crate) fn slow_sender(length: usize) -> (String, Arc<Mutex<Vec<Duration>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    // Connections inherit it.
    rustix::net::sockopt::set_socket_send_buffer_size(&listener, 4096).expect("option");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    let waits = Arc::<Mutex<Vec<Duration>>>::default();
    let own = Arc::clone(&waits);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let own = Arc::clone(&own);
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).is_ok_and(|n| n > 0) {
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
                    let began = Instant::now();
                    if stream
                        .write_all(head.as_bytes())
                        .and_then(|()| stream.write_all(&vec![b'x'; length]))
                        .is_err()
                    {
                        return;
                    }
                    own.lock().expect("lock").push(began.elapsed());
                }
            });
        }
    });
    (base, waits)
}

/// A server that responds with the request itself; `/moved` answers 303.
pub(crate) fn echo() -> String {
    let moved = || async { (StatusCode::SEE_OTHER, [(header::LOCATION, "/echo")]) };
    let app =
        Router::new().route("/echo", axum::routing::any(repeat)).route("/moved", axum::routing::any(moved));
    serve(app)
}

async fn repeat(method: Method, headers: HeaderMap, body: String) -> String {
    let said = |name: &str| headers.get(name).map_or("-", |value| value.to_str().expect("text"));
    let [kind, own, accept, cookie] = ["content-type", "x-own", "accept", "cookie"].map(said);
    format!("{method} {kind} {own} {accept} {cookie} {body}")
}

/// A server that violates the protocol as its paths say.
pub(crate) fn misbehaving() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || misbehave(stream));
        }
    });
    base
}

fn misbehave(mut stream: TcpStream) {
    let mut head = Vec::new();
    let mut buffer = [0_u8; 16];
    loop {
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => head.extend_from_slice(&buffer[..n]),
            _ => return,
        }
        // Closing with unread bytes makes a reset.
        if head.starts_with(b"GET /reset") {
            return;
        }
        if head.ends_with(b"\r\n\r\n") {
            write_response(&mut stream, &String::from_utf8_lossy(&head));
            if !head.starts_with(b"GET /once") {
                return;
            }
            // It declared keep-alive, but does not respond to the second request.
            head.clear();
            std::thread::sleep(Duration::from_millis(15));
            return;
        }
    }
}

fn write_response(stream: &mut TcpStream, head: &str) {
    let path = head.split(' ').nth(1).unwrap_or_default();
    // Some of these are meant to fail while they write.
    let _ = match path {
        "/hang" => {
            std::thread::sleep(Duration::from_secs(4));
            Ok(())
        }
        "/garbage" => stream.write_all(b"banana banana\r\n\r\n"),
        "/cut" => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this"),
        "/endless" => {
            let chunk = [b"4000\r\n".as_slice(), &[b'x'; 0x4000], b"\r\n"].concat();
            let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            while sent.is_ok() {
                sent = stream.write_all(&chunk);
            }
            sent
        }
        "/dripping" => {
            let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            while sent.is_ok() {
                std::thread::sleep(Duration::from_millis(20));
                sent = stream.write_all(b"1\r\nx\r\n");
            }
            sent
        }
        _ => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"),
    };
}
