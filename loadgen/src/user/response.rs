//! What the user reads from a response: reported timing, cache status, and values to extract.

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::server_timing::ServerTiming;
use kneepoint_scenarios::ExtractInput;

use crate::transport::ResponseHead;
use crate::user::cookies::CookieJar;

/// Timing that the server reports, if any.
pub(crate) fn server_timing(head: &ResponseHead) -> Option<ServerTiming> {
    let timing = ServerTiming::parse(head.get("server-timing")?);
    (!timing.is_empty()).then_some(timing)
}

/// Status that the caches in front of the server report.
pub(crate) fn cache_outcome(head: &ResponseHead) -> CacheOutcome {
    head.get("cache-status").map_or(CacheOutcome::None, CacheOutcome::parse_header)
}

/// The parts of a response from which values are extracted.
pub(crate) struct ResponseView<'a> {
    pub(crate) head: &'a ResponseHead,
    pub(crate) jar: &'a CookieJar,
    pub(crate) body: &'a str,
}

impl ExtractInput for ResponseView<'_> {
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
