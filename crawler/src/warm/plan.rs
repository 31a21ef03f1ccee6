//! Settings of the warm-up.

use std::time::Duration;

use kneepoint_model::via::Via;
use url::Url;

use crate::USER_AGENT;

/// Which pages, how often, how long.
#[derive(Debug, Clone)]
pub struct WarmPlan {
    /// Base URL of the site.
    pub base_url: Url,
    /// Value of the `Host` header, when it differs from the host of the base URL.
    pub host_header: Option<String>,
    /// Unix socket and CA file of the connections.
    pub via: Via,
    /// Paths, heaviest first (see [`crate::warm_order`]).
    pub paths: Vec<String>,
    /// Requests in flight at the same time, and requests per page in a round: at least the number of workers, so
    /// that every worker gets one.
    pub concurrency: usize,
    /// Most rounds before warming ends.
    pub max_rounds: usize,
    /// Ends the warm-up after this time, steady or not.
    pub max_seconds: u64,
    /// Limit for one exchange.
    pub timeout: Duration,
    /// Value of the `User-Agent` header.
    pub user_agent: String,
}

impl WarmPlan {
    /// A plan with the default limits.
    pub fn new(base_url: Url, paths: Vec<String>) -> Self {
        Self {
            base_url,
            host_header: None,
            via: Via::default(),
            paths,
            concurrency: 4,
            max_rounds: 8,
            max_seconds: 30,
            timeout: Duration::from_secs(10),
            user_agent: USER_AGENT.to_owned(),
        }
    }
}
