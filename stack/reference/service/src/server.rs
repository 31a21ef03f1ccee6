//! Listening, serving and graceful shutdown.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;

use crate::ServiceError;

/// Connections that may wait to be accepted (the kernel's `somaxconn` may lower it).
const BACKLOG: u32 = 4_096;
/// Time that open requests have to finish after a shutdown request; then they are cut off.
const GRACE_PERIOD: Duration = Duration::from_secs(3);

/// A server that listens but does not accept yet: clients wait in the backlog instead of being refused.
pub struct HttpServer {
    listener: TcpListener,
    router: Router,
}

impl HttpServer {
    /// Listens; port 0 takes a free port. Must be called within a runtime.
    ///
    /// # Errors
    /// `Listen`.
    pub fn bind(address: SocketAddr, router: Router) -> Result<Self, ServiceError> {
        let listener = listen(address).map_err(|source| ServiceError::Listen { address, source })?;
        Ok(Self { listener, router })
    }

    /// The address and port on which the server listens.
    ///
    /// # Errors
    /// `Serve` when the system does not report the address.
    pub fn local_addr(&self) -> Result<SocketAddr, ServiceError> {
        Ok(self.listener.local_addr()?)
    }

    /// Serves until `shutdown` completes, then lets open requests finish for three seconds.
    ///
    /// # Errors
    /// `Serve` when the socket fails.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ServiceError> {
        // Responses are small, and some are written in two parts: waiting to fill a packet would only add delay.
        let listener = self.listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let (requested, was_requested) = oneshot::channel();
        let shutdown_request = async move {
            shutdown.await;
            let _ = requested.send(());
        };
        let serving = axum::serve(listener, self.router).with_graceful_shutdown(shutdown_request);
        let grace_period = async {
            // An error means that serving has ended without a shutdown request; the other branch has its result.
            if was_requested.await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(GRACE_PERIOD).await;
        };
        tokio::select! {
            result = serving.into_future() => Ok(result?),
            () = grace_period => Ok(()),
        }
    }
}

/// Like `TcpListener::bind`, but with a larger backlog. The standard 128 overflows when some hundred clients connect at once:
/// the kernel then drops handshakes, and a second of retransmission would be measured as time of the service.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
