//! The one transport: HTTP/1.1, read by ourselves, with a keep-alive pool of our own; or HTTP/2 on shared connections.
//!
//! It reads the whole body, notes the times of each part, tells failures apart, and knows nothing of scenarios.

mod answer;
mod connection;
mod failure;
mod framing;
#[cfg(test)]
mod fuzz;
mod head;
mod http2;
mod pace;
mod pool;
mod request;
mod slow;
mod stream;
mod syntax;
mod target;
mod tls;

pub(crate) use answer::{Reply, Wanted};
pub(crate) use failure::Failure;
pub(crate) use head::Head;
pub use pace::ReadRate;
pub(crate) use pool::{Pool, Times, exchange};
pub(crate) use request::{Lines, Room, write};
pub(crate) use target::Target;
