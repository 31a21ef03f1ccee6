//! Experiments of their own kind: is anything lost under load, in the books of the shop or among its visitors?

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::correctness::StockAudit;
use crate::histogram::Quantiles;
use crate::units::{Micros, PerSecond, Ratio};

/// How one way of buying fared at one isolation level, many buyers wanting the same book.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LostUpdateRow {
    /// Isolation level, as the database names it.
    pub isolation: String,
    /// The way of buying, e.g. `naive`.
    pub code: String,
    /// How often a deadlock is tried again.
    pub retries: u32,
    /// How it went.
    pub outcome: CodeOutcome,
}

/// What came of one cell of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum CodeOutcome {
    /// It ran.
    Ran {
        /// Purchases that the buyers were told went well, per second.
        bought: PerSecond,
        /// Purchases tried.
        tried: u64,
        /// Of those, the buyer was shown an error (sold out is none).
        failed: u64,
        /// Of those tried, the share that failed.
        failed_share: Option<Ratio>,
        /// Deadlocks that the database counted; absent where it does not.
        deadlocks: Option<u64>,
        /// Waits for a row lock that the database counted.
        lock_waits: Option<u64>,
        /// The books of the shop before and after.
        audit: StockAudit,
        /// Copies sold that were not there: (sold + in stock) now − (sold + in stock) before.
        oversold: i64,
    },
    /// It could not be run.
    NotRun {
        /// Why.
        why: String,
    },
}

/// Isolation level × purchase code, on one hot row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LostUpdateTable {
    /// Buyers at the same time.
    pub buyers: u32,
    /// How long each cell was loaded.
    pub cell_us: Micros,
    /// What database, with its version.
    pub database: String,
    /// The cells.
    pub rows: Vec<LostUpdateRow>,
    /// What the table shows, in sentences; drawn from its rows.
    pub conclusions: Vec<String>,
}

/// A change of the stack while visitors are on the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Manoeuvre {
    /// One server after the other (or worker after worker) is replaced.
    RollingRestart,
    /// A second set of servers comes up, visitors are switched to it, the first one goes.
    BlueGreen,
    /// The server is stopped and started: what the two others avoid.
    RestartHard,
}

impl Manoeuvre {
    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RollingRestart => "rolling-restart",
            Self::BlueGreen => "blue-green",
            Self::RestartHard => "restart-hard",
        }
    }
}

/// What visitors noticed of a manoeuvre.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ManoeuvreResult {
    /// Which.
    pub manoeuvre: Manoeuvre,
    /// Visitors per second, whatever the site did.
    pub rate: PerSecond,
    /// Requests over the whole phase.
    pub requests: u64,
    /// Requests that were lost: refused, cut, timed out, or answered with an error.
    pub lost: u64,
    /// How they were lost.
    pub how: std::collections::BTreeMap<crate::outcome::Outcome, u64>,
    /// Response times, lateness included.
    pub response_us: Quantiles,
    /// How long the manoeuvre itself took.
    pub took_us: Micros,
    /// Why it could not be made or believed, where that is so.
    pub trouble: Option<String>,
}
