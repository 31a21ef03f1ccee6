//! Listening, serving and ending in good order: the only file that knows sockets, signals and the runtime.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::routes::router;
use crate::{BookIndex, EngineError};

/// The engine's threads. Fixed, so that its capacity does not depend on the machine it is measured on.
const THREADS: usize = 2;
/// Connections that may wait to be accepted (the kernel's `somaxconn` may lower it).
const BACKLOG: u32 = 4_096;
/// How long open requests may take once we were asked to end; a running profile is cut off then.
const FAREWELL: Duration = Duration::from_secs(3);

/// Where to listen and what to search in.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The JSON-lines file of books.
    pub books: PathBuf,
}

/// An engine that listens but does not answer yet: callers wait in the backlog rather than being refused.
pub struct Engine {
    listener: TcpListener,
    router: Router,
}

impl Engine {
    /// Builds the index and listens.
    ///
    /// # Errors
    /// What is wrong with the books, or `Listen`.
    pub async fn bind(config: EngineConfig) -> Result<Self, EngineError> {
        let EngineConfig { listen: address, books } = config;
        let index = tokio::task::spawn_blocking(move || BookIndex::from_file(&books));
        let index = index.await.map_err(std::io::Error::other)??;
        let listener = listen(address).map_err(|source| EngineError::Listen { address, source })?;
        Ok(Self { listener, router: router(index) })
    }

    /// The address it really listens on.
    ///
    /// # Errors
    /// `Serve` when the system does not tell.
    pub fn local_addr(&self) -> Result<SocketAddr, EngineError> {
        Ok(self.listener.local_addr()?)
    }

    /// Answers until `shutdown` is done, then lets open requests finish for three seconds.
    ///
    /// # Errors
    /// `Serve` when the socket fails.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), EngineError> {
        // Answers are small and complete: waiting to fill a packet would only add delay.
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

/// As `TcpListener::bind`, whose backlog of 128 however overflows when some hundred clients connect at once: the kernel
/// then drops handshakes, and a second of retransmission would be measured as the engine's time.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Builds the index, listens, and answers until `shutdown` is done.
///
/// # Errors
/// As [`Engine::bind`] and [`Engine::run`].
pub async fn serve(
    config: EngineConfig,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), EngineError> {
    Engine::bind(config).await?.run(shutdown).await
}

/// The body of a command: runs on a runtime of its own until SIGTERM or SIGINT.
///
/// # Errors
/// As [`serve`].
pub fn main_blocking(config: EngineConfig) -> Result<(), EngineError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("engine")
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

/// A fault in a single request, for whoever keeps the log. It holds no text of the request.
#[expect(clippy::print_stderr, reason = "the engine is a service, and stderr is its log")]
pub(crate) fn log_fault(fault: &EngineError) {
    eprintln!("kneepoint-engine: {fault}");
}
