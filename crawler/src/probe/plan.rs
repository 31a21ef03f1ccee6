//! What the probing is asked to do.

use std::path::PathBuf;
use std::time::Duration;

use kneepoint_model::site::SiteMap;
use kneepoint_model::via::Via;
use url::Url;

use crate::USER_AGENT;

/// Which routes, how often, how long.
#[derive(Debug, Clone)]
pub struct ProbePlan {
    /// The site.
    pub base_url: Url,
    /// Value of `Host`, when connections go to another address than the site's name.
    pub host_header: Option<String>,
    /// How connections to the site are made.
    pub via: Via,
    /// What the crawl found.
    pub site: SiteMap,
    /// Where the application's probe writes the statements behind its digests, as JSON lines.
    pub statements: Option<PathBuf>,
    /// How often each route is asked for; the first time only warms it up. At least two.
    pub repeats: u32,
    /// Ends the probing, whatever is left.
    pub max_seconds: u64,
    /// Most routes, heaviest first.
    pub max_routes: usize,
    /// For one exchange.
    pub timeout: Duration,
    /// How kneepoint introduces itself.
    pub user_agent: String,
}

impl ProbePlan {
    /// A plan with the usual bounds.
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
