//! An answer as checks and extraction see it, and what it said of itself.

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::server_timing::ServerTiming;
use kneepoint_scenarios::ExtractInput;

use crate::coding::{Packing, decoded_len};
use crate::cookies::Jar;
use crate::transport::{Head, Reply};

/// How the body is packed.
pub(crate) fn packing(head: &Head) -> Packing {
    Packing::of(head.get("content-encoding"))
}

/// Its decoded length, as far as that can be told without decoding.
pub(crate) fn known_len(reply: &Reply) -> Option<u64> {
    decoded_len(packing(&reply.head), reply.wire, reply.tail)
}

/// What the server said of its own time.
pub(crate) fn server_timing(head: &Head) -> Option<ServerTiming> {
    let timing = ServerTiming::parse(head.get("server-timing")?);
    (!timing.is_empty()).then_some(timing)
}

/// What the caches in front said.
pub(crate) fn cache(head: &Head) -> CacheOutcome {
    head.get("cache-status").map_or(CacheOutcome::None, CacheOutcome::parse_header)
}

/// For extraction.
pub(crate) struct View<'a> {
    pub(crate) head: &'a Head,
    pub(crate) jar: &'a Jar,
    pub(crate) body: &'a str,
}

impl ExtractInput for View<'_> {
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
