//! One request that ended, with all its times.

use std::time::{Duration, Instant};

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::outcome::Outcome;
use kneepoint_model::page::PageCounts;
use kneepoint_model::server_timing::ServerTiming;

use crate::transport::{ResponseHead, TraceId};

/// A request that ended, well or not. ExchangeTimes that were never reached are absent.
pub(crate) struct CompletedRequest<'a> {
    pub(crate) endpoint: usize,
    /// Intended start.
    pub(crate) due: Instant,
    /// The moment that decides whether and in which stage it counts: its own due, or that of the page it belongs to.
    pub(crate) counted: Instant,
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
    /// Of `wire`, what has no known decoded size, and is not in `body`.
    pub(crate) undecoded: u64,
    pub(crate) compressed: bool,
    /// What the cache said, when an answer came.
    pub(crate) cache: Option<CacheOutcome>,
    /// What each answer (redirects are answers) said of its own time.
    pub(crate) hops: &'a [HopTiming],
    pub(crate) path: &'a str,
    pub(crate) trace: TraceId,
    pub(crate) detail: &'a str,
    /// The last answer, when one came.
    pub(crate) answer: Option<RecordedHead<'a>>,
}

/// A page that ended, well or not.
pub(crate) struct CompletedPage {
    /// Of its document.
    pub(crate) endpoint: usize,
    /// When the step was due.
    pub(crate) due: Instant,
    /// End of the last asset, or of the document when there was none.
    pub(crate) done: Instant,
    pub(crate) counts: PageCounts,
}

/// The head of an answer, and what of it must not be kept.
#[derive(Clone, Copy)]
pub(crate) struct RecordedHead<'a> {
    pub(crate) head: &'a ResponseHead,
    pub(crate) secrets: &'a [String],
}

/// One answer's own account.
pub(crate) struct HopTiming {
    pub(crate) timing: ServerTiming,
    /// Out of a cache: what it says was said of another request, and only its route holds for this one.
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
