//! `probe.json`: each route looked at alone, one request at a time, before any load.
//!
//! Alone, nothing queues: what a response says of itself here is its own cost. Two page sizes give the slope that proves
//! an N+1; two visitors show whether a page may be cached.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cache_status::CacheOutcome;
use crate::units::{Bytes, Micros, Ratio};

/// The result of asking for the same list at two sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SlopeTest {
    /// The query parameter that sets the size (`page_size`, `limit`, `per_page`).
    pub parameter: String,
    /// Points: rows asked for → statements made.
    pub points: Vec<(u32, u32)>,
    /// Statements per row, by least squares; 1 means one statement for each row.
    pub slope: f64,
    /// Largest distance of a point from the line, in statements.
    pub residual: f64,
    /// How often the most repeated statement ran at the largest size, and its digest.
    pub repeats: Option<(u32, String)>,
}

/// Why an answer that could have been cached was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UncachedBecause {
    /// It sets a cookie.
    SetCookie,
    /// `Vary: Cookie` on a page that is the same for both visitors.
    VaryCookie,
    /// `Cache-Control` forbids it (`private`, `no-store`, `no-cache`).
    CacheControl,
    /// It has no lifetime, so no shared cache may keep it.
    NoLifetime,
    /// The two visitors got different bodies.
    Personal,
    /// There is no cache in front, though the headers would allow one.
    NoCache,
    /// It holds a form token.
    FormToken,
}

/// What two fresh visitors (two cookie jars, twice each) saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CacheTest {
    /// The bodies were byte-identical, form tokens masked.
    pub same_body: bool,
    /// Both visitors were given the same form token: an unsafe shared cache.
    pub shared_token: bool,
    /// What the cache in front said on the second identical request.
    pub second: CacheOutcome,
    /// Why it was not a hit; empty when it was.
    pub because: Vec<UncachedBecause>,
}

/// One route, alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RouteProbe {
    /// The server's own route pattern, or the path where it does not say.
    pub route: String,
    /// The path that was asked for.
    pub path: String,
    /// Requests made at concurrency one.
    pub requests: u32,
    /// Requests that failed.
    pub errors: u32,
    /// Median response time without queueing, past any cache in front where the address can be made unknown to it.
    pub p50_us: Micros,
    /// Median time in the application.
    pub app_us: Option<Micros>,
    /// Median CPU time of the handling thread.
    pub cpu_us: Option<Micros>,
    /// Median time in the database, as the application saw it.
    pub db_us: Option<Micros>,
    /// Statements per request (the same in every request, or the median).
    pub queries: Option<u32>,
    /// Median time waiting for the engine.
    pub engine_us: Option<Micros>,
    /// Bytes on the wire.
    pub wire_bytes: Bytes,
    /// Bytes decoded.
    pub body_bytes: Bytes,
    /// Compressed?
    pub compressed: bool,
    /// What gzip would make of the body, when it was sent without compression and is compressible.
    pub gzip_bytes: Option<Bytes>,
    /// The N+1 test, where the route takes a size.
    pub slope: Option<SlopeTest>,
    /// The two-visitor test, for GET pages.
    pub cache: Option<CacheTest>,
}

/// The most repeated statement behind a digest, as the application's probe wrote it down.
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

/// The whole probing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProbeResult {
    /// Version of this file's format.
    pub format_version: u32,
    /// The routes, costliest first.
    pub routes: Vec<RouteProbe>,
    /// Statements by digest.
    pub statements: BTreeMap<String, Statement>,
    /// Share of requests that carried `Server-Timing` from our probe.
    pub seen_through: Option<Ratio>,
    /// How long it took.
    pub took_us: Micros,
}
