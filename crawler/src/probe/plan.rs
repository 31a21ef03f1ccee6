//! Settings of the probe.

use std::path::PathBuf;
use std::time::Duration;

use kneepoint_model::site::SiteMap;
use kneepoint_model::via::Via;
use url::Url;

use crate::USER_AGENT;

/// Which routes, how often, how long.
#[derive(Debug, Clone)]
pub struct ProbePlan {
    /// Base URL of the site.
    pub base_url: Url,
    /// Value of the `Host` header, when it differs from the host of the base URL.
    pub host_header: Option<String>,
    /// Unix socket and CA file of the connections.
    pub via: Via,
    /// Map of the site from the crawl.
    pub site: SiteMap,
    /// JSON lines file in which the application's probe records the statements behind its digests.
    pub statements: Option<PathBuf>,
    /// Requests per route, at least two; the first only warms up.
    pub repeats: u32,
    /// Ends the probe after this time, finished or not.
    pub max_seconds: u64,
    /// Most routes that are probed, heaviest first.
    pub max_routes: usize,
    /// Limit for one exchange.
    pub timeout: Duration,
    /// Value of the `User-Agent` header.
    pub user_agent: String,
}

impl ProbePlan {
    /// A plan with the default limits.
    pub fn new(base_url: Url, site: SiteMap) -> Self {
        Self {
            base_url,
            host_header: None,
            via: Via::default(),
            site,
            statements: None,
            repeats: 5,
            max_seconds: 20,
            max_routes: 25,
            timeout: Duration::from_secs(10),
            user_agent: USER_AGENT.to_owned(),
        }
    }
}
