//! An event sink for experiments, which bring up dozens of stacks: only their warnings and progress are of interest.

use kneepoint_model::event::{Event, EventSink};

/// Forwards warnings and progress; drops all other events.
pub(super) struct WarningsOnly<'a>(pub(super) &'a dyn EventSink);

impl EventSink for WarningsOnly<'_> {
    fn emit(&self, event: Event) {
        if matches!(event, Event::Warning { .. } | Event::Progress { .. }) {
            self.0.emit(event);
        }
    }
}
