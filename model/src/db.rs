//! `db/<phase>.json`: the counters of the databases and caches over one phase of load.
//!
//! All figures are *deltas* over the window, never totals since the server's start, unless a field says that it is a state
//! at the window's end. kneepoint's own statements are excluded. The window begins with the measured part of the phase and
//! ends after the last response, when the server is idle again; [`CoveredRequests`] contains the number of requests to divide
//! by.
//!
//! All texts (statements, samples, plans, versions) are untrusted input: they are bounded here and must be escaped by every
//! renderer. String literals are masked before they reach this file, because a session key is a cookie.

mod cache;
mod server;
mod statement;

pub use cache::{CacheKind, CacheWindow, CommandDelta};
pub use server::{
    BufferPool, DatabaseWindow, DbKind, DbServer, DbSettings, LockDeltas, ServerErrorDelta, StatusDeltas,
};
pub use statement::{
    DigestDelta, QueryPlan, QueryPlanForm, SessionKind, SessionStatements, StatementSample, StatementSums,
    Verb,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::load::LoadPhase;
use crate::units::{Micros, PerSecond, UnixMillis};
use crate::unmeasured::Unmeasured;

/// The counters of databases and caches over one phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DbWindow {
    /// Version of this file's format.
    pub format_version: u32,
    /// Name of the phase: `closed`, `open`, `profiled`.
    pub phase: String,
    /// When the counters were first read.
    pub from_ms: UnixMillis,
    /// When they were read again, after the drain.
    pub until_ms: UnixMillis,
    /// The requests that the window covers.
    pub requests: CoveredRequests,
    /// How long the servers worked on after the last request.
    pub drain: Drain,
    /// The database servers, in the order of `stack.json`.
    pub databases: Vec<DatabaseWindow>,
    /// The cache servers, in the order of `stack.json`.
    pub caches: Vec<CacheWindow>,
    /// Figures that were requested but are not available, each with its fix.
    pub unmeasured: Vec<Unmeasured>,
}

impl CoveredRequests {
    /// Pure: the requests of a phase whose counters were first read at `from`.
    ///
    /// Requests that began before a late first reading are outside of the window; those that were in flight at the beginning of
    /// the measured part are partly inside.
    pub fn for_phase(phase: &LoadPhase, from: UnixMillis) -> Self {
        let in_flight =
            phase.seconds.iter().rfind(|second| second.warmup).map_or(0, |second| second.in_flight);
        Self::covering(phase.requests, phase.achieved_rps, in_flight, (phase.measured_from_ms, from))
    }

    fn covering(
        counted: u64,
        rate: PerSecond,
        in_flight: u64,
        (measured, read): (UnixMillis, UnixMillis),
    ) -> Self {
        let (late, early) = (read - measured, measured - read);
        let meanwhile = (late + early).as_f64() / 1000.0 * rate.0;
        Self {
            counted,
            uncertain: in_flight + meanwhile.ceil() as u64,
            late_us: Micros(late.0 * 1_000),
            early_us: Micros(early.0 * 1_000),
        }
    }
}

impl DbWindow {
    /// Length of the window in seconds.
    pub fn seconds(&self) -> f64 {
        (self.until_ms - self.from_ms).as_f64() / 1000.0
    }

    /// A count of the window per request; `None` when no request fell in it.
    pub fn per_request(&self, count: u64) -> Option<f64> {
        (self.requests.counted > 0).then(|| count as f64 / self.requests.counted as f64)
    }
}

/// Which requests the counters of a window belong to.
///
/// The load's own figures hold the requests that were *due in the measured part*; the servers count all their work in
/// the window. Both cover the same requests except for those in flight when the window began and those that began before the
/// first reading was done: together [`CoveredRequests::uncertain`]. A figure per request is therefore known to
/// `uncertain / counted`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CoveredRequests {
    /// Requests that were due in the measured part, whatever their outcome: the divisor.
    pub counted: u64,
    /// Requests that may be partly or completely outside of the window.
    pub uncertain: u64,
    /// How long after the beginning of the measured part the first reading was done.
    pub late_us: Micros,
    /// How long before it the first reading was done; one of the two is zero.
    pub early_us: Micros,
}

/// How long the servers worked on after the last request: a server still works on requests that the client has given up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drain {
    /// The time until then.
    pub took_us: Micros,
    /// True when three readings in a row contained no new statement; false at the deadline: then the counters may include work
    /// of uncounted requests or lack work of counted ones.
    pub settled: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../tests/data/db-closed.json");

    #[test]
    fn a_stored_window_is_parsed_and_written_unchanged() {
        let window: DbWindow = serde_json::from_str(SAMPLE).expect("the sample is of this format");
        let again = serde_json::to_value(&window).expect("write");
        let text: serde_json::Value = serde_json::from_str(SAMPLE).expect("JSON");
        assert_eq!(again, text);
        assert!(!window.databases[0].statements.is_empty() && !window.caches.is_empty());
        assert!(window.seconds() > 1.0 && window.requests.counted > 0);
    }

    #[test]
    fn requests_in_flight_and_requests_before_the_reading_are_uncertain() {
        let covered =
            |read| CoveredRequests::covering(500, PerSecond(50.0), 8, (UnixMillis(1_000), UnixMillis(read)));
        let late = covered(1_030);
        assert_eq!(
            (late.counted, late.uncertain, late.late_us, late.early_us),
            (500, 10, Micros(30_000), Micros(0))
        );
        assert_eq!((covered(999).uncertain, covered(999).early_us), (9, Micros(1_000)));
        assert_eq!(covered(1_000).uncertain, 8);
    }

    #[test]
    fn without_requests_there_is_no_figure_per_request() {
        assert_eq!(DbWindow::default().per_request(7), None);
        let requests = CoveredRequests { counted: 4, ..CoveredRequests::default() };
        assert_eq!(DbWindow { requests, ..DbWindow::default() }.per_request(6), Some(1.5));
    }
}
