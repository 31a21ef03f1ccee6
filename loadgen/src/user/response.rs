//! An answer as checks and extraction see it, and what it said of itself.

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::server_timing::ServerTiming;
use kneepoint_scenarios::Answer;

use crate::transport::ResponseHead;
use crate::user::cookies::CookieJar;

/// What the server said of its own time.
pub(crate) fn server_timing(head: &ResponseHead) -> Option<ServerTiming> {
    let timing = ServerTiming::parse(head.get("server-timing")?);
    (!timing.is_empty()).then_some(timing)
}

/// What the caches in front said.
pub(crate) fn cache(head: &ResponseHead) -> CacheOutcome {
    head.get("cache-status").map_or(CacheOutcome::None, CacheOutcome::parse_header)
}

/// For extraction.
pub(crate) struct ResponseView<'a> {
    pub(crate) head: &'a ResponseHead,
    pub(crate) jar: &'a CookieJar,
    pub(crate) body: &'a str,
}

impl Answer for ResponseView<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name)
    }
    fn cookie(&self, name: &str) -> Option<String> {
        self.jar.get(name).map(str::to_owned)
    }
    fn body(&self) -> &str {
        self.body
    }
}
