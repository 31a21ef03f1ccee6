//! What one user keeps between requests: random choices, cookies, the browser cache, and the current page.

use kneepoint_scenarios::UserContext;
use rand::RngExt as _;

use crate::page::BrowserCache;
use crate::transport::{RequestBuffers, TraceId};
use crate::user::cookies::CookieJar;
use crate::user::timeout::ReusableTimeout;

/// State of one user in one scenario.
pub(crate) struct UserSession {
    pub(crate) visit: UserContext,
    pub(crate) jar: CookieJar,
    /// Created when the first page is loaded with its assets.
    pub(crate) cache: Option<Box<BrowserCache>>,
    /// Path and query of the current page: relative links start from it.
    pub(crate) page_path: String,
    /// True until a journey was completed.
    pub(crate) is_first_journey: bool,
    pub(crate) timeout: ReusableTimeout,
    pub(crate) buffers: RequestBuffers,
}

impl UserSession {
    /// Equal seeds and users make equal journeys.
    pub(crate) fn new(seed: u64, user: u64) -> Self {
        Self {
            visit: UserContext::new(seed, user),
            jar: CookieJar::default(),
            cache: None,
            page_path: "/".into(),
            is_first_journey: true,
            timeout: ReusableTimeout::default(),
            buffers: RequestBuffers::default(),
        }
    }

    /// Becomes a new user with the same random stream.
    pub(crate) fn reset(&mut self) {
        self.visit.values.clear();
        self.jar.clear();
        self.cache = None;
        self.page_path.clear();
        self.page_path.push('/');
    }

    /// A trace id for one request; `nonce` keeps runs of the same seed apart in the server's logs.
    pub(crate) fn new_trace_id(&mut self, nonce: u64) -> TraceId {
        TraceId(
            self.visit.rng.random::<u128>() ^ (u128::from(nonce) << 64),
            self.visit.rng.random::<u64>() | 1,
        )
    }
}
