//! Findings: what is wrong, how that is known, what it costs and how to mend it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tier::Tier;

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth a look.
    Hint,
    /// The signals agree.
    Likely,
    /// Shown by a counter-experiment.
    Proven,
}

/// The rules, one file each in `analysis/findings/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The generator, or a neighbour, was the bottleneck.
    GeneratorLimited,
    /// Requests failed.
    Errors,
    /// One statement per row.
    NPlusOne,
    /// Many statements per request without a slope to prove it.
    ManyQueries,
    /// A page that could be served from a cache is not.
    CacheMiss,
    /// A cache shows one visitor's page to another.
    UnsafeCache,
    /// Requests wait for a free worker.
    WorkerStarvation,
    /// The engine takes most of a request.
    SlowEngine,
    /// Compressible answers travel uncompressed.
    Uncompressed,
    /// The application's database time is really waiting for a CPU.
    CpuStarvation,
    /// Pages without an upper bound on rows.
    NoPagination,
    /// The development server serves load.
    DevelopmentServer,
    /// `DEBUG = True`.
    DebugMode,
    /// Something was sold that was never taken from the stock.
    LostUpdate,
    /// A statement reads far more rows than it returns.
    MissingIndex,
    /// Counting all rows for a pager takes a good part of the database's time.
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
    /// A cache that is asked seldom has the answer.
    CacheHitRatio,
    /// A cache that is configured and never asked.
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

/// One piece of evidence: a sentence with its numbers, and the file of the run folder that holds them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The sentence.
    pub text: String,
    /// File of the run folder, e.g. `probe.json`.
    pub source: String,
}

/// What mending would save, as far as it can be estimated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Saving {
    /// Milliseconds of server time for each request concerned.
    pub ms_per_request: f64,
    /// Requests per second concerned, in the measured load.
    pub requests_per_second: f64,
    /// How the estimate was made, in one sentence.
    pub basis: String,
}

impl Saving {
    /// Milliseconds saved in each second of load: what findings are sorted by.
    pub fn ms_per_second(&self) -> f64 {
        self.ms_per_request * self.requests_per_second
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable across runs: the same trouble on the same route has the same id.
    pub id: String,
    /// Which rule.
    pub rule: Rule,
    /// How sure.
    pub severity: Severity,
    /// Where it hurts.
    pub tier: Tier,
    /// Which route or endpoint, when it is one.
    pub route: Option<String>,
    /// One line.
    pub title: String,
    /// How it is known.
    pub evidence: Vec<Evidence>,
    /// What mending would save.
    pub saving: Option<Saving>,
    /// What to do, naming field, directive or command.
    pub fix: String,
    /// How to see it again.
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
    fn ids_are_stable_and_tell_routes_apart() {
        let id = finding_id(Rule::NPlusOne, Tier::Server, Some("catalogue/"));
        assert_eq!(id, finding_id(Rule::NPlusOne, Tier::Server, Some("catalogue/")));
        assert_ne!(id, finding_id(Rule::NPlusOne, Tier::Server, Some("cart/")));
        assert_eq!(id.len(), 10);
    }
}
