//! `load/*.json`: the results of a load phase, per endpoint and per second. The histograms themselves are in the
//! interval log (`load/<phase>.hlog`) beside it.
//!
//! *Response time* runs from the intended start, *service time* from the moment of sending; both to the last byte of the
//! body. *TTFB* runs from the moment of sending to the first byte.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cache_status::CacheOutcome;
use crate::histogram::Quantiles;
use crate::load_segment::SegmentStats;
use crate::outcome::Outcome;
use crate::page::PageStats;
use crate::units::{Bytes, Micros, PerSecond, Ratio, UnixMillis};

/// What decides when the next request starts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "model", rename_all = "snake_case")]
pub enum LoadModel {
    /// A fixed number of users, each waiting for its response.
    Closed {
        /// The number of concurrent users.
        users: u32,
    },
    /// Arrivals at a rate, independent of the responses.
    Open {
        /// Journeys (arrivals) per second.
        rate: PerSecond,
    },
}

impl LoadModel {
    /// `closed` or `open`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Open { .. } => "open",
        }
    }
}

/// The protocol of the requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HttpVersion {
    /// HTTP/1.1, one request at a time per connection.
    #[default]
    #[serde(rename = "1.1")]
    Http11,
    /// HTTP/2, several streams per connection.
    #[serde(rename = "2")]
    Http2,
}

impl fmt::Display for HttpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        })
    }
}

/// Sums over the responses that carried `Server-Timing`; divide by `n`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerTimingSums {
    /// Responses with a `Server-Timing` header.
    pub n: u64,
    /// Service time of those responses, as the client measured it.
    pub service_us: Micros,
    /// TTFB of those responses.
    pub ttfb_us: Micros,
    /// Time in the application.
    pub app_us: Micros,
    /// CPU time of the handling thread.
    pub cpu_us: Micros,
    /// Database time, as the application measured it.
    pub db_us: Micros,
    /// Database statements, transaction control excluded.
    pub queries: u64,
    /// Cache back end time.
    pub cache_us: Micros,
    /// Cache lookups that hit.
    pub cache_hits: u64,
    /// Cache lookups that missed.
    pub cache_misses: u64,
    /// Time waiting for the engine.
    pub engine_us: Micros,
}

impl ServerTimingSums {
    /// Adds another sum.
    pub fn add(&mut self, other: &Self) {
        self.n += other.n;
        self.service_us += other.service_us;
        self.ttfb_us += other.ttfb_us;
        self.app_us += other.app_us;
        self.cpu_us += other.cpu_us;
        self.db_us += other.db_us;
        self.queries += other.queries;
        self.cache_us += other.cache_us;
        self.cache_hits += other.cache_hits;
        self.cache_misses += other.cache_misses;
        self.engine_us += other.engine_us;
    }
}

/// One endpoint (a named step of a scenario) over the measured part of a phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointStats {
    /// The step's name, e.g. `GET /catalogue/`.
    pub name: String,
    /// Requests that ended (censored ones included).
    pub requests: u64,
    /// Requests whose outcome is not `ok`.
    pub errors: u64,
    /// How they ended.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Responses by HTTP status.
    pub statuses: BTreeMap<u16, u64>,
    /// From the intended start; successes and failures alike.
    pub response_us: Quantiles,
    /// From the moment of sending.
    pub service_us: Quantiles,
    /// To the first byte.
    pub ttfb_us: Quantiles,
    /// Bytes of bodies as received.
    pub wire_bytes: Bytes,
    /// Bytes of bodies decoded, as far as their size is known: plain and gzip always, others where a check decoded them.
    pub body_bytes: Bytes,
    /// Bytes as received of the bodies whose decoded size is not known: in `wire_bytes`, and not in `body_bytes`.
    #[serde(default)]
    pub undecoded_bytes: Bytes,
    /// Responses that arrived compressed.
    pub compressed: u64,
    /// Redirects that were followed; one request may have several.
    #[serde(default)]
    pub redirects: u64,
    /// The results that caches in front reported.
    pub cache: BTreeMap<CacheOutcome, u64>,
    /// Sums of what the server reported.
    pub split: ServerTimingSums,
    /// The server's route patterns of the responses, with counts.
    pub routes: BTreeMap<String, u64>,
    /// The objectives of its scenario for it, each as an assertion, e.g. `p95 <= 200ms`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slo: Vec<String>,
}

/// A named group of steps: how long journeys took from the due moment of its first step to the end of its last, pauses
/// included.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupStats {
    /// The name given in the scenario file.
    pub name: String,
    /// Journeys that ended it, after its last step or because a step failed.
    pub journeys: u64,
    /// Of those, because a step failed.
    pub failed: u64,
    /// Journeys that had not ended it at the end of the phase; they are in no figure.
    pub unfinished: u64,
    /// Durations of the journeys that ended it, successfully or not.
    pub time_us: Quantiles,
}

/// One second of a phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecondStats {
    /// Start of the second.
    pub at_ms: UnixMillis,
    /// True while warming up: not counted in any figure.
    pub warmup: bool,
    /// Requests that ended in it.
    pub requests: u64,
    /// Of those, not `ok`.
    pub errors: u64,
    /// Arrivals due in it (open model), or requests started (closed).
    pub started: u64,
    /// In flight at its end.
    pub in_flight: u64,
    /// Median response time.
    pub p50_us: Micros,
    /// 95th percentile of response time.
    pub p95_us: Micros,
    /// 99th percentile of response time.
    pub p99_us: Micros,
    /// Longest response time.
    pub max_us: Micros,
}

/// One request that is stored with details: one of the slowest, or failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exemplar {
    /// When it was due.
    pub at_ms: UnixMillis,
    /// The name of the endpoint.
    pub endpoint: String,
    /// Path that was requested.
    pub path: String,
    /// W3C trace id that was sent.
    pub trace_id: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Status, when there was one.
    pub status: Option<u16>,
    /// From the intended start.
    pub response_us: Micros,
    /// Service time: from the moment of sending.
    pub service_us: Micros,
    /// To the first byte.
    pub ttfb_us: Option<Micros>,
    /// The error, or the reported server timing, in words.
    pub detail: String,
    /// Response headers for diagnosis (server, cache, request id), by lower-case name. Other headers, cookies among them, are not
    /// stored.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// How precisely the open model paced its arrivals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pacing {
    /// The batching window: arrivals that were due within it were sent together; zero: each separately. It is part of the
    /// scheduling lag.
    #[serde(rename = "slack_us")]
    pub batching_window_us: Micros,
    /// The generator polled the clock instead of sleeping for the last tenth of a millisecond.
    pub spinning: bool,
}

/// A feed that gives each row once and had no row left for journeys of the measured part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExhaustedFeed {
    /// The scenario that declares the feed.
    pub scenario: String,
    /// The name of the feed.
    pub feed: String,
    /// Rows of its file.
    pub rows: u64,
    /// Journeys that were not begun.
    pub journeys: u64,
}

/// CPU use of the generator itself and its waiting for cores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GeneratorHealth {
    /// CPU time of the generator's threads over the measured part.
    pub cpu_us: Micros,
    /// Of one core: `cpu_us` over the length of the measured part, for the busiest thread.
    pub busiest_thread: Ratio,
    /// Time its threads were ready but had no core.
    pub run_queue_us: Micros,
    /// Requests per second of generator CPU.
    pub requests_per_cpu_second: PerSecond,
}

/// Whether the figures can be trusted, and why not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Validity {
    /// True when nothing invalidates the measurement.
    pub valid: bool,
    /// What invalidates the measurement, in full sentences, with numbers and the fix.
    pub why: Vec<String>,
    /// What weakens the measurement without invalidating it.
    pub notes: Vec<String>,
    /// True when a reason in `why` is caused by the generator and not by the site.
    #[serde(default)]
    pub generator_at_fault: bool,
}

/// One phase of load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadPhase {
    /// Version of this file's format.
    pub format_version: u32,
    /// Name of the phase: `closed`, `open`, `profiled`.
    pub name: String,
    /// Open or closed.
    pub load: LoadModel,
    /// The protocol of the requests.
    #[serde(default)]
    pub http: HttpVersion,
    /// Scenarios that ran, with their weights.
    pub scenarios: BTreeMap<String, u32>,
    /// Seed of every random choice.
    pub seed: u64,
    /// Start of the phase, warm-up included.
    pub started_ms: UnixMillis,
    /// Start of the measured part.
    pub measured_from_ms: UnixMillis,
    /// End of the measured part.
    pub measured_until_ms: UnixMillis,
    /// Requests per second that were intended (open model: arrivals × steps).
    pub offered_rps: Option<PerSecond>,
    /// Requests per second that ended in the measured part.
    pub achieved_rps: PerSecond,
    /// Requests that ended in the measured part.
    pub requests: u64,
    /// Of those, not `ok`.
    pub errors: u64,
    /// How they ended.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Journeys that completed all their steps.
    pub journeys: u64,
    /// Journeys that ended because a step failed.
    pub journeys_failed: u64,
    /// Feeds that were exhausted; the journeys that lacked a row are in no other figure.
    #[serde(rename = "dry", default, skip_serializing_if = "Vec::is_empty")]
    pub exhausted_feeds: Vec<ExhaustedFeed>,
    /// All endpoints together, from the intended start.
    pub response_us: Quantiles,
    /// Service time: from the moment of sending.
    pub service_us: Quantiles,
    /// To the first byte.
    pub ttfb_us: Quantiles,
    /// Time until a new connection could be used, for requests that needed one: TCP or the unix socket, and with HTTP/2 the
    /// server's settings; without the TLS handshake.
    pub connect_us: Quantiles,
    /// Time of the TLS handshakes of those connections; resumed sessions are among them.
    #[serde(default)]
    pub tls_us: Quantiles,
    /// Dispatcher lateness: moment of dispatch minus intended start (open model).
    pub sched_lag_us: Quantiles,
    /// How precisely the dispatcher paced its arrivals (open model).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pacing: Option<Pacing>,
    /// Wait for a free connection or slot (open model).
    pub pool_wait_us: Quantiles,
    /// Percentile curve of response time: (quantile, microseconds).
    pub curve: Vec<(f64, Micros)>,
    /// Per endpoint, in the order of the scenario files.
    pub endpoints: Vec<EndpointStats>,
    /// Groups of steps, in the order of the scenario files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupStats>,
    /// Per second, warm-up included.
    pub seconds: Vec<SecondStats>,
    /// Per segment of the load schedule, where one is given; `load` then has the mean rate.
    #[serde(rename = "stages", default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<SegmentStats>,
    /// Pages that were loaded with their assets, as a browser does; none where no step asks for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<PageStats>,
    /// The slowest and the first failed.
    pub exemplars: Vec<Exemplar>,
    /// Latency over time by second of each endpoint is in the interval log of this name.
    pub log: String,
    /// CPU use of the generator itself.
    pub generator: GeneratorHealth,
    /// Whether the figures can be trusted.
    pub validity: Validity,
    /// True when the phase was cut short and this was recovered from the interval log.
    pub partial: bool,
    /// The stop condition that ended it; `None` when none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<String>,
}

impl LoadPhase {
    /// Share of requests that did not succeed; `None` without requests.
    pub fn error_ratio(&self) -> Option<Ratio> {
        Ratio::from_parts(self.errors, self.requests)
    }
    /// Length of the measured part.
    pub fn measured(&self) -> std::time::Duration {
        std::time::Duration::from_millis((self.measured_until_ms - self.measured_from_ms).get())
    }
}
