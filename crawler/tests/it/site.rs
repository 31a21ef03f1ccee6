//! A small site on loopback with everything that can be wrong with one.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, header};
use kneepoint_model::event::{Event, EventSink};
use url::Url;

/// Number of requests by path and query.
pub(crate) type RequestCounts = Arc<Mutex<BTreeMap<String, u32>>>;

/// Produces the response from path, headers and the number of requests to this path.
pub(crate) type Handler = fn(&str, &HeaderMap, u32) -> Reply;

/// Response of the site.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) wait: Duration,
}

impl Reply {
    pub(crate) fn html(body: impl Into<String>) -> Self {
        Self::with_type("text/html; charset=utf-8", body.into())
    }
    pub(crate) fn with_type(kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type", kind.to_owned())];
        Self { status: 200, headers, body: body.into(), wait: Duration::ZERO }
    }
    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
    pub(crate) fn slow(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }
    pub(crate) fn redirect(to: &str) -> Self {
        Self::html("").status(302).with("location", to)
    }
    pub(crate) fn missing() -> Self {
        Self::html("<title>Not found</title>").status(404)
    }
    pub(crate) fn gzip(self) -> Self {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&self.body).unwrap();
        Self { body: encoder.finish().unwrap(), ..self }.with("content-encoding", "gzip")
    }
}

/// A running site; dropping the value stops it.
pub(crate) struct Site {
    pub(crate) url: Url,
    pub(crate) requests: RequestCounts,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Site {
    pub(crate) fn start(handler: Handler) -> Self {
        let listener = listener();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let requests = RequestCounts::default();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let app = Router::new().fallback(respond).with_state((handler, Arc::clone(&requests)));
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
        Self { url, requests, runtime: Some(runtime) }
    }

    pub(crate) fn request_count(&self, path: &str) -> u32 {
        self.requests.lock().unwrap().get(path).copied().unwrap_or(0)
    }
}

async fn respond(
    State((handler, requests)): State<(Handler, RequestCounts)>,
    request: Request,
) -> Response<Body> {
    assert_eq!(request.method(), "GET", "only GET may ever be sent");
    let path = request.uri().path_and_query().unwrap().as_str().to_owned();
    let count = {
        let mut requests = requests.lock().unwrap();
        let count = requests.entry(path.clone()).or_default();
        *count += 1;
        *count
    };
    let reply = handler(&path, request.headers(), count);
    tokio::time::sleep(reply.wait).await;
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        response.headers_mut().unwrap().append(*name, value);
    }
    response.body(Body::from(reply.body)).unwrap()
}

/// Binds a port below the ephemeral range, so that no other process gets it by chance.
pub(crate) fn listener() -> TcpListener {
    static STEP: AtomicU16 = AtomicU16::new(0);
    // Every call starts at another port: a test that needs a closed port must not lose it to the next site.
    let start = std::process::id() as u16 % 4_000 + STEP.fetch_add(37, Ordering::Relaxed) % 4_000;
    let listener = (0..8_000)
        .map(|step| 22_000 + (start + step) % 8_000)
        .find_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())
        .expect("one of eight thousand ports is free");
    listener.set_nonblocking(true).unwrap();
    listener
}

pub(crate) fn cookie(headers: &HeaderMap) -> &str {
    headers.get(header::COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Event sink that keeps every event.
#[derive(Default)]
pub(crate) struct RecordedEvents(pub(crate) Mutex<Vec<Event>>);

impl EventSink for RecordedEvents {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl RecordedEvents {
    pub(crate) fn text(&self) -> String {
        format!("{:?}", self.0.lock().unwrap())
    }
}
