//! The store over HTTP on a free loopback port: health, reading by everybody, writing only with the keys, and shutdown.
//! Requests are signed by another implementation of the protocol (`rusty-s3`).
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use kneepoint_objects::{Keys, ObjectsConfig, ObjectsError, bind};
use kneepoint_service::ServiceError;
use reqwest::{Client, Response, StatusCode};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

const SIGNATURE_LIFETIME: Duration = Duration::from_mins(1);

/// A store in a task of its own; it ends with the runtime of its test.
struct RunningStore {
    address: SocketAddr,
    folder: tempfile::TempDir,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Result<(), ServiceError>>,
}

fn start() -> RunningStore {
    let folder = tempfile::tempdir().unwrap();
    let store = bind(config(folder.path().join("store").as_path(), 0)).unwrap();
    let address = store.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(store.run(async move { drop(stopped.await) }));
    RunningStore { address, folder, stop, task }
}

fn config(folder: &std::path::Path, port: u16) -> ObjectsConfig {
    let keys = Keys::from_variables(|_| None).unwrap();
    ObjectsConfig { listen: SocketAddr::from(([127, 0, 0, 1], port)), folder: folder.to_owned(), keys }
}

impl RunningStore {
    fn bucket(&self, name: &'static str) -> Bucket {
        let endpoint = format!("http://{}", self.address).parse().unwrap();
        Bucket::new(endpoint, UrlStyle::Path, name, "us-east-1").unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        Client::new().get(format!("http://{}{path}", self.address)).send().await.unwrap()
    }

    /// The status line of the response to a path that `reqwest` would normalise before sending.
    async fn get_status_line(&self, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: store\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response.lines().next().unwrap().to_owned()
    }

    async fn put(&self, bucket: &'static str, key: &str, secret: &str) -> Response {
        let credentials = Credentials::new("kneepoint", secret);
        let bucket = self.bucket(bucket);
        let url = bucket.put_object(Some(&credentials), key).sign(SIGNATURE_LIFETIME);
        let request = Client::new().put(url).header("content-type", "image/svg+xml");
        request.header("cache-control", "max-age=60").body("<svg/>").send().await.unwrap()
    }
}

#[tokio::test]
async fn health_needs_no_keys() {
    let store = start();
    let response = store.get("/healthz").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.text().await.unwrap(), r#"{"status":"ok"}"#);
}

#[tokio::test]
async fn the_holder_of_the_keys_writes_and_everybody_reads_the_public_bucket() {
    let store = start();
    assert_eq!(store.put("media", "covers/1.svg", "throw-away-objects").await.status(), StatusCode::OK);
    let response = store.get("/media/covers/1.svg").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "image/svg+xml");
    assert_eq!(response.headers()["cache-control"], "max-age=60");
    assert_eq!(response.text().await.unwrap(), "<svg/>");
    assert_eq!(store.get("/media/covers/2.svg").await.status(), StatusCode::NOT_FOUND);
    let file = store.folder.path().join("store/media/covers/1.svg");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "<svg/>");
}

#[tokio::test]
async fn anonymous_users_neither_write_nor_list_nor_read_other_buckets() {
    let store = start();
    let credentials = Credentials::new("kneepoint", "throw-away-objects");
    let private = store.bucket("private");
    let made =
        Client::new().put(private.create_bucket(&credentials).sign(SIGNATURE_LIFETIME)).send().await.unwrap();
    assert_eq!(made.status(), StatusCode::OK);
    assert_eq!(store.put("private", "a", "throw-away-objects").await.status(), StatusCode::OK);
    let paths = ["/private/a", "/media?list-type=2", "/", "/media/../private/a", "/media/%2e%2e/private/a"];
    for path in paths {
        assert_eq!(store.get_status_line(path).await, "HTTP/1.1 403 Forbidden", "{path}");
    }
    let unsigned = Client::new().put(format!("http://{}/media/x", store.address)).body("x").send();
    assert_eq!(unsigned.await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(store.put("media", "x", "wrong").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(store.get("/media/x").await.status(), StatusCode::NOT_FOUND, "nothing was written");
}

#[tokio::test]
async fn it_shuts_down_and_reports_a_taken_port_and_an_unusable_folder() {
    let store = start();
    let taken = bind(config(store.folder.path(), store.address.port())).err().unwrap();
    assert!(
        matches!(taken, ObjectsError::Service(ServiceError::Listen { .. }))
            && taken.to_string().contains("choose a free port")
    );
    std::fs::write(store.folder.path().join("file"), "").unwrap();
    let none = bind(config(&store.folder.path().join("file/store"), 0)).err().unwrap();
    assert!(matches!(none, ObjectsError::Folder { .. }), "{none}");
    store.stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(5), store.task).await.unwrap().unwrap().unwrap();
}

#[test]
fn the_command_ends_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "the test acts as the supervisor, which does not use kneepoint"
    )]
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kneepoint-objects"));
    let mut child = command.args(["--listen", "127.0.0.1:0", "--folder"]).arg(folder.path()).spawn().unwrap();
    let made = folder.path().join("media");
    let until = Instant::now() + Duration::from_secs(10);
    while !made.exists() {
        assert!(Instant::now() < until, "the store did not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(200));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let ended = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if Instant::now() > until {
            child.kill().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
}
