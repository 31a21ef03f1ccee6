//! Settings of a crawl, with limits that end it on any site.

use std::time::Duration;

use kneepoint_model::via::Via;
use url::Url;

use crate::USER_AGENT;

/// What to crawl, and how far.
#[derive(Debug, Clone)]
pub struct CrawlPlan {
    /// Start page; the crawl stays within its origin.
    pub base_url: Url,
    /// Value of the `Host` header, when it differs from the host of the base URL.
    pub host_header: Option<String>,
    /// Unix socket and CA file of the connections.
    pub via: Via,
    /// Most URLs that are visited.
    pub max_pages: usize,
    /// Most clicks from the start page; style sheets and images do not count as a click.
    pub max_depth: u32,
    /// Ends the crawl after this time, finished or not.
    pub max_seconds: u64,
    /// Requests in flight at the same time.
    pub concurrency: usize,
    /// Limit for one exchange, from the start to the last byte.
    pub timeout: Duration,
    /// Value of the `User-Agent` header.
    pub user_agent: String,
    /// Further start paths; visited even when robots.txt disallows them, because the user named them.
    pub extra_paths: Vec<String>,
    /// Regular expressions on path and query; matching URLs are skipped.
    pub ignore: Vec<String>,
    /// Most visited URLs that differ only in the query.
    pub query_variants: u32,
    /// Most visited URLs that share a path template (see [`crate::path_template`]).
    pub per_template: u32,
}

impl CrawlPlan {
    /// A plan with the default limits.
    pub fn new(base_url: Url) -> Self {
        Self {
            base_url,
            host_header: None,
            via: Via::default(),
            max_pages: 500,
            max_depth: 10,
            max_seconds: 60,
            concurrency: 4,
            timeout: Duration::from_secs(10),
            user_agent: USER_AGENT.to_owned(),
            extra_paths: Vec::new(),
            ignore: Vec::new(),
            query_variants: 8,
            per_template: 20,
        }
    }
}
