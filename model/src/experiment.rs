//! `experiment.json`: pieces of advice put to the test, each with and without, and what came of it.
//!
//! An experiment loads two stacks that differ in one thing, in short blocks that alternate (A B B A …). Two neighbouring
//! blocks, one of each, are a pair; the verdict is drawn from the pairs alone, so that it can be drawn again from the file.

mod signal;
mod special;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use signal::{Nature, Scale, Signal};
pub use special::{CodeOutcome, LostUpdateRow, LostUpdateTable, Manoeuvre, ManoeuvreResult};

use crate::manifest::HostInfo;
use crate::units::{Micros, Ratio};

/// With the advice followed, or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// As it was before.
    Without,
    /// As the advice has it.
    With,
}

impl Side {
    /// The word in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Without => "without",
            Self::With => "with",
        }
    }

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Without => Self::With,
            Self::With => Self::Without,
        }
    }
}

/// What an experiment says of a piece of advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// The deciding signal got better, by more than the least effect that matters.
    Helps,
    /// It got worse by as much, or following the advice is not safe.
    Hurts,
    /// Neither; the smallest effect that would have been seen is said with it.
    NoEffectSeen,
    /// The measurement cannot be believed.
    Invalid,
}

impl Judgement {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Helps => "helps",
            Self::Hurts => "hurts",
            Self::NoEffectSeen => "no effect seen",
            Self::Invalid => "invalid",
        }
    }
}

/// What was found before, by hand, on another machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// It helped.
    Helps,
    /// It hurt.
    Hurts,
    /// Too little to be seen.
    NoEffect,
    /// Never measured before.
    Unknown,
}

/// Whether the verdict agrees with what was found before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// The same sign.
    Agrees,
    /// Another sign.
    Differs,
    /// This measurement could not have seen it, or cannot be believed.
    CannotTell,
    /// There was nothing to agree with.
    NothingKnown,
}

/// By how much a signal differed, with its interval. Ratios (with / without) or differences (with − without), as
/// [`Signal::scale`] says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// Median without.
    pub without: f64,
    /// Median with.
    pub with: f64,
    /// Hodges–Lehmann estimate over the pairs.
    pub estimate: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// How sure the interval is: exact, by the signed-rank distribution.
    pub confidence: Ratio,
    /// Pairs it was drawn from.
    pub pairs: u32,
    /// Half of the interval: on the scale of the signal, a share for ratios.
    pub half_width: f64,
}

/// A verdict and what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judged {
    /// What is said.
    pub judgement: Judgement,
    /// The effect on the deciding signal, where it could be computed.
    pub effect: Option<Effect>,
    /// The smallest effect that would have been seen: a share for ratios, else in the unit of the signal.
    pub smallest_seen: Option<f64>,
    /// Why, in full sentences; never empty.
    pub why: Vec<String>,
}

/// One block of load on one side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Block {
    /// Its pair, counted from 0; a pair that had to be repeated has a number of its own each time.
    pub pair: u32,
    /// Which side.
    pub side: Side,
    /// Requests that ended.
    pub requests: u64,
    /// Of those, failed.
    pub errors: u64,
    /// CPU of strangers, as a share of the whole machine; with it what the hypervisor took.
    pub foreign: Ratio,
    /// The generator's busiest thread, of one core.
    pub generator: Ratio,
    /// CPU time per request by tier, in microseconds.
    pub tier_cpu_us: BTreeMap<crate::tier::Tier, f64>,
    /// What was measured, each in the unit of its signal (times in microseconds).
    pub values: BTreeMap<Signal, f64>,
    /// Why its pair does not count, when it does not.
    pub dropped: Option<String>,
}

/// A page that was shown to someone for whom it was not made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Leak {
    /// On which side.
    pub side: Side,
    /// Which page.
    pub path: String,
    /// Whose it was and who saw it, in a sentence without the secret itself.
    pub what: String,
}

/// How one experiment ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum Ending {
    /// It ran, and this is what is said.
    Judged(Judged),
    /// It could not be run here.
    NotRun {
        /// Why.
        why: String,
        /// What to do so that it can.
        fix: String,
    },
    /// It was cut short.
    Interrupted,
}

/// One piece of advice, put to the test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToggleResult {
    /// Its name: that of its file.
    pub name: String,
    /// Under which heading it is listed.
    pub group: String,
    /// The advice, in a sentence.
    pub advice: String,
    /// Who gives it: numbers of the seed documents.
    pub seeds: Vec<String>,
    /// What stood without, in words.
    pub without: String,
    /// What stood with, in words.
    pub with: String,
    /// What decides.
    pub signal: Signal,
    /// The least effect that matters: a share for ratios, else in the unit of the signal.
    pub min_effect: f64,
    /// What was found before.
    pub expected: Expected,
    /// What was measured then, in words.
    pub measured_before: Option<String>,
    /// How it ended.
    pub ending: Ending,
    /// Does that agree with what was found before?
    pub agreement: Agreement,
    /// The signals that show a small effect which throughput and CPU cannot, with their effects.
    pub proofs: BTreeMap<Signal, Judged>,
    /// Every other signal that could be computed.
    pub others: BTreeMap<Signal, Effect>,
    /// Pages that reached the wrong visitor.
    pub leaks: Vec<Leak>,
    /// What to know when reading it.
    pub notes: Vec<String>,
    /// The blocks, in order.
    pub blocks: Vec<Block>,
    /// How long it took.
    pub took_us: Micros,
}

/// The whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExperimentFile {
    /// Version of this file's format.
    pub format_version: u32,
    /// Its name: that of its folder.
    pub id: String,
    /// Version of kneepoint.
    pub kneepoint: String,
    /// UTC, RFC 3339.
    pub started: String,
    /// The command line.
    pub command: Vec<String>,
    /// The machine.
    pub host: HostInfo,
    /// How stacks are run.
    pub driver: String,
    /// Versions of what stood.
    pub versions: BTreeMap<String, String>,
    /// Seed of data and load.
    pub seed: u64,
    /// Size of the data.
    pub size: String,
    /// Advice, in the order of its table.
    pub toggles: Vec<ToggleResult>,
    /// Isolation level × purchase code, when it was asked for.
    pub lost_update: Option<LostUpdateTable>,
    /// Manoeuvres under load, when they were asked for.
    pub manoeuvres: Vec<ManoeuvreResult>,
    /// False when it was cut short: then this is what there was until then.
    pub complete: bool,
}
