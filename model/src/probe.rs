//! `probe.json`: each route measured by itself, one request at a time, before any load.
//!
//! Without concurrency nothing queues, so a response reports its own cost. Two page sizes give the slope that proves an N+1; two
//! users show whether a page may be cached.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cache_status::CacheOutcome;
use crate::units::{Bytes, Micros, Ratio};

/// The result of requesting the same list with several sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SlopeTest {
    /// The query parameter that sets the size (`page_size`, `limit`, `per_page`).
    pub parameter: String,
    /// Points: rows requested → statements executed.
    pub points: Vec<(u32, u32)>,
    /// Statements per row, by least squares; 1 means one statement for each row.
    pub slope: f64,
    /// Largest distance of a point from the line, in statements.
    pub residual: f64,
    /// Executions of the most repeated statement at the largest size, and its digest.
    pub repeats: Option<(u32, String)>,
}

/// Why a response that could have been cached was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UncachedReason {
    /// It sets a cookie.
    SetCookie,
    /// `Vary: Cookie` on a page that is the same for both users.
    VaryCookie,
    /// `Cache-Control` forbids it (`private`, `no-store`, `no-cache`).
    CacheControl,
    /// It has no lifetime, so no shared cache may store it.
    NoLifetime,
    /// The two users received different bodies.
    Personal,
    /// There is no cache in front, though the headers would allow one.
    NoCache,
    /// It holds a form token.
    FormToken,
}

/// The cache test: two new anonymous users (two cookie jars) request the page twice each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CacheTest {
    /// The bodies were byte-identical, form tokens masked.
    pub same_body: bool,
    /// Both users received the same form token: an unsafe shared cache.
    pub shared_token: bool,
    /// The result that the cache in front reported for the second identical request.
    pub second: CacheOutcome,
    /// Why it was not a hit; empty when it was.
    #[serde(rename = "because")]
    pub uncached_reasons: Vec<UncachedReason>,
}

/// One route, measured by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RouteProbe {
    /// The server's route pattern, or the path where none is reported.
    pub route: String,
    /// The path that was requested.
    pub path: String,
    /// Requests made at concurrency one.
    pub requests: u32,
    /// Requests that failed.
    pub errors: u32,
    /// Median response time without queueing, bypassing any cache in front where a query parameter makes that possible.
    pub p50_us: Micros,
    /// Median time in the application.
    pub app_us: Option<Micros>,
    /// Median CPU time of the handling thread.
    pub cpu_us: Option<Micros>,
    /// Median time in the database, as the application measured it.
    pub db_us: Option<Micros>,
    /// Statements per request (the same in every request, or the median).
    pub queries: Option<u32>,
    /// Median time waiting for the engine.
    pub engine_us: Option<Micros>,
    /// Bytes on the wire.
    pub wire_bytes: Bytes,
    /// Bytes of the decoded body.
    pub body_bytes: Bytes,
    /// Whether the response arrived compressed.
    pub compressed: bool,
    /// The size of the body after gzip, when it is compressible and was sent without compression.
    pub gzip_bytes: Option<Bytes>,
    /// The N+1 test, where the route takes a size.
    pub slope: Option<SlopeTest>,
    /// The cache test, for GET pages.
    pub cache: Option<CacheTest>,
}

/// The most repeated statement behind a digest, as the application's probe recorded it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Statement {
    /// Short hash that `Server-Timing` carries.
    pub digest: String,
    /// The text with its literals masked.
    pub sql: String,
    /// Route on which it was first seen.
    #[serde(default)]
    pub route: String,
    /// `file:line` of the application's code (the probe calls it `at`).
    #[serde(default, alias = "at")]
    pub code: String,
}

/// The results of all routes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProbeResult {
    /// Version of this file's format.
    pub format_version: u32,
    /// The routes, costliest first.
    pub routes: Vec<RouteProbe>,
    /// Statements by digest.
    pub statements: BTreeMap<String, Statement>,
    /// Share of responses with `Server-Timing` from kneepoint's probe in the application.
    #[serde(rename = "seen_through")]
    pub probe_coverage: Option<Ratio>,
    /// How long it took.
    pub took_us: Micros,
}
