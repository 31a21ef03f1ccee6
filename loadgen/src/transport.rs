//! The one transport: HTTP/1.1 on hyper's connection level, with our own keep-alive pool.
//!
//! It reads the whole body, notes the times of each part, tells failures apart, and knows nothing of scenarios.

mod connection;
mod failure;
mod pool;
mod stream;
mod target;

pub(crate) use connection::{Reply, Wanted};
pub(crate) use failure::Failure;
pub(crate) use pool::{Pool, Times, exchange};
pub(crate) use target::Target;
