//! `warm.json`: how the site became warm.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Micros, Ratio};

/// One pass over the pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WarmRound {
    /// Requests made.
    pub requests: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Median response time.
    pub p50_us: Micros,
    /// 95th percentile of response time.
    pub p95_us: Micros,
    /// Share of answers that a cache gave, where a cache speaks.
    pub hit_ratio: Option<Ratio>,
}

/// The warming.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WarmResult {
    /// Version of this file's format.
    pub format_version: u32,
    /// Paths, heaviest first, as they were requested.
    pub pages: Vec<String>,
    /// The rounds, in order.
    pub rounds: Vec<WarmRound>,
    /// True when response times (and the hit ratio) had become flat before the rounds ran out.
    pub flat: bool,
    /// How long it took.
    pub took_us: Micros,
}
