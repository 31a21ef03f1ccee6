//! `samples/access-<phase>.json`: the proxy's access log over one phase, summed by route.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cache_status::CacheOutcome;
use crate::units::{Bytes, Micros};

/// Sums over the requests of one route; divide by the count beside each.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProxyRoute {
    /// The server's route pattern from `Server-Timing`, or `(static) /static/`, `(no route) <path>`.
    pub route: String,
    /// Requests that the proxy logged.
    pub requests: u64,
    /// Responses by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Responses by the result of the cache.
    pub cache: BTreeMap<CacheOutcome, u64>,
    /// Bytes sent to clients (`$bytes_sent`).
    pub bytes_sent: Bytes,
    /// `$request_time`: from the first byte of the request to the last of the response.
    pub request_us: Micros,
    /// Requests that went upstream.
    pub upstream: u64,
    /// `$upstream_connect_time` of those.
    pub connect_us: Micros,
    /// `$upstream_header_time` of those: queueing and application.
    pub header_us: Micros,
    /// `$upstream_response_time` of those.
    pub response_us: Micros,
    /// Time in the application, of the requests that reported it.
    pub app_us: Micros,
    /// Requests that reported it.
    pub app_n: u64,
}

/// The access log over a phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccessSummary {
    /// Version of this file's format.
    pub format_version: u32,
    /// Log lines that were read.
    pub lines: u64,
    /// Lines that could not be read (cut off, or not JSON).
    pub garbage: u64,
    /// Requests on the first use of a client connection: keep-alive is off when this nears `lines`.
    pub new_connections: u64,
    /// Sums by route.
    pub routes: Vec<ProxyRoute>,
}
