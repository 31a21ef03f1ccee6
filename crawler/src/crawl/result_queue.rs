//! Returns results in request order, so that the same site gives the same crawl, but waits only briefly for a missing
//! one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::page::PageVisit;

/// How long later results wait for an earlier one.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// Results that wait for earlier ones.
#[derive(Debug, Default)]
pub(super) struct ResultQueue {
    outstanding: BTreeMap<u64, Instant>,
    ready: BTreeMap<u64, PageVisit>,
}

impl ResultQueue {
    /// Registers a request whose result will follow.
    pub(super) fn expect(&mut self, number: u64) {
        self.outstanding.insert(number, Instant::now());
    }
    /// Adds the result of a request.
    pub(super) fn insert(&mut self, number: u64, visit: PageVisit) {
        self.outstanding.remove(&number);
        self.ready.insert(number, visit);
    }
    /// True when no result waits.
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }
    /// Stops waiting for results that will not come, once no request is in flight.
    pub(super) fn forget_missing(&mut self) {
        self.outstanding.clear();
    }
    /// Takes the first result, even when an earlier one is missing.
    pub(super) fn take_any(&mut self) -> Option<PageVisit> {
        self.ready.pop_first().map(|(_, visit)| visit)
    }
    /// Takes the next result, unless an earlier one is in flight and not overdue.
    pub(super) fn take(&mut self) -> Option<PageVisit> {
        let (first, _) = self.ready.first_key_value()?;
        let earlier = self.outstanding.range(..*first).any(|(_, since)| since.elapsed() < MAX_WAIT);
        if earlier { None } else { self.take_any() }
    }
}
