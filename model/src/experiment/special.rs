//! Two special experiments: lost updates by isolation level and purchase code, and requests lost during a rollout.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::correctness::StockAudit;
use crate::histogram::Quantiles;
use crate::units::{Micros, PerSecond, Ratio};

/// Results of one purchase code at one isolation level while many users buy the same book.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LostUpdateRow {
    /// Isolation level, as the database names it.
    pub isolation: String,
    /// The purchase code, e.g. `naive`.
    pub code: String,
    /// How often a purchase is retried after a deadlock.
    pub retries: u32,
    /// How it went.
    pub outcome: CodeOutcome,
}

/// The result of one cell of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum CodeOutcome {
    /// The cell was loaded, with these results.
    Ran {
        /// Purchases that the site confirmed, per second.
        bought: PerSecond,
        /// Purchases that were attempted.
        tried: u64,
        /// Of those, purchases with an error response (sold out is none).
        failed: u64,
        /// Of those tried, the share that failed.
        failed_share: Option<Ratio>,
        /// Deadlocks that the database counted; absent where it does not.
        deadlocks: Option<u64>,
        /// Waits for a row lock that the database counted.
        lock_waits: Option<u64>,
        /// Stock and orders before and after.
        audit: StockAudit,
        /// Copies sold but not in stock: (sold + in stock) after − (sold + in stock) before.
        oversold: i64,
    },
    /// It could not be run.
    NotRun {
        /// The reason, in words.
        why: String,
    },
}

/// Isolation level × purchase code, on one hot row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LostUpdateTable {
    /// The number of concurrent buyers.
    pub buyers: u32,
    /// How long each cell was loaded.
    pub cell_us: Micros,
    /// Name and version of the database.
    pub database: String,
    /// One row for each combination.
    pub rows: Vec<LostUpdateRow>,
    /// Conclusions from the rows, in full sentences.
    pub conclusions: Vec<String>,
}

/// A replacement of the running servers while users are on the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rollout {
    /// One server (or worker) after the other is replaced.
    RollingRestart,
    /// A second set of servers is started, traffic is switched to it, and the first set is stopped.
    BlueGreen,
    /// The server is stopped and started again: the baseline that the two others improve on.
    RestartHard,
}

impl Rollout {
    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RollingRestart => "rolling-restart",
            Self::BlueGreen => "blue-green",
            Self::RestartHard => "restart-hard",
        }
    }
}

/// The effect of a rollout on users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RolloutResult {
    /// The rollout that was made.
    #[serde(rename = "manoeuvre")]
    pub rollout: Rollout,
    /// Arrivals per second, independent of the responses.
    pub rate: PerSecond,
    /// Requests over the whole phase.
    pub requests: u64,
    /// Requests that were lost: refused, cut off, timed out, or with an error response.
    pub lost: u64,
    /// The lost requests by outcome.
    pub how: std::collections::BTreeMap<crate::outcome::Outcome, u64>,
    /// Response times from the intended start.
    pub response_us: Quantiles,
    /// How long the rollout itself took.
    pub took_us: Micros,
    /// Why it failed or is invalid; `None` when it is neither.
    pub trouble: Option<String>,
}
