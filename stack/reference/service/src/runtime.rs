//! Runs a service on its own runtime until SIGTERM or SIGINT.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::{HttpServer, ServiceError};

/// Worker threads of a service. Fixed, so that its capacity does not depend on the machine it is measured on.
const THREADS: usize = 2;
/// Limit for blocking tasks that still run after the server has stopped.
const BLOCKING_TASK_TIMEOUT: Duration = Duration::from_secs(1);

/// Starts a server by `bind`, and serves until SIGTERM or SIGINT. Threads of the runtime are named after `service`.
///
/// # Errors
/// The error of `bind`, or `Serve` when the runtime, the signal handlers or the socket fail.
pub fn run_until_signal<E, B>(service: &str, bind: B) -> Result<(), E>
where
    E: From<ServiceError>,
    B: Future<Output = Result<HttpServer, E>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name(service)
        // A thread that ends while perf watches makes perf poll in a busy loop until the end of its recording.
        .thread_keep_alive(Duration::from_hours(24))
        .enable_all()
        .build()
        .map_err(ServiceError::Serve)?;
    let result = runtime.block_on(async {
        // Before binding, so that a signal during a long start is not lost.
        let mut terminate = signal(SignalKind::terminate()).map_err(ServiceError::Serve)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(ServiceError::Serve)?;
        let server = bind.await?;
        let shutdown = async move {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        };
        Ok(server.run(shutdown).await?)
    });
    runtime.shutdown_timeout(BLOCKING_TASK_TIMEOUT);
    result
}
