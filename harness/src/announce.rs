//! Distributes events: to the console, to `events.jsonl` in the run folder, and to the full-screen view and the OTLP exporter
//! when they are used.
//!
//! While the view owns the terminal, console lines are held back; they are written when it ends.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use kneepoint_live::{CpuUsage, Exporter, Update, View};
use kneepoint_model::event::{Event, EventSink};
use kneepoint_model::live::{Interest, LiveSecond};
use kneepoint_model::run::LineWriter;
use kneepoint_model::sample::ResourceSample;
use kneepoint_model::stage::Stage;
use kneepoint_model::units::UnixMillis;
use serde::Serialize;

use crate::console::Console;

/// Shortest time between two progress events in `events.jsonl`; all other events are written.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);
/// Most lines that are held back; the oldest are dropped.
const MAX_HELD: usize = 10_000;

/// The event sink of all stages.
pub(crate) struct Announcer {
    console: Console,
    journal: Mutex<Option<Journal>>,
    view: OnceLock<View>,
    held: Mutex<Vec<HeldLine>>,
    exporter: OnceLock<Exporter>,
}

/// A console line to be written after the view is closed.
enum HeldLine {
    Event(Event),
    Heading(String),
}

struct Journal {
    run: Arc<str>,
    lines: LineWriter,
    last_progress: Option<Instant>,
}

#[derive(Serialize)]
struct JournalLine<'a> {
    at_ms: UnixMillis,
    #[serde(flatten)]
    event: &'a Event,
}

impl Announcer {
    pub(crate) fn new(console: Console) -> Self {
        Self {
            console,
            journal: Mutex::new(None),
            view: OnceLock::new(),
            held: Mutex::default(),
            exporter: OnceLock::new(),
        }
    }

    /// Writes a heading before a rung or a toggle.
    pub(crate) fn announce_heading(&self, text: &str) {
        if let Some(view) = self.visible_view() {
            view.update(Update::Heading(text.to_owned()));
            self.hold_back(HeldLine::Heading(text.to_owned()));
        } else {
            self.print_held_back();
            self.console.print_heading(text);
        }
    }

    /// Also writes events to the journal of this run from now on.
    pub(crate) fn record_in(&self, run: &str, lines: LineWriter) {
        *self.journal.lock().expect("no holder of this lock panics") =
            Some(Journal { run: run.into(), lines, last_progress: None });
    }

    /// Also sends figures of load to a collector from now on, until [`Announcer::close`].
    pub(crate) fn set_exporter(&self, exporter: Exporter) {
        let _ = self.exporter.set(exporter);
    }

    /// Opens the full-screen view until [`Announcer::close`]. Without a terminal this only emits a warning.
    pub(crate) fn open_view(&self, title: &str) {
        match View::open(title) {
            Ok(view) => drop(self.view.set(view)),
            Err(why) => {
                self.warn(
                    Stage::Up,
                    &format!("--watch has no effect: {why}; the run continues without the view"),
                );
            }
        }
    }

    /// Ends the export and the view, and writes the lines that were held back.
    pub(crate) fn close(&self) {
        if let Some(summary) = self.exporter.get().and_then(Exporter::finish) {
            self.warn_once_about_export();
            if summary.is_successful() {
                self.note(Stage::Load, &summary.describe());
            } else {
                self.warn(Stage::Load, &summary.describe());
            }
        }
        if let Some(view) = self.view.get() {
            view.close();
        }
        self.print_held_back();
    }

    /// Warns about the first failed export, once.
    fn warn_once_about_export(&self) {
        if let Some(warning) = self.exporter.get().and_then(Exporter::take_warning) {
            self.warn(Stage::Load, &warning);
        }
    }

    fn visible_view(&self) -> Option<&View> {
        self.view.get().filter(|view| view.is_shown())
    }

    fn hold_back(&self, line: HeldLine) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() == MAX_HELD {
            held.remove(0);
        }
        held.push(line);
    }

    fn print_held_back(&self) {
        if self.view.get().is_none() {
            return;
        }
        let held = std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner));
        for line in held {
            match line {
                HeldLine::Event(event) => self.console.print_event(event),
                HeldLine::Heading(text) => self.console.print_heading(&text),
            }
        }
    }
}

impl EventSink for Announcer {
    fn emit(&self, event: Event) {
        if let Some(journal) = self.journal.lock().expect("no holder of this lock panics").as_mut() {
            journal.record(&event);
        }
        if let Some(view) = self.visible_view() {
            view.update(Update::Event(event.clone()));
            // Starts and progress are of no use afterwards.
            if !matches!(event, Event::Progress { .. } | Event::StageStarted { .. }) {
                self.hold_back(HeldLine::Event(event));
            }
        } else {
            self.print_held_back();
            self.console.print_event(event);
        }
    }

    fn interest(&self) -> Interest {
        match (self.exporter.get(), self.visible_view()) {
            (Some(_), _) => Interest::Distributions,
            (None, Some(_)) => Interest::Figures,
            (None, None) => Interest::None,
        }
    }

    fn emit_second(&self, second: LiveSecond) {
        if let Some(view) = self.visible_view() {
            view.update(Update::Second(Box::new(second.figures())));
        }
        if let Some(exporter) = self.exporter.get() {
            let run = self
                .journal
                .lock()
                .expect("no holder of this lock panics")
                .as_ref()
                .map(|j| Arc::clone(&j.run));
            exporter.push(second, run.unwrap_or_default());
            self.warn_once_about_export();
        }
    }

    fn emit_sample(&self, sample: &ResourceSample) {
        if let Some(view) = self.visible_view() {
            view.update(Update::Cpu(CpuUsage::from_sample(sample)));
        }
    }
}

impl Journal {
    fn record(&mut self, event: &Event) {
        let now = Instant::now();
        if matches!(event, Event::Progress { .. }) {
            if self.last_progress.is_some_and(|last| now - last < PROGRESS_INTERVAL) {
                return;
            }
            self.last_progress = Some(now);
        }
        // A full disk must not end a measurement through its journal: writing the stage's own file will fail too.
        let _ = self.lines.append_json(&JournalLine { at_ms: UnixMillis::now(), event });
    }
}
