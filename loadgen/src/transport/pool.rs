//! Idle connections, last in first out; and the exchange that takes one, or makes one, and puts it back.
//!
//! A server may close an idle connection just as it is used. A request that was not answered on a used connection is
//! sent once more on a new one, if it is idempotent or was never written: as browsers do (RFC 9112 §9.3.1).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::answer::{Reply, Wanted};
use super::connection::{Connection, Retry};
use super::failure::Failure;
use super::target::Target;

/// Idle connections to one target.
#[derive(Default)]
pub(crate) struct Pool {
    idle: Mutex<Vec<Connection>>,
}

/// Times of an exchange, known even when it fails or is given up.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Times {
    /// First write of the first request of the step.
    pub(crate) sent: Option<Instant>,
    /// Time to connect, TLS included, when a new connection was needed.
    pub(crate) connect: Option<Duration>,
}

impl Pool {
    fn pop(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
    fn push(&self, connection: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }

    async fn take(&self) -> Option<Connection> {
        while let Some(mut connection) = self.pop() {
            if connection.is_alive().await {
                return Some(connection);
            }
        }
        None
    }
}

/// One request and its whole answer.
pub(crate) async fn exchange(
    pool: &Pool,
    target: &Target,
    request: &[u8],
    idempotent: bool,
    wanted: Wanted,
    times: &mut Times,
) -> Result<Reply, Failure> {
    let mut used = pool.take().await;
    loop {
        let was_used = used.is_some();
        let mut connection = if let Some(connection) = used.take() {
            connection
        } else {
            let began = Instant::now();
            let connection = Connection::new(target.connect().await?);
            *times.connect.get_or_insert_default() += began.elapsed();
            connection
        };
        match connection.exchange(request, wanted, &mut times.sent).await {
            Ok(reply) => {
                if connection.keeps() {
                    pool.push(connection);
                }
                return Ok(reply);
            }
            Err(broken) => {
                let again = match broken.retry {
                    Retry::Always => true,
                    Retry::IfIdempotent => idempotent,
                    Retry::Never => false,
                };
                if !(was_used && again) {
                    return Err(broken.failure);
                }
            }
        }
    }
}
