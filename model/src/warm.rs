//! `warm.json`: the rounds of requests until the site was in a steady state.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Micros, Ratio};

/// One round of requests to all pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WarmRound {
    /// Requests of this round.
    pub requests: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Median response time.
    pub p50_us: Micros,
    /// 95th percentile of response time.
    pub p95_us: Micros,
    /// Share of responses that a cache served, where a cache reports it.
    pub hit_ratio: Option<Ratio>,
}

/// All warm-up rounds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WarmResult {
    /// Version of this file's format.
    pub format_version: u32,
    /// Paths, heaviest first, as they were requested.
    pub pages: Vec<String>,
    /// The rounds, in order.
    pub rounds: Vec<WarmRound>,
    /// True when response times (and the hit ratio) reached a steady state within the allowed rounds.
    #[serde(rename = "flat")]
    pub steady: bool,
    /// How long it took.
    pub took_us: Micros,
}
