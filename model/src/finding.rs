//! Findings: problems with their evidence, their cost and their fix.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tier::Tier;

/// How well a finding is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A single signal.
    Hint,
    /// Several signals agree.
    Likely,
    /// Observed directly, or shown by a counter-experiment: the opposite was tried and the effect disappeared.
    Proven,
}

/// The rules, one file each in `analysis/src/findings/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The generator or foreign CPU was the bottleneck.
    GeneratorLimited,
    /// More requests failed than the configuration allows.
    Errors,
    /// One statement per row.
    NPlusOne,
    /// Many statements per request without a slope to prove it.
    ManyQueries,
    /// A page that could be served from a cache is not.
    CacheMiss,
    /// A cache serves one user's page to another.
    UnsafeCache,
    /// Requests wait for a free worker.
    WorkerStarvation,
    /// The engine takes most of a request.
    SlowEngine,
    /// Compressible responses are sent uncompressed.
    Uncompressed,
    /// The application's database time is really waiting for a CPU.
    CpuStarvation,
    /// Pages without an upper bound on rows.
    NoPagination,
    /// The development server serves load.
    DevelopmentServer,
    /// The site runs with `DEBUG = True`.
    DebugMode,
    /// Copies were sold that were never taken from the stock.
    LostUpdate,
    /// A statement reads far more rows than it returns.
    MissingIndex,
    /// Counting all rows for a pager takes a large part of the database's time.
    CountPaging,
    /// Statements wait for row locks: a hot row.
    LockWaits,
    /// Transactions are rolled back because they waited for each other.
    Deadlocks,
    /// Plain reads take locks at SERIALIZABLE, and writers wait for them.
    SerializableReads,
    /// A database connection for each request.
    ConnectPerRequest,
    /// The buffer pool is smaller than what is read.
    BufferPool,
    /// Sorting and grouping spill into temporary tables on disk.
    TmpTables,
    /// The database refuses connections.
    MaxConnections,
    /// Most lookups in a cache miss.
    CacheHitRatio,
    /// A cache is configured but never used.
    CacheUnused,
}

impl Rule {
    /// The rule's name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GeneratorLimited => "generator-limited",
            Self::Errors => "errors",
            Self::NPlusOne => "n-plus-one",
            Self::ManyQueries => "many-queries",
            Self::CacheMiss => "cache-miss",
            Self::UnsafeCache => "unsafe-cache",
            Self::WorkerStarvation => "worker-starvation",
            Self::SlowEngine => "slow-engine",
            Self::Uncompressed => "uncompressed",
            Self::CpuStarvation => "cpu-starvation",
            Self::NoPagination => "no-pagination",
            Self::DevelopmentServer => "development-server",
            Self::DebugMode => "debug-mode",
            Self::LostUpdate => "lost-update",
            Self::MissingIndex => "missing-index",
            Self::CountPaging => "count-paging",
            Self::LockWaits => "lock-waits",
            Self::Deadlocks => "deadlocks",
            Self::SerializableReads => "serializable-reads",
            Self::ConnectPerRequest => "connect-per-request",
            Self::BufferPool => "buffer-pool",
            Self::TmpTables => "tmp-tables",
            Self::MaxConnections => "max-connections",
            Self::CacheHitRatio => "cache-hit-ratio",
            Self::CacheUnused => "cache-unused",
        }
    }
}

/// One piece of evidence: a statement with its numbers, and the file of the run folder that contains them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The statement with its numbers.
    pub text: String,
    /// File of the run folder, e.g. `probe.json`.
    pub source: String,
}

/// The estimated saving of the fix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Saving {
    /// Milliseconds of server time for each request concerned.
    pub ms_per_request: f64,
    /// Requests per second concerned, in the measured load.
    pub requests_per_second: f64,
    /// How the estimate was made, in words.
    pub basis: String,
}

impl Saving {
    /// Milliseconds saved in each second of load: what findings are sorted by.
    pub fn ms_per_second(&self) -> f64 {
        self.ms_per_request * self.requests_per_second
    }
}

/// A problem of the site with its evidence and its fix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable across runs: the same problem on the same route has the same id.
    pub id: String,
    /// The rule that produced it.
    pub rule: Rule,
    /// How well it is proven.
    pub severity: Severity,
    /// The affected tier.
    pub tier: Tier,
    /// The route or endpoint, when the finding concerns one.
    pub route: Option<String>,
    /// A summary of at most one line.
    pub title: String,
    /// The evidence, strongest first.
    pub evidence: Vec<Evidence>,
    /// The estimated saving of the fix; `None` when it cannot be estimated.
    pub saving: Option<Saving>,
    /// The fix, with the name of the field, directive or command.
    pub fix: String,
    /// A command or request that reproduces it.
    pub reproduce: String,
}

/// The stable id of a finding: `f-` and eight hex digits of FNV-1a over rule, tier and route.
pub fn finding_id(rule: Rule, tier: Tier, route: Option<&str>) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in rule
        .name()
        .bytes()
        .chain(*b"|")
        .chain(tier.name().bytes())
        .chain(*b"|")
        .chain(route.unwrap_or("").bytes())
    {
        hash ^= u64::from(byte);
        hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("f-{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_and_distinguish_routes() {
        let id = finding_id(Rule::NPlusOne, Tier::Server, Some("catalogue/"));
        assert_eq!(id, finding_id(Rule::NPlusOne, Tier::Server, Some("catalogue/")));
        assert_ne!(id, finding_id(Rule::NPlusOne, Tier::Server, Some("cart/")));
        assert_eq!(id.len(), 10);
    }
}
