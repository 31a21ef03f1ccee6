//! Events of a running stage. Stages emit them, the console renders them, `events.jsonl` stores them.

use serde::{Deserialize, Serialize};

use crate::live::{Interest, LiveSecond};
use crate::sample::ResourceSample;
use crate::stage::{Stage, StageStatus};

/// One event, as it is stored in `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A stage begins.
    StageStarted {
        /// The stage that begins.
        stage: Stage,
    },
    /// A stage has made progress.
    Progress {
        /// The stage that emits it.
        stage: Stage,
        /// Units that are done.
        done: u64,
        /// Units in all; `None` when that is not known.
        total: Option<u64>,
        /// The current action, in a few words.
        message: String,
    },
    /// An information that is neither progress nor a problem.
    Note {
        /// The stage that emits it.
        stage: Stage,
        /// The text of the note.
        message: String,
    },
    /// A problem that weakens the result.
    Warning {
        /// The stage that emits it.
        stage: Stage,
        /// The problem and its fix.
        message: String,
    },
    /// A stage has ended.
    StageEnded {
        /// The stage that emits it.
        stage: Stage,
        /// How it ended.
        status: StageStatus,
        /// How long it took, in seconds.
        seconds: f64,
    },
}

/// Receives events from any thread; must never block the caller for long.
pub trait EventSink: Send + Sync {
    /// Receives one event.
    fn emit(&self, event: Event);

    /// How much detail of the load this sink wants second by second; none unless somebody watches.
    fn interest(&self) -> Interest {
        Interest::None
    }
    /// Receives one second of load; it is computed only for sinks with an [`EventSink::interest`].
    fn emit_second(&self, _second: LiveSecond) {}
    /// Receives one sample of the resources of host and tiers.
    fn emit_sample(&self, _sample: &ResourceSample) {}

    /// Emits an [`Event::Progress`].
    fn progress(&self, stage: Stage, done: u64, total: Option<u64>, message: &str) {
        self.emit(Event::Progress { stage, done, total, message: message.to_owned() });
    }
    /// Emits an [`Event::Note`].
    fn note(&self, stage: Stage, message: &str) {
        self.emit(Event::Note { stage, message: message.to_owned() });
    }
    /// Emits an [`Event::Warning`].
    fn warn(&self, stage: Stage, message: &str) {
        self.emit(Event::Warning { stage, message: message.to_owned() });
    }
}

/// Discards every event: for tests and embedded use.
#[derive(Debug, Clone, Copy, Default)]
pub struct NullEventSink;

impl EventSink for NullEventSink {
    fn emit(&self, _event: Event) {}
}
