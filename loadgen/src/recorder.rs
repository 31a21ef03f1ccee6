//! The recorder: what ended goes in under one short lock, is taken out whole each second, merged and written elsewhere.
//!
//! Hot path: [`Recorder::record`]. Everything else happens on the collector's thread.

mod exemplars;
mod files;
mod groups;
mod hit;
mod ledger;
mod shard;
mod stages;
mod tally;
mod told;

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

pub(crate) use files::{
    Endpoint, PhaseFiles, PlanRecord, Tag, TallyLine, assets_name, endpoints_of, groups_of, names, number_of,
    split_tag,
};
pub(crate) use groups::{GroupSeries, Left};
pub(crate) use hit::{Hit, Hop, Told};
pub(crate) use ledger::Ledger;
pub(crate) use shard::{Series, Shard};

use crate::page::PageHit;
use crate::window::Window;

/// Takes what ended, from the generator's thread.
pub(crate) struct Recorder {
    window: Window,
    /// Ends of the stages, where the rate changes.
    stages: Vec<Instant>,
    shard: Mutex<Box<Shard>>,
}

impl Recorder {
    pub(crate) fn new(window: Window, stages: Vec<Instant>, endpoints: usize) -> Self {
        Self { window, stages, shard: Mutex::new(Box::new(Shard::new(endpoints))) }
    }

    /// The stage that a moment belongs to.
    fn stage(&self, due: Instant) -> Option<usize> {
        if self.stages.is_empty() || !self.window.measures(due) {
            return None;
        }
        Some(self.stages.partition_point(|end| *end <= due).min(self.stages.len() - 1))
    }

    /// Counts one request that ended.
    pub(crate) fn record(&self, hit: &Hit<'_>) {
        let stage = self.stage(hit.counted);
        self.lock().record(hit, &self.window, stage);
    }

    /// Counts one page that ended.
    pub(crate) fn page(&self, hit: &PageHit) {
        self.lock().page(hit, self.window.measures(hit.due));
    }

    /// Counts one request that became due.
    pub(crate) fn due(&self, due: Instant) {
        let stage = self.stage(due);
        self.lock().due(self.window.measures(due), stage);
    }

    /// Counts a journey that ended.
    pub(crate) fn journey(&self, ended: Instant, completed: bool) {
        if self.window.measures(ended) {
            let mut shard = self.lock();
            if completed {
                shard.journeys += 1;
            } else {
                shard.journeys_failed += 1;
            }
        }
    }

    /// Counts a journey that left a group of steps.
    pub(crate) fn left(&self, group: usize, left: Left, due: Instant, done: Instant) {
        if self.window.measures(due) {
            self.lock().groups.count(group, left, done.saturating_duration_since(due));
        }
    }

    /// Counts a journey that was not begun, because this feed had no row for it.
    pub(crate) fn dry(&self, due: Instant, feed: usize) {
        if self.window.measures(due) {
            *self.lock().dry.entry(feed).or_default() += 1;
        }
    }

    /// Takes out what was recorded since the last time, and puts an empty shard in its place.
    pub(crate) fn swap(&self, empty: Box<Shard>) -> Box<Shard> {
        std::mem::replace(&mut *self.lock(), empty)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Box<Shard>> {
        self.shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
