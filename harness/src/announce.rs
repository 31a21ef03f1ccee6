//! Where announcements go: to the console for people, to `events.jsonl` for the run folder.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use kneepoint_model::event::{Event, EventSink};
use kneepoint_model::run::LineWriter;
use kneepoint_model::units::UnixMillis;
use serde::Serialize;

use crate::console::Console;

/// Progress is kept at most this often; every other announcement always.
const KEEP_PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// The sink that every stage is given.
pub(crate) struct Announcer {
    console: Console,
    journal: Mutex<Option<Journal>>,
}

struct Journal {
    lines: LineWriter,
    progress_kept: Option<Instant>,
}

#[derive(Serialize)]
struct Line<'a> {
    at_ms: UnixMillis,
    #[serde(flatten)]
    event: &'a Event,
}

impl Announcer {
    pub(crate) fn new(console: Console) -> Self {
        Self { console, journal: Mutex::new(None) }
    }

    /// A line for people before something long that has many stages.
    pub(crate) fn heading(&self, text: &str) {
        self.console.heading(text);
    }

    /// From now on announcements are kept in the run folder too.
    pub(crate) fn keep_in(&self, lines: LineWriter) {
        *self.journal.lock().expect("no holder of this lock panics") =
            Some(Journal { lines, progress_kept: None });
    }
}

impl EventSink for Announcer {
    fn emit(&self, event: Event) {
        if let Some(journal) = self.journal.lock().expect("no holder of this lock panics").as_mut() {
            journal.keep(&event);
        }
        self.console.show(event);
    }
}

impl Journal {
    fn keep(&mut self, event: &Event) {
        let now = Instant::now();
        if matches!(event, Event::Progress { .. }) {
            if self.progress_kept.is_some_and(|kept| now - kept < KEEP_PROGRESS_EVERY) {
                return;
            }
            self.progress_kept = Some(now);
        }
        // A full disk must not end a measurement through its journal: the stage's own file will say so.
        let _ = self.lines.json(&Line { at_ms: UnixMillis::now(), event });
    }
}
