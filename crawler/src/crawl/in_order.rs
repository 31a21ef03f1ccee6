//! Results in the order of asking, so that the same site gives the same crawl; but none waits long for another.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::page::Seen;

/// How long later results wait for an earlier one.
const IN_ORDER: Duration = Duration::from_secs(1);

/// Results that wait for their turn.
#[derive(Debug, Default)]
pub(super) struct InOrder {
    outstanding: BTreeMap<u64, Instant>,
    ready: BTreeMap<u64, Seen>,
}

impl InOrder {
    /// A page was asked for.
    pub(super) fn asked(&mut self, number: u64) {
        self.outstanding.insert(number, Instant::now());
    }
    /// Its result is there.
    pub(super) fn done(&mut self, number: u64, seen: Seen) {
        self.outstanding.remove(&number);
        self.ready.insert(number, seen);
    }
    /// No result waits.
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }
    /// Nothing is under way any more, so nothing needs to be waited for.
    pub(super) fn forget_missing(&mut self) {
        self.outstanding.clear();
    }
    /// The first result, whether or not it is its turn.
    pub(super) fn take_any(&mut self) -> Option<Seen> {
        self.ready.pop_first().map(|(_, seen)| seen)
    }
    /// The next result whose turn it is: nothing earlier is outstanding, or has been for too long.
    pub(super) fn take(&mut self) -> Option<Seen> {
        let (first, _) = self.ready.first_key_value()?;
        let earlier = self.outstanding.range(..*first).any(|(_, since)| since.elapsed() < IN_ORDER);
        if earlier { None } else { self.take_any() }
    }
}
