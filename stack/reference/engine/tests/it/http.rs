//! The engine over HTTP on a free loopback port: responses, errors, keep-alive, bounds, profile, and shutdown.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kneepoint_engine::{EngineConfig, EngineError, bind};
use kneepoint_service::ServiceError;
use serde_json::Value;
use tokio::sync::oneshot;

/// An engine in a thread of its own; dropping it stops the engine.
struct RunningEngine {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ServiceError>>>,
}

fn start(books: usize) -> RunningEngine {
    let (listening, address) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = thread::spawn(move || {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("books.jsonl");
        let line = |id| {
            format!(
                "{{\"id\":{id},\"title\":\"Book {id}\",\"summary\":\"tale of river and mountain, kind{}\"}}\n",
                id % 7
            )
        };
        std::fs::write(&file, (1..=books).map(line).collect::<String>()).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let listen = SocketAddr::from(([127, 0, 0, 1], 0));
            let engine = bind(EngineConfig { listen, books: file }).await.unwrap();
            listening.send(engine.local_addr().unwrap()).unwrap();
            engine.run(async move { drop(stopped.await) }).await
        })
    });
    RunningEngine { address: address.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
}

impl RunningEngine {
    fn stop(&mut self) -> Result<(), ServiceError> {
        drop(self.stop.take());
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap())
    }

    fn connect(&self) -> BufReader<TcpStream> {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        BufReader::new(stream)
    }

    fn get(&self, path: &str) -> HttpReply {
        get_on(&mut self.connect(), path)
    }
}

impl Drop for RunningEngine {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

struct HttpReply {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

impl HttpReply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        let line = self.headers.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.headers))
    }
}

fn get_on(connection: &mut BufReader<TcpStream>, path: &str) -> HttpReply {
    // In one piece: several small writes would wait for each other's acknowledgement.
    let request = format!("GET {path} HTTP/1.1\r\nhost: engine\r\n\r\n");
    connection.get_mut().write_all(request.as_bytes()).unwrap();
    let mut headers = String::new();
    while !headers.ends_with("\r\n\r\n") {
        assert_ne!(connection.read_line(&mut headers).unwrap(), 0, "closed within the headers: {headers}");
    }
    let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
    let mut reply = HttpReply { status, headers, body: Vec::new() };
    reply.body = vec![0; reply.header("content-length").parse().unwrap()];
    connection.read_exact(&mut reply.body).unwrap();
    reply
}

#[test]
fn serves_several_requests_over_one_connection() {
    let engine = start(20);
    let mut connection = engine.connect();
    let reply = get_on(&mut connection, "/search?q=river&limit=3");
    let result = reply.json();
    assert_eq!((reply.status, result["total"].as_u64()), (200, Some(20)));
    assert_eq!(result["hits"].as_array().unwrap().len(), 3);
    let milliseconds: f64 =
        reply.header("server-timing").strip_prefix("engine;dur=").unwrap().parse().unwrap();
    assert!((milliseconds * 1_000.0 - result["took_us"].as_f64().unwrap()).abs() < 0.5);

    let hits = get_on(&mut connection, "/similar/8").json()["hits"].clone();
    let ids: Vec<u64> = hits.as_array().unwrap().iter().map(|hit| hit["id"].as_u64().unwrap()).collect();
    assert!(ids.len() == 5 && !ids.contains(&8), "{ids:?}");
    assert!(
        ids.contains(&1) && ids.contains(&15),
        "books 1 and 15 share the rare word kind1 with book 8: {ids:?}"
    );
    assert_eq!(get_on(&mut connection, "/healthz").json(), serde_json::json!({"status":"ok","books":20}));
}

#[test]
fn errors_are_json_with_the_right_status() {
    let engine = start(3);
    let long = format!("/search?q={}", "x".repeat(201));
    let bad = [
        "/search",
        "/search?q=",
        "/search?q=%22",
        "/search?q=a&limit=0",
        "/search?q=a&limit=101",
        "/search?q=a&limit=x",
        "/search?q=a&delay_ms=5001",
        "/search?q=a&delay_ms=-1",
        "/similar/x",
        "/similar/1?limit=0",
        "/debug/pprof/profile?seconds=0",
        "/debug/pprof/profile?seconds=121",
        "/debug/pprof/profile?hz=100",
        &long,
    ];
    let missing = ["/similar/4", "/", "/similar", "/search/x"];
    for (path, status) in bad.iter().map(|path| (path, 400)).chain(missing.iter().map(|path| (path, 404))) {
        let reply = engine.get(path);
        assert_eq!(reply.status, status, "{path}");
        assert!(!reply.json()["error"].as_str().unwrap().is_empty(), "{path}");
    }
    assert_eq!(engine.get("/search?q=%ff%00AND+AND%22").status, 200);
}

#[test]
fn a_planted_delay_is_included_in_took_us_and_delays_no_other_request() {
    let engine = start(3);
    let mut slow = engine.connect();
    let started = Instant::now();
    write!(slow.get_mut(), "GET /search?q=river&delay_ms=400 HTTP/1.1\r\nhost: e\r\n\r\n").unwrap();
    assert!(engine.get("/search?q=river").json()["took_us"].as_u64().unwrap() < 300_000);
    assert!(started.elapsed() < Duration::from_millis(350), "a quick search waited for a slow one");
    let took =
        get_on(&mut engine.connect(), "/search?q=river&delay_ms=50").json()["took_us"].as_u64().unwrap();
    assert!((50_000..400_000).contains(&took), "{took}");
    let mut status = String::new();
    slow.read_line(&mut status).unwrap();
    assert!(started.elapsed() >= Duration::from_millis(400) && status.contains(" 200 "), "{status}");
}

#[test]
fn beyond_the_bound_the_status_is_503_and_health_still_responds() {
    let engine = start(3);
    // Some more than the bound, because the requests below may hold a permit for a moment.
    let waiting: Vec<_> = (0..300)
        .map(|_| {
            let mut connection = engine.connect();
            write!(connection.get_mut(), "GET /search?q=river&delay_ms=5000 HTTP/1.1\r\nhost: e\r\n\r\n")
                .unwrap();
            connection
        })
        .collect();
    let until = Instant::now() + Duration::from_millis(4_500);
    let reply = loop {
        let reply = engine.get("/search?q=river");
        if reply.status != 200 || Instant::now() > until {
            break reply;
        }
    };
    assert_eq!((reply.status, reply.header("retry-after")), (503, "1"));
    assert_eq!(engine.get("/healthz").status, 200);
    drop(waiting);
}

#[test]
fn shuts_down_gracefully_and_reports_a_taken_port() {
    let mut engine = start(3);
    let mut idle = engine.connect();
    assert_eq!(get_on(&mut idle, "/healthz").status, 200);
    let mut open = engine.connect();
    write!(open.get_mut(), "GET /search?q=river&delay_ms=300 HTTP/1.1\r\nhost: e\r\n\r\n").unwrap();
    thread::sleep(Duration::from_millis(100));
    let config = EngineConfig { listen: engine.address, books: "/dev/null".into() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let taken = runtime.block_on(bind(config)).err().unwrap();
    assert!(matches!(taken, EngineError::Service(ServiceError::Listen { .. })), "{taken}");

    let started = Instant::now();
    engine.stop().unwrap();
    assert!(started.elapsed() < Duration::from_secs(2), "idle connections must not delay the shutdown");
    let mut status = String::new();
    open.read_line(&mut status).unwrap();
    assert!(status.contains(" 200 "), "the open request was cut off: {status:?}");
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
}

/// The fields of pprof's `profile.proto` that the test checks.
#[derive(Clone, PartialEq, prost::Message)]
struct Profile {
    #[prost(message, repeated, tag = "2")]
    sample: Vec<Sample>,
    #[prost(string, repeated, tag = "6")]
    string_table: Vec<String>,
    #[prost(int64, tag = "12")]
    period: i64,
    #[prost(int64, repeated, tag = "13")]
    comment: Vec<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Sample {
    #[prost(uint64, repeated, tag = "1")]
    location_id: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    value: Vec<i64>,
}

/// One test, because the timer belongs to the process: a second profile is refused, the first contains the search.
#[test]
fn a_profile_under_load_contains_the_search_and_its_own_limits() {
    let engine = Arc::new(start(2_000));
    let done = Arc::new(AtomicBool::new(false));
    let load = thread::spawn({
        let (engine, done) = (Arc::clone(&engine), Arc::clone(&done));
        move || {
            let mut connection = engine.connect();
            while !done.load(Ordering::Relaxed) {
                assert_eq!(get_on(&mut connection, "/similar/8").status, 200);
                assert_eq!(get_on(&mut connection, "/search?q=river+mountain").status, 200);
            }
        }
    });
    let first = thread::spawn({
        let engine = Arc::clone(&engine);
        move || engine.get("/debug/pprof/profile?seconds=2&hz=99")
    });
    thread::sleep(Duration::from_millis(400));
    assert_eq!(engine.get("/debug/pprof/profile?seconds=1").status, 409);
    let reply = first.join().unwrap();
    done.store(true, Ordering::Relaxed);
    load.join().unwrap();

    assert_eq!((reply.status, reply.header("content-type")), (200, "application/octet-stream"));
    assert!(reply.header("x-profile-unwinder").contains("leaf=missing"));
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(reply.body.as_slice()).read_to_end(&mut bytes).unwrap();
    let profile = <Profile as prost::Message>::decode(bytes.as_slice()).unwrap();
    let samples: i64 = profile.sample.iter().map(|sample| sample.value[0]).sum();
    assert!(samples >= 20, "{samples} samples of two busy seconds at 99 Hz");
    assert_eq!(profile.period, 1_000_000_000 / 99);
    assert!(profile.sample.iter().any(|sample| sample.location_id.len() > 5), "stacks are only roots");
    assert!(
        profile.string_table.iter().any(|name| name.contains("kneepoint_engine") || name.contains("tantivy"))
    );
    let comments: Vec<&str> =
        profile.comment.iter().map(|index| profile.string_table[*index as usize].as_str()).collect();
    assert!(comments.contains(&format!("samples={samples}").as_str()), "{comments:?}");
    let true_cpu = comments.iter().find_map(|comment| comment.strip_prefix("true_cpu_ns=")).unwrap();
    assert!(true_cpu.parse::<u64>().unwrap() > 100_000_000, "{true_cpu}");

    // The slot is free again, also after a client has disconnected.
    let mut disconnected = engine.connect();
    write!(disconnected.get_mut(), "GET /debug/pprof/profile?seconds=100 HTTP/1.1\r\nhost: e\r\n\r\n")
        .unwrap();
    thread::sleep(Duration::from_millis(100));
    drop(disconnected);
    let until = Instant::now() + Duration::from_secs(5);
    while engine.get("/debug/pprof/profile?seconds=1").status != 200 {
        assert!(Instant::now() < until, "the slot is not free");
        thread::sleep(Duration::from_millis(50));
    }
}
