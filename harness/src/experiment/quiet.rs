//! Stacks come and go by the dozen in an experiment: of what they announce only warnings are worth a line.

use kneepoint_model::event::{Event, EventSink};

/// Passes warnings and progress on, and keeps the rest to itself.
pub(super) struct Quietly<'a>(pub(super) &'a dyn EventSink);

impl EventSink for Quietly<'_> {
    fn emit(&self, event: Event) {
        if matches!(event, Event::Warning { .. } | Event::Progress { .. }) {
            self.0.emit(event);
        }
    }
}
