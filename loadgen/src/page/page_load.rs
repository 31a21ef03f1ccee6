//! The time of a whole page, and its assets.
//!
//! One that is dropped before its end (the phase was stopped) is recorded as censored with the time that it has lasted, as its
//! requests are.

use std::time::Instant;

use kneepoint_model::page::PageCounts;

use crate::phase::context::PhaseContext;
use crate::recorder::CompletedPage;

/// A page that is being loaded.
pub(super) struct PageLoad<'a> {
    context: &'a PhaseContext,
    endpoint: usize,
    due: Instant,
    pub(super) counts: PageCounts,
    finished: bool,
}

impl<'a> PageLoad<'a> {
    pub(super) fn begin(context: &'a PhaseContext, endpoint: usize, due: Instant) -> Self {
        Self { context, endpoint, due, counts: PageCounts::default(), finished: false }
    }

    /// Records the end of the page.
    pub(super) fn finish(mut self, done: Instant, document_came: bool) {
        self.finished = true;
        let end = match (document_came, self.counts.assets_failed) {
            (false, _) => &mut self.counts.failed,
            (true, 0) => &mut self.counts.whole,
            (true, _) => &mut self.counts.incomplete,
        };
        *end = 1;
        self.record(done);
    }

    fn record(&mut self, done: Instant) {
        self.counts.pages = 1;
        self.context.recorder.record_page(&CompletedPage {
            endpoint: self.endpoint,
            due: self.due,
            done,
            counts: self.counts,
        });
    }
}

impl Drop for PageLoad<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.counts.censored = 1;
            self.record(Instant::now());
        }
    }
}
