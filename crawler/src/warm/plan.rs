//! What the warming is asked to do.

use std::time::Duration;

use kneepoint_model::via::Via;
use url::Url;

use crate::USER_AGENT;

/// Which pages, how often, how long.
#[derive(Debug, Clone)]
pub struct WarmPlan {
    /// The site.
    pub base_url: Url,
    /// Value of `Host`, when connections go to another address than the site's name.
    pub host_header: Option<String>,
    /// How connections to the site are made.
    pub via: Via,
    /// Paths, heaviest first (see [`crate::warm_order`]).
    pub paths: Vec<String>,
    /// Requests under way at once, and how often each page is asked for in a round: at least the number of workers, so
    /// that every one of them gets its turn.
    pub concurrency: usize,
    /// Most rounds.
    pub max_rounds: usize,
    /// Ends the warming, flat or not.
    pub max_seconds: u64,
    /// For one exchange.
    pub timeout: Duration,
    /// How kneepoint introduces itself.
    pub user_agent: String,
}

impl WarmPlan {
    /// A plan with the usual bounds.
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
