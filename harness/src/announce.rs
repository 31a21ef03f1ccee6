//! Where announcements go: to the console for people, to `events.jsonl` for the run folder, to the view and to a collector
//! of metrics where they are asked for.
//!
//! While the view has the terminal, lines for the console are held back; they are written when it ends.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use kneepoint_model::event::{Event, EventSink};
use kneepoint_model::live::{Interest, LiveSecond};
use kneepoint_model::run::LineWriter;
use kneepoint_model::sample::ResourceSample;
use kneepoint_model::stage::Stage;
use kneepoint_model::units::UnixMillis;
use serde::Serialize;

use crate::console::Console;
use crate::otlp::Exporter;
use crate::watch::{News, Use, View};

/// Progress is kept at most this often; every other announcement always.
const KEEP_PROGRESS_EVERY: Duration = Duration::from_secs(1);
/// More lines than this are not held back: the oldest are let go.
const MOST_HELD: usize = 10_000;

/// The sink that every stage is given.
pub(crate) struct Announcer {
    console: Console,
    journal: Mutex<Option<Journal>>,
    view: OnceLock<View>,
    held: Mutex<Vec<Held>>,
    exporter: OnceLock<Exporter>,
}

/// Something for the console, to be written when the view is over.
enum Held {
    Event(Event),
    Heading(String),
}

struct Journal {
    run: Arc<str>,
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
        Self {
            console,
            journal: Mutex::new(None),
            view: OnceLock::new(),
            held: Mutex::default(),
            exporter: OnceLock::new(),
        }
    }

    /// A line for people before something long that has many stages.
    pub(crate) fn heading(&self, text: &str) {
        if let Some(view) = self.shown() {
            view.put(News::Heading(text.to_owned()));
            self.hold(Held::Heading(text.to_owned()));
        } else {
            self.release();
            self.console.heading(text);
        }
    }

    /// From now on announcements are kept in the folder of this run too.
    pub(crate) fn keep_in(&self, run: &str, lines: LineWriter) {
        *self.journal.lock().expect("no holder of this lock panics") =
            Some(Journal { run: run.into(), lines, progress_kept: None });
    }

    /// From now on load is told to a collector of metrics too, until [`Announcer::close`].
    pub(crate) fn send_by(&self, exporter: Exporter) {
        let _ = self.exporter.set(exporter);
    }

    /// From now on announcements are shown in the view, until [`Announcer::close`]. Where there is no terminal, that is
    /// said, and everything goes on without.
    pub(crate) fn open_view(&self, title: &str) {
        match View::open(title) {
            Ok(view) => drop(self.view.set(view)),
            Err(why) => {
                self.warn(Stage::Up, &format!("--watch shows nothing: {why}; the run goes on without it"));
            }
        }
    }

    /// Ends what was opened, and writes the lines that were held back.
    pub(crate) fn close(&self) {
        if let Some(ending) = self.exporter.get().and_then(Exporter::finish) {
            self.complain();
            if ending.is_good() {
                self.note(Stage::Load, &ending.words());
            } else {
                self.warn(Stage::Load, &ending.words());
            }
        }
        if let Some(view) = self.view.get() {
            view.close();
        }
        self.release();
    }

    /// The first fault of the collector's, once.
    fn complain(&self) {
        if let Some(complaint) = self.exporter.get().and_then(Exporter::complaint) {
            self.warn(Stage::Load, &complaint);
        }
    }

    fn shown(&self) -> Option<&View> {
        self.view.get().filter(|view| view.is_shown())
    }

    fn hold(&self, line: Held) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() == MOST_HELD {
            held.remove(0);
        }
        held.push(line);
    }

    fn release(&self) {
        if self.view.get().is_none() {
            return;
        }
        let held = std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner));
        for line in held {
            match line {
                Held::Event(event) => self.console.show(event),
                Held::Heading(text) => self.console.heading(&text),
            }
        }
    }
}

impl EventSink for Announcer {
    fn emit(&self, event: Event) {
        if let Some(journal) = self.journal.lock().expect("no holder of this lock panics").as_mut() {
            journal.keep(&event);
        }
        if let Some(view) = self.shown() {
            view.put(News::Event(event.clone()));
            // What moves is not written afterwards.
            if !matches!(event, Event::Progress { .. } | Event::StageStarted { .. }) {
                self.hold(Held::Event(event));
            }
        } else {
            self.release();
            self.console.show(event);
        }
    }

    fn interest(&self) -> Interest {
        match (self.exporter.get(), self.shown()) {
            (Some(_), _) => Interest::Distributions,
            (None, Some(_)) => Interest::Figures,
            (None, None) => Interest::None,
        }
    }

    fn emit_second(&self, second: LiveSecond) {
        if let Some(view) = self.shown() {
            view.put(News::Second(Box::new(second.figures())));
        }
        if let Some(exporter) = self.exporter.get() {
            let run = self
                .journal
                .lock()
                .expect("no holder of this lock panics")
                .as_ref()
                .map(|j| Arc::clone(&j.run));
            exporter.put(second, run.unwrap_or_default());
            self.complain();
        }
    }

    fn emit_sample(&self, sample: &ResourceSample) {
        if let Some(view) = self.shown() {
            view.put(News::Use(Use::of(sample)));
        }
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
        let _ = self.lines.append_json(&Line { at_ms: UnixMillis::now(), event });
    }
}
