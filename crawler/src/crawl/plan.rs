//! What a crawl is asked to do, with bounds that end it on any site.

use std::time::Duration;

use kneepoint_model::via::Via;
use url::Url;

use crate::USER_AGENT;

/// What to crawl, and how far.
#[derive(Debug, Clone)]
pub struct CrawlPlan {
    /// The start page; the crawl stays within its origin.
    pub base_url: Url,
    /// Value of `Host`, when connections go to another address than the site's name.
    pub host_header: Option<String>,
    /// How connections to the site are made.
    pub via: Via,
    /// Most URLs visited.
    pub max_pages: usize,
    /// Most clicks from the start; style sheets and images do not count as a click.
    pub max_depth: u32,
    /// Ends the crawl, whatever is left.
    pub max_seconds: u64,
    /// Requests under way at once.
    pub concurrency: usize,
    /// For one exchange, from the start to the last byte.
    pub timeout: Duration,
    /// How kneepoint introduces itself.
    pub user_agent: String,
    /// Further paths to start from; visited even where robots.txt says no, because they were named.
    pub extra_paths: Vec<String>,
    /// Regular expressions on path and query; what matches is left alone.
    pub ignore: Vec<String>,
    /// Most URLs visited that share a path and differ in the query only.
    pub query_variants: u32,
    /// Most URLs visited whose paths look alike once numbers are masked.
    pub per_template: u32,
}

impl CrawlPlan {
    /// A plan with the usual bounds.
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
