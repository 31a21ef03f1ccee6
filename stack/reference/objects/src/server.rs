//! Listening, serving and ending in good order: the only file that knows sockets, signals and the runtime.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum::error_handling::HandleError;
use axum::http::{StatusCode, header};
use axum::routing::get;
use axum::serve::ListenerExt;
use s3s::HttpError;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::access::{PUBLIC_BUCKET, PublicRead};
use crate::{Keys, ObjectsError};

/// The store's threads. Fixed, so that its capacity does not depend on the machine it is measured on.
const THREADS: usize = 2;
/// Connections that may wait to be accepted (the kernel's `somaxconn` may lower it).
const BACKLOG: u32 = 4_096;
/// How long open requests may take once we were asked to end.
const FAREWELL: Duration = Duration::from_secs(3);

/// Where to listen, where the objects are, and who may write.
#[derive(Debug, Clone)]
pub struct ObjectsConfig {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder of the buckets; made when it is not there.
    pub folder: PathBuf,
    /// Who may write.
    pub keys: Keys,
}

/// A store that listens but does not answer yet: callers wait in the backlog rather than being refused.
pub struct Objects {
    listener: TcpListener,
    router: Router,
}

impl Objects {
    /// Makes the folder and its public bucket, and listens. Must be called within a runtime.
    ///
    /// # Errors
    /// `Folder` or `Listen`.
    pub fn bind(config: ObjectsConfig) -> Result<Self, ObjectsError> {
        let ObjectsConfig { listen: address, folder, keys } = config;
        let store = router(service(&folder, keys)?);
        let listener = listen(address).map_err(|source| ObjectsError::Listen { address, source })?;
        Ok(Self { listener, router: store })
    }

    /// The address it really listens on.
    ///
    /// # Errors
    /// `Serve` when the system does not tell.
    pub fn local_addr(&self) -> Result<SocketAddr, ObjectsError> {
        Ok(self.listener.local_addr()?)
    }

    /// Answers until `shutdown` is done, then lets open requests finish for three seconds.
    ///
    /// # Errors
    /// `Serve` when the socket fails.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ObjectsError> {
        // Heads and small bodies are written apart: waiting to fill a packet would only add delay.
        let listener = self.listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let (asked, was_asked) = oneshot::channel();
        let ending = async move {
            shutdown.await;
            let _ = asked.send(());
        };
        let serving = axum::serve(listener, self.router).with_graceful_shutdown(ending);
        let farewell = async {
            // An error means that serving has ended without being asked, and the other branch has its result.
            if was_asked.await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(FAREWELL).await;
        };
        tokio::select! {
            result = serving.into_future() => Ok(result?),
            () = farewell => Ok(()),
        }
    }
}

/// The storage, with keys and the rule who may do what.
fn service(folder: &Path, keys: Keys) -> Result<S3Service, ObjectsError> {
    let fault = |why: String| ObjectsError::Folder { path: folder.to_owned(), why };
    std::fs::create_dir_all(folder.join(PUBLIC_BUCKET)).map_err(|error| fault(error.to_string()))?;
    let storage = FileSystem::new(folder).map_err(|error| fault(format!("{error:?}")))?;
    let mut builder = S3ServiceBuilder::new(storage);
    builder.set_auth(SimpleAuth::from_single(keys.key, keys.secret));
    builder.set_access(PublicRead);
    Ok(builder.build())
}

/// Health beside the buckets: no bucket can be called `healthz` while this path is taken.
fn router(store: S3Service) -> Router {
    let health = || async { ([(header::CONTENT_TYPE, "application/json")], r#"{"status":"ok"}"#) };
    Router::new().route("/healthz", get(health)).fallback_service(HandleError::new(store, fault))
}

/// What the protocol itself could not answer; the log learns what, the asker only that.
async fn fault(error: HttpError) -> StatusCode {
    log_fault(&*Box::<dyn std::error::Error + Send + Sync>::from(error));
    StatusCode::INTERNAL_SERVER_ERROR
}

/// As `TcpListener::bind`, whose backlog of 128 however overflows when some hundred clients connect at once: the kernel
/// then drops handshakes, and a second of retransmission would be measured as the store's time.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Listens, and answers until `shutdown` is done.
///
/// # Errors
/// As [`Objects::bind`] and [`Objects::run`].
pub async fn serve(
    config: ObjectsConfig,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ObjectsError> {
    Objects::bind(config)?.run(shutdown).await
}

/// The body of a command: runs on a runtime of its own until SIGTERM or SIGINT.
///
/// # Errors
/// As [`serve`].
pub fn main_blocking(config: ObjectsConfig) -> Result<(), ObjectsError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("objects")
        // A thread that ends while perf watches makes perf poll in a busy loop until the end of its recording.
        .thread_keep_alive(Duration::from_hours(24))
        .enable_all()
        .build()?;
    let result = runtime.block_on(async {
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        serve(config, async move {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        })
        .await
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// A fault in a single request, for whoever keeps the log.
#[expect(clippy::print_stderr, reason = "the store is a service, and stderr is its log")]
fn log_fault(fault: &dyn std::error::Error) {
    eprintln!("kneepoint-objects: a request could not be answered: {fault}");
}
