//! `load/*.json`: what a phase of load saw, per endpoint and per second. The histograms themselves are in the
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
use crate::outcome::Outcome;
use crate::page::PageStats;
use crate::schedule::StageStats;
use crate::units::{Bytes, Micros, PerSecond, Ratio, UnixMillis};

/// Who decides when the next request starts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "model", rename_all = "snake_case")]
pub enum LoadModel {
    /// A fixed number of users, each waiting for its answer.
    Closed {
        /// Concurrent users.
        users: u32,
    },
    /// Arrivals at a rate, whatever the answers do.
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

/// The protocol that requests were spoken in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HttpVersion {
    /// HTTP/1.1.
    #[default]
    #[serde(rename = "1.1")]
    Http11,
    /// HTTP/2.
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
pub struct SplitSums {
    /// Responses that said something.
    pub n: u64,
    /// Service time of those responses, as the client saw it.
    pub service_us: Micros,
    /// TTFB of those responses.
    pub ttfb_us: Micros,
    /// Time in the application.
    pub app_us: Micros,
    /// CPU time of the handling thread.
    pub cpu_us: Micros,
    /// Database time, as the application saw it.
    pub db_us: Micros,
    /// Database statements.
    pub queries: u64,
    /// Cache back end time.
    pub cache_us: Micros,
    /// Cache lookups that hit.
    pub cache_hits: u64,
    /// Cache lookups that missed.
    pub cache_misses: u64,
    /// Engine time.
    pub engine_us: Micros,
}

impl SplitSums {
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
    /// Statuses seen.
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
    /// What the caches in front said.
    pub cache: BTreeMap<CacheOutcome, u64>,
    /// What the server said of itself.
    pub split: SplitSums,
    /// The server's own route patterns that answered, with counts.
    pub routes: BTreeMap<String, u64>,
    /// What its scenario promises of it, each as an assertion, e.g. `p95 <= 200ms`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slo: Vec<String>,
}

/// A named group of steps: how long journeys took from the due moment of its first step to the end of its last, pauses
/// included.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupStats {
    /// Its name.
    pub name: String,
    /// Journeys that left it, after its last step or because a step failed.
    pub journeys: u64,
    /// Of those, because a step failed.
    pub failed: u64,
    /// Journeys that were in it when the phase was over; they are in no figure.
    pub unfinished: u64,
    /// Of the journeys that left it, well or not.
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
    /// 95th percentile.
    pub p95_us: Micros,
    /// 99th percentile.
    pub p99_us: Micros,
    /// Longest.
    pub max_us: Micros,
}

/// One request worth remembering: among the slowest, or failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exemplar {
    /// When it was due.
    pub at_ms: UnixMillis,
    /// Endpoint.
    pub endpoint: String,
    /// Path that was asked for.
    pub path: String,
    /// W3C trace id that was sent.
    pub trace_id: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Status, when there was one.
    pub status: Option<u16>,
    /// From the intended start.
    pub response_us: Micros,
    /// From sending.
    pub service_us: Micros,
    /// To the first byte.
    pub ttfb_us: Option<Micros>,
    /// What went wrong, or the server's own split, in words.
    pub detail: String,
    /// Headers of the answer that explain it (who answered, from which cache, under which name it is found in logs), by name in
    /// small letters. Others, cookies among them, are not kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// How exactly the open model kept its time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pacing {
    /// Arrivals that were due within this went out together; zero: each by itself. It is part of the scheduling lag.
    pub slack_us: Micros,
    /// The generator looked at the clock instead of sleeping the last tenth of a millisecond.
    pub spinning: bool,
}

/// A feed that gives each row once, and had none left for journeys that were to begin in the measured part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DryFeed {
    /// Whose feed.
    pub scenario: String,
    /// Its name.
    pub feed: String,
    /// Rows of its file.
    pub rows: u64,
    /// Journeys that were not begun.
    pub journeys: u64,
}

/// What the generator itself cost and suffered.
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

/// May the figures be believed?
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Validity {
    /// True when nothing below speaks against it.
    pub valid: bool,
    /// What speaks against it, in full sentences, with numbers and what to do.
    pub why: Vec<String>,
    /// What weakens it without voiding it.
    pub notes: Vec<String>,
    /// True when something in `why` is the generator's doing and not the site's.
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
    /// The protocol that was spoken.
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
    /// Journeys completed.
    pub journeys: u64,
    /// Journeys given up because a step failed.
    pub journeys_failed: u64,
    /// Feeds that ran dry; their journeys are in no other figure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dry: Vec<DryFeed>,
    /// All endpoints together, from the intended start.
    pub response_us: Quantiles,
    /// From sending.
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
    /// How exactly the dispatcher kept its time (open model).
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
    /// Per stage, where the rate of an open phase changes; `load` then has the mean rate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageStats>,
    /// Pages that were loaded with their assets, as a browser does; none where no step asks for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<PageStats>,
    /// The slowest and the first failed.
    pub exemplars: Vec<Exemplar>,
    /// Latency over time by second of each endpoint is in the interval log of this name.
    pub log: String,
    /// The generator's own account.
    pub generator: GeneratorHealth,
    /// May it be believed?
    pub validity: Validity,
    /// True when the phase was cut short and this was put together from the interval log.
    pub partial: bool,
    /// The limit that stopped it, when one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<String>,
}

impl LoadPhase {
    /// Share of requests that did not succeed; `None` without requests.
    pub fn error_ratio(&self) -> Option<Ratio> {
        Ratio::of(self.errors, self.requests)
    }
    /// Length of the measured part.
    pub fn measured(&self) -> std::time::Duration {
        std::time::Duration::from_millis((self.measured_until_ms - self.measured_from_ms).get())
    }
}
