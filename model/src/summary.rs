//! `summary.json`: the public contract. Its JSON Schema is printed by `kneepoint schema summary`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cache_status::CacheOutcome;
use crate::finding::Finding;
use crate::histogram::Quantiles;
use crate::manifest::StageRecord;
use crate::profile::ProfileSource;
use crate::tier::Tier;
use crate::units::{Bytes, Micros, PerSecond, Ratio};
use crate::unmeasured::Unmeasured;
use crate::verdict::Verdict;

/// Version of the contract; raised when a field changes meaning or goes away, not when one is added.
pub const SCHEMA_VERSION: u32 = 1;

/// Pages of the smoke crawl.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SmokeSummary {
    /// URLs that were requested.
    pub pages: u64,
    /// Of those, broken.
    pub broken: u64,
    /// Of those, with something to look at.
    pub warned: u64,
}

/// One phase of load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadSummary {
    /// Name of the phase.
    pub phase: String,
    /// `open` or `closed`.
    pub model: String,
    /// Scenarios, with weights.
    pub scenario: BTreeMap<String, u32>,
    /// Requests per second intended; absent in the closed model.
    pub offered_rps: Option<PerSecond>,
    /// Requests per second that ended.
    pub achieved_rps: PerSecond,
    /// Requests that ended.
    pub requests: u64,
    /// Of those, failed.
    pub errors: u64,
    /// From the intended start to the last byte.
    pub response_us: Quantiles,
    /// From sending to the last byte.
    pub service_us: Quantiles,
    /// From sending to the first byte.
    pub ttfb_us: Quantiles,
    /// Dispatch minus intended start.
    pub sched_lag_us: Quantiles,
    /// Whether the measurement is valid.
    pub valid: bool,
    /// The reasons when `valid` is false.
    pub why: Vec<String>,
}

/// Where the time of one endpoint's requests goes: means in microseconds; the parts sum to `total_us`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimeSplit {
    /// Requests behind the means.
    pub n: u64,
    /// Service time as the client saw it.
    pub total_us: Micros,
    /// Time in network, client and proxy.
    pub network_proxy_us: Micros,
    /// Waiting for a free worker; absent (and counted in `network_proxy_us`) without a proxy log.
    pub queue_us: Option<Micros>,
    /// Time in application code.
    pub app_us: Micros,
    /// Time in the database: from its server-side timer where that is available, else as the application measured it.
    pub db_us: Micros,
    /// True when `db_us` is the database's own time, and the rest of what the application counted as database time is in `app_us`.
    #[serde(default)]
    pub db_own_timer: bool,
    /// Cache back end.
    pub cache_us: Micros,
    /// Time waiting for the engine.
    pub engine_us: Micros,
}

/// One endpoint of one phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointSummary {
    /// Name of the phase.
    pub phase: String,
    /// Name of the step.
    pub name: String,
    /// The server's most frequent route pattern, where it reports one.
    pub route: Option<String>,
    /// Requests that ended in the measured part.
    pub requests: u64,
    /// Of those, failed.
    pub errors: u64,
    /// Requests per second.
    pub rps: PerSecond,
    /// From the intended start.
    pub response_us: Quantiles,
    /// From the moment of sending.
    pub service_us: Quantiles,
    /// To the first byte.
    pub ttfb_us: Quantiles,
    /// Mean bytes on the wire.
    pub bytes_per_request: Bytes,
    /// Redirects that were followed for each request, where there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirects_per_request: Option<f64>,
    /// Database statements per request, where the server reports them.
    pub queries_per_request: Option<f64>,
    /// Share of requests that a cache in front served, where one reports it.
    pub cache_hit: Option<Ratio>,
    /// Where the time goes, where the server reports it.
    pub split: Option<TimeSplit>,
}

/// What one tier used in one phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TierSummary {
    /// Name of the phase.
    pub phase: String,
    /// The tier of the stack.
    pub name: Tier,
    /// CPU time per completed request.
    pub cpu_us_per_request: Option<f64>,
    /// Mean cores in use.
    pub cpu_cores: f64,
    /// Share of the tier's ready time that was spent waiting for a core.
    pub run_queue_share: Option<Ratio>,
    /// Highest resident memory.
    pub rss_max_bytes: Bytes,
    /// Highest swapped-out memory.
    pub swap_max_bytes: Bytes,
    /// Most open file descriptors.
    pub fds_max: u32,
    /// Processes that started during the phase (a worker that died and was respawned).
    pub respawned: u32,
}

/// Caches in front and within.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CacheSummary {
    /// What the proxy's cache did.
    pub proxy: BTreeMap<CacheOutcome, u64>,
    /// Share of hits of the proxy's cache; absent where none took part.
    pub proxy_hit: Option<Ratio>,
    /// Lookups in the application's cache that hit.
    pub app_hits: u64,
    /// Lookups that missed.
    pub app_misses: u64,
    /// Share of hits of the application's cache.
    pub app_hit: Option<Ratio>,
}

/// The load of the database, as far as it was measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DbSummary {
    /// Statements per request over all endpoints that report them.
    pub queries_per_request: Option<f64>,
    /// Mean database time per request, as the application saw it.
    pub app_db_us_per_request: Option<f64>,
    /// Mean database time per request from the server-side timer, where it was read.
    #[serde(default)]
    pub own_db_us_per_request: Option<f64>,
    /// Waits for a row per request, where the database's counters were read.
    #[serde(default)]
    pub row_lock_waits_per_request: Option<f64>,
    /// Deadlocks over the measured phases, where the database counts them.
    #[serde(default)]
    pub deadlocks: Option<u64>,
    /// The source of these figures: `server-timing`, or the reason why there are none.
    pub source: String,
}

/// One profile of one tier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileSummary {
    /// The profiled tier.
    pub tier: Tier,
    /// The source of the stacks.
    pub source: ProfileSource,
    /// Samples that were taken.
    pub samples: u64,
    /// Samples that the measured CPU time should produce.
    pub expected_samples: Option<u64>,
    /// File in the run folder.
    pub file: String,
}

/// One assertion and its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssertionSummary {
    /// As it was written, e.g. `p95 < 300ms`.
    pub assertion: String,
    /// The endpoint it applies to; absent for the whole phase.
    pub endpoint: Option<String>,
    /// The phase that was evaluated.
    pub phase: String,
    /// The measured figure, with its unit; `None` without data.
    pub actual: Option<String>,
    /// Values behind the figure.
    pub samples: u64,
    /// `pass`, `fail`, `inconclusive`.
    pub result: AssertionResult,
    /// The reason, when it is not a pass.
    pub why: Option<String>,
}

/// The result of one assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AssertionResult {
    /// The assertion holds.
    Pass,
    /// The assertion does not hold.
    Fail,
    /// Not enough data, or invalid data.
    Inconclusive,
}

/// The whole summary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Always the [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// Name of the run.
    pub run_id: String,
    /// Start, RFC 3339 in UTC.
    pub started: String,
    /// Version of kneepoint.
    pub kneepoint: String,
    /// The verdict, with its reasons.
    pub verdict: Verdict,
    /// Name of the topology.
    pub topology: String,
    /// What was loaded.
    pub target: String,
    /// The stages, in order.
    pub stages: Vec<StageRecord>,
    /// Results of the smoke crawl.
    pub smoke: SmokeSummary,
    /// The phases of load.
    pub load: Vec<LoadSummary>,
    /// The endpoints of each phase.
    pub endpoints: Vec<EndpointSummary>,
    /// What each tier used.
    pub tiers: Vec<TierSummary>,
    /// Caches in front of and within the application.
    pub cache: CacheSummary,
    /// Load of the database.
    pub db: DbSummary,
    /// The profiles that were taken.
    pub profiles: Vec<ProfileSummary>,
    /// Findings, by estimated saving.
    pub findings: Vec<Finding>,
    /// The assertions with their results.
    pub assertions: Vec<AssertionSummary>,
    /// What could not be measured.
    pub unmeasured: Vec<Unmeasured>,
}
