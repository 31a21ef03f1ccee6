//! The only transport: HTTP/1.1 with our own parser and keep-alive pool, or HTTP/2 on shared connections.
//!
//! It reads whole bodies, records the times of each part, classifies failures, and knows nothing of scenarios.

mod connection;
pub(crate) mod content_coding;
mod failure;
mod framing;
#[cfg(test)]
mod fuzz;
mod head;
mod http2;
mod pool;
mod read_rate;
mod request;
mod response;
mod slow;
mod stream;
mod syntax;
mod target;
mod times;
mod tls;
mod trace;

pub(crate) use failure::RequestFailure;
pub(crate) use head::ResponseHead;
pub(crate) use pool::{Pool, exchange};
pub use read_rate::ReadRate;
pub(crate) use request::{HeaderLines, RequestBuffers, write_request};
pub(crate) use response::{RawResponse, ReadOptions};
pub(crate) use target::Target;
pub(crate) use times::ExchangeTimes;
pub(crate) use trace::{TRACEPARENT, TraceId};
