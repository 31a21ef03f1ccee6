//! What a stage may announce while it works. Stages emit; the console renders; the journal keeps.

use serde::{Deserialize, Serialize};

use crate::live::{Interest, LiveSecond};
use crate::sample::ResourceSample;

/// The stages of a run, in the order of the sentence.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Bring the stack up.
    Up,
    /// Crawl the site.
    Smoke,
    /// Make caches and workers warm.
    Warm,
    /// Look at each route alone: queries by page size, caching, cost without queueing.
    Probe,
    /// Generate load while resources are sampled.
    Load,
    /// Profile every tier in a phase of its own.
    Profile,
    /// Take the stack down.
    Down,
    /// Think: a pure function of the folder.
    Analyse,
    /// Judge the assertions.
    Gate,
    /// Write the report.
    Report,
}

impl Stage {
    /// The stage's name in files and on the console.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Smoke => "smoke",
            Self::Warm => "warm",
            Self::Probe => "probe",
            Self::Load => "load",
            Self::Profile => "profile",
            Self::Down => "down",
            Self::Analyse => "analyse",
            Self::Gate => "gate",
            Self::Report => "report",
        }
    }
}

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StageStatus {
    /// Did all it should.
    Done,
    /// Did what could be done; what is missing is named in `manifest.json` under `unmeasured`.
    Degraded,
    /// Not asked for; or not begun, and then `unmeasured` in `manifest.json` says why.
    Skipped,
    /// Did not succeed.
    Failed,
    /// Cut off by a signal.
    Interrupted,
}

/// One announcement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A stage begins.
    StageStarted {
        /// Which.
        stage: Stage,
    },
    /// A stage has come further; `total` is absent when it is not known.
    Progress {
        /// Which.
        stage: Stage,
        /// Units done.
        done: u64,
        /// Units in all.
        total: Option<u64>,
        /// What is being done now, in a few words.
        message: String,
    },
    /// Something worth keeping that is neither progress nor a problem.
    Note {
        /// Which.
        stage: Stage,
        /// The sentence.
        message: String,
    },
    /// Something that weakens the result.
    Warning {
        /// Which.
        stage: Stage,
        /// The sentence, with what to do about it.
        message: String,
    },
    /// A stage has ended.
    StageEnded {
        /// Which.
        stage: Stage,
        /// How.
        status: StageStatus,
        /// How long it took, in seconds.
        seconds: f64,
    },
}

/// Takes announcements from any thread; must never block the caller for long.
pub trait EventSink: Send + Sync {
    /// Takes one announcement.
    fn emit(&self, event: Event);

    /// How much of load is wanted second by second; nothing unless somebody watches.
    fn interest(&self) -> Interest {
        Interest::None
    }
    /// Takes a second of load, which is put together only where there is [`EventSink::interest`].
    fn second(&self, _second: LiveSecond) {}
    /// Takes a sample of what host and tiers use.
    fn sample(&self, _sample: &ResourceSample) {}

    /// Announces progress.
    fn progress(&self, stage: Stage, done: u64, total: Option<u64>, message: &str) {
        self.emit(Event::Progress { stage, done, total, message: message.to_owned() });
    }
    /// Announces a note.
    fn note(&self, stage: Stage, message: &str) {
        self.emit(Event::Note { stage, message: message.to_owned() });
    }
    /// Announces a warning.
    fn warn(&self, stage: Stage, message: &str) {
        self.emit(Event::Warning { stage, message: message.to_owned() });
    }
}

/// Takes everything and keeps nothing: for tests and embedded use.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl EventSink for Silent {
    fn emit(&self, _event: Event) {}
}
