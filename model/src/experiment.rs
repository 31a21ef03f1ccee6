//! `experiment.json`: pieces of advice, each measured with and without, and the results.
//!
//! An experiment loads two stacks that differ in one thing, in short blocks that alternate (A B B A …). Two adjacent blocks, one
//! of each side, are a pair. The verdict depends only on the pairs, so that it can be computed again from the file.

mod signal;
mod special;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use signal::{Nature, Scale, Signal};
pub use special::{CodeOutcome, LostUpdateRow, LostUpdateTable, Rollout, RolloutResult};

use crate::manifest::HostInfo;
use crate::units::{Micros, Ratio};

/// With the advice followed, or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The advice is not followed.
    Without,
    /// The advice is followed.
    With,
}

impl Side {
    /// The name in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Without => "without",
            Self::With => "with",
        }
    }

    /// The opposite side.
    pub const fn opposite(self) -> Self {
        match self {
            Self::Without => Self::With,
            Self::With => Self::Without,
        }
    }
}

/// The verdict of an experiment on a piece of advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EffectVerdict {
    /// The deciding signal got better, by more than the least effect that matters.
    Helps,
    /// It got worse by as much, or following the advice is not safe.
    Hurts,
    /// Neither; the smallest detectable effect is reported with it.
    NoEffectSeen,
    /// The measurement is invalid.
    Invalid,
}

impl EffectVerdict {
    /// The label for tables and messages.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Helps => "helps",
            Self::Hurts => "hurts",
            Self::NoEffectSeen => "no effect seen",
            Self::Invalid => "invalid",
        }
    }
}

/// The result of an earlier, manual measurement on another machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// The advice helped.
    Helps,
    /// The advice made things worse.
    Hurts,
    /// The effect was too small to detect.
    NoEffect,
    /// Never measured before.
    Unknown,
}

/// Whether the verdict agrees with the earlier measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// The same sign.
    Agrees,
    /// The effect has the opposite sign, or only one of the two showed an effect.
    Differs,
    /// This measurement could not detect such an effect, or is invalid.
    CannotTell,
    /// There is no earlier measurement.
    NothingKnown,
}

/// The difference in a signal, with its confidence interval: a ratio (with / without) or a difference (with − without),
/// depending on [`Signal::scale`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// Median over the blocks without the advice.
    pub without: f64,
    /// Median over the blocks with the advice.
    pub with: f64,
    /// Hodges–Lehmann estimate over the pairs.
    pub estimate: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Confidence of the interval: exact, from the signed-rank distribution.
    pub confidence: Ratio,
    /// The number of pairs behind it.
    pub pairs: u32,
    /// Half of the interval: on the scale of the signal, a share for ratios.
    pub half_width: f64,
}

/// A verdict and its basis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EffectAssessment {
    /// Whether the advice helps.
    #[serde(rename = "judgement")]
    pub verdict: EffectVerdict,
    /// The effect on the deciding signal, where it could be computed.
    pub effect: Option<Effect>,
    /// The smallest detectable effect: a share for ratios, else in the unit of the signal.
    #[serde(rename = "smallest_seen")]
    pub smallest_detectable: Option<f64>,
    /// The reasons, in full sentences; never empty.
    pub why: Vec<String>,
}

/// One block of load on one side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Block {
    /// Its pair, counted from 0; a pair that had to be repeated has a number of its own each time.
    pub pair: u32,
    /// The side of the pair.
    pub side: Side,
    /// Requests that ended.
    pub requests: u64,
    /// Of those, failed.
    pub errors: u64,
    /// Foreign CPU as a share of the whole machine; includes time that the hypervisor took.
    pub foreign: Ratio,
    /// The generator's busiest thread, of one core.
    pub generator: Ratio,
    /// CPU time per request by tier, in microseconds.
    pub tier_cpu_us: BTreeMap<crate::tier::Tier, f64>,
    /// What was measured, each in the unit of its signal (times in microseconds).
    pub values: BTreeMap<Signal, f64>,
    /// Why its pair is excluded; `None` when it counts.
    pub dropped: Option<String>,
}

/// A page that was served to a user for whom it was not made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Leak {
    /// On which side.
    pub side: Side,
    /// The path of the page.
    pub path: String,
    /// Whose page it was and who received it, in words, without the secret itself.
    pub what: String,
}

/// How one experiment ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum Ending {
    /// It ran and was assessed.
    #[serde(rename = "judged")]
    Assessed(EffectAssessment),
    /// It could not be run here.
    NotRun {
        /// The reason, in words.
        why: String,
        /// What to do so that it can.
        fix: String,
    },
    /// It was cut short.
    Interrupted,
}

/// One piece of advice and its experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToggleResult {
    /// Its name: that of its file.
    pub name: String,
    /// Under which heading it is listed.
    pub group: String,
    /// The text of the advice.
    pub advice: String,
    /// Where it comes from: numbers of the seed documents.
    pub seeds: Vec<String>,
    /// The configuration without the advice, in words.
    pub without: String,
    /// The configuration with the advice, in words.
    pub with: String,
    /// The signal that decides the verdict.
    pub signal: Signal,
    /// The least effect that matters: a share for ratios, else in the unit of the signal.
    pub min_effect: f64,
    /// The earlier result.
    pub expected: Expected,
    /// The figures of the earlier measurement, in words.
    pub measured_before: Option<String>,
    /// How it ended.
    pub ending: Ending,
    /// Whether that agrees with the earlier measurement.
    pub agreement: Agreement,
    /// Signals that can show effects too small for throughput and CPU, with their assessments.
    pub proofs: BTreeMap<Signal, EffectAssessment>,
    /// The effects on all other signals that could be computed.
    pub others: BTreeMap<Signal, Effect>,
    /// Pages that were served to the wrong user.
    pub leaks: Vec<Leak>,
    /// Remarks for the reader.
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
    /// The name of the experiment and its folder.
    pub id: String,
    /// Version of kneepoint.
    pub kneepoint: String,
    /// UTC, RFC 3339.
    pub started: String,
    /// The command line.
    pub command: Vec<String>,
    /// The machine on which it ran.
    pub host: HostInfo,
    /// The driver of the stacks: `native` or `compose`.
    pub driver: String,
    /// Versions of programs and packages.
    pub versions: BTreeMap<String, String>,
    /// Seed of data and load.
    pub seed: u64,
    /// Size of the data.
    pub size: String,
    /// Advice, in the order of its table.
    pub toggles: Vec<ToggleResult>,
    /// Isolation level × purchase code, when it was requested.
    pub lost_update: Option<LostUpdateTable>,
    /// Rollouts under load, when they were requested.
    #[serde(rename = "manoeuvres")]
    pub rollouts: Vec<RolloutResult>,
    /// False when it was cut short and only a part is in the file.
    pub complete: bool,
}
