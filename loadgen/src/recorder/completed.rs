//! What the recorder receives: requests and page loads that ended.

use std::time::{Duration, Instant};

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::outcome::Outcome;
use kneepoint_model::page::PageCounts;
use kneepoint_model::server_timing::ServerTiming;

use crate::transport::{ResponseHead, TraceId};

/// A request that ended, successful or not. Times that were never reached are absent.
pub(crate) struct CompletedRequest<'a> {
    pub(crate) endpoint: usize,
    /// Intended start of the request.
    pub(crate) due: Instant,
    /// Decides whether and in which segment the request counts: its own due time, or that of its page.
    pub(crate) counted_at: Instant,
    /// Dispatch minus intended start (open model).
    pub(crate) lag: Option<Duration>,
    /// Wait for a slot (open model).
    pub(crate) pool_wait: Option<Duration>,
    pub(crate) sent: Option<Instant>,
    pub(crate) first_byte: Option<Instant>,
    pub(crate) done: Instant,
    pub(crate) connect: Option<Duration>,
    pub(crate) tls: Option<Duration>,
    /// Redirects that were followed.
    pub(crate) redirects: u32,
    pub(crate) outcome: Outcome,
    pub(crate) status: Option<u16>,
    pub(crate) wire: u64,
    pub(crate) body: u64,
    /// The part of `wire` whose decoded size is not known, and not in `body`.
    pub(crate) undecoded: u64,
    pub(crate) compressed: bool,
    /// Reported by the caches, when there was a response.
    pub(crate) cache: Option<CacheOutcome>,
    /// Timing reported by each response, those with a redirect included.
    pub(crate) hops: &'a [HopTiming],
    pub(crate) path: &'a str,
    pub(crate) trace: TraceId,
    pub(crate) detail: &'a str,
    /// The last response, when there was one.
    pub(crate) response: Option<RecordedHead<'a>>,
}

/// A page load that ended, successful or not.
pub(crate) struct CompletedPage {
    /// Endpoint of its document.
    pub(crate) endpoint: usize,
    /// When the step was due.
    pub(crate) due: Instant,
    /// End of the last asset, or of the document when there was none.
    pub(crate) done: Instant,
    pub(crate) counts: PageCounts,
}

/// The head of a response, and the texts that must not be stored.
#[derive(Clone, Copy)]
pub(crate) struct RecordedHead<'a> {
    pub(crate) head: &'a ResponseHead,
    pub(crate) secrets: &'a [String],
}

/// Timing reported by one response.
pub(crate) struct HopTiming {
    pub(crate) timing: ServerTiming,
    /// From a cache: the reported timing belongs to another request, and only its route is valid for this one.
    pub(crate) stored: bool,
    pub(crate) service: Duration,
    pub(crate) ttfb: Duration,
}

impl CompletedRequest<'_> {
    pub(crate) fn response(&self) -> Duration {
        self.done.saturating_duration_since(self.due)
    }
    pub(crate) fn service(&self) -> Option<Duration> {
        self.sent.map(|sent| self.done.saturating_duration_since(sent))
    }
    pub(crate) fn ttfb(&self) -> Option<Duration> {
        Some(self.first_byte?.saturating_duration_since(self.sent?))
    }
}
