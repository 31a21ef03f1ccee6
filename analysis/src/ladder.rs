//! Comparison of the rungs of a ladder run: throughput of each rung, what limits it, and the gain over the rung below.
//!
//! A pure function of `ladder.json` and the run folders that it names, so that the comparison can be recomputed at any
//! time, also for an interrupted ladder run.
//!
//! Each rung is measured in two ways: the highest rate that meets the SLO ([`crate::slo_search`]), as an interval between
//! a rate that met it and one that violated it; and one rate that is the same for all rungs, at which response times and
//! CPU per request can be compared.

mod effect;
mod gain;
mod limit;
mod rung;
mod trial;

use std::collections::BTreeMap;

use kneepoint_model::ladder::{Ladder, LatencySlo};
use kneepoint_model::run::FORMAT_VERSION;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros, PerSecond, Ratio};
use kneepoint_model::unmeasured::Unmeasured;
use serde::{Deserialize, Serialize};

use crate::facts::RunFacts;
use crate::slo_search::TrialOutcome;

pub use effect::Effect;
pub use limit::{LimitKind, LimitingFactor, MachineUse};
pub use rung::{equal_rate, start_rate, trial_duration};
pub use trial::{requests_needed, trials};

/// One phase at a fixed rate, compared with the SLO.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Name of the phase.
    pub phase: String,
    /// Journeys started per second.
    pub rate: PerSecond,
    /// Requests per second that were due.
    pub offered: PerSecond,
    /// Requests per second that completed.
    pub achieved: PerSecond,
    /// Completed requests in the measured part.
    pub requests: u64,
    /// Failed requests among them.
    pub errors: u64,
    /// Median response time.
    pub p50: Micros,
    /// 95th percentile of response time.
    pub p95: Micros,
    /// 99th percentile of response time.
    pub p99: Micros,
    /// Whether the SLO was met.
    pub outcome: TrialOutcome,
    /// Why the SLO was violated or the trial is invalid; `None` when it was met.
    pub why: Option<String>,
    /// Conditions that make the figures less reliable.
    pub notes: Vec<String>,
}

/// Throughput of a rung under a fixed number of users without think time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saturation {
    /// Requests per second; `None` when the phase is invalid or a request failed, because failures are fast.
    pub rps: Option<PerSecond>,
    /// Completed requests in the measured part.
    pub requests: u64,
    /// Failed requests among them.
    pub errors: u64,
    /// Why there is no figure, or what makes it less reliable.
    pub why: Vec<String>,
}

/// The highest rate at which the SLO was met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum Throughput {
    /// It lies between two rates that were tried.
    Between {
        /// Requests per second at which the SLO was met.
        #[serde(rename = "kept")]
        sustained: PerSecond,
        /// Requests per second at which the SLO was violated.
        #[serde(rename = "broken")]
        violated: PerSecond,
        /// Journeys per second at which the SLO was met.
        #[serde(rename = "kept_journeys")]
        sustained_journeys: PerSecond,
    },
    /// The SLO was met at every rate that was tried.
    AtLeast {
        /// Requests per second of the highest of them.
        #[serde(rename = "kept")]
        sustained: PerSecond,
        /// Journeys per second of the highest of them.
        #[serde(rename = "kept_journeys")]
        sustained_journeys: PerSecond,
    },
    /// No rate was measured at which the SLO was met.
    None {
        /// The reason as a complete message.
        why: String,
    },
}

impl Throughput {
    /// Requests per second at which the SLO was met.
    pub const fn sustained(&self) -> Option<PerSecond> {
        match self {
            Self::Between { sustained, .. } | Self::AtLeast { sustained, .. } => Some(*sustained),
            Self::None { .. } => None,
        }
    }
    /// Requests per second at which the SLO was violated.
    pub const fn violated(&self) -> Option<PerSecond> {
        match self {
            Self::Between { violated, .. } => Some(*violated),
            Self::AtLeast { .. } | Self::None { .. } => None,
        }
    }
}

/// How far the measurement of a rung got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RungState {
    /// There is a throughput at the SLO.
    Measured,
    /// The rung was loaded, but no rate met the SLO in a valid trial.
    NoFigure {
        /// The reason as a complete message.
        why: String,
    },
    /// The stack could not be started or loaded on this machine.
    Failed {
        /// The reason and its fix.
        reason: Unmeasured,
    },
    /// The ladder run ended while this rung was being measured.
    CutOff {
        /// What interrupted it.
        why: String,
    },
    /// The ladder run ended before this rung.
    NotReached,
}

/// Cost and work of one request; a field is `None` when nothing measured it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PerRequest {
    /// The phase in which it was counted; empty when nothing was counted.
    pub phase: String,
    /// CPU time of each tier in microseconds; empty when foreign CPU use makes it unreliable.
    pub cpu_us: BTreeMap<Tier, f64>,
    /// Database statements per request.
    pub statements: Option<f64>,
    /// Bytes on the wire per request.
    pub bytes: Option<f64>,
    /// Share of requests that the proxy's cache answered.
    pub proxy_hit: Option<Ratio>,
    /// Share of lookups in the application's cache that hit.
    pub app_hit: Option<Ratio>,
}

/// A counter that is compared with the rung below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counter {
    /// Database statements per request.
    Statements,
    /// Bytes on the wire per request.
    Bytes,
    /// Share of requests that the proxy's cache answered.
    ProxyHit,
    /// Share of lookups in the application's cache that hit.
    AppHit,
    /// Resident memory of all tiers.
    Memory,
}

/// A counter whose value differs from the rung below.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The counter; its unit follows from it.
    pub counter: Counter,
    /// Value on the rung below; `None` when not reported there.
    pub from: Option<f64>,
    /// Value on this rung; `None` when not reported here.
    pub to: Option<f64>,
}

/// The gain of a rung over the rung below.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    /// The rung it is compared with: the nearest measured rung below.
    pub against: String,
    /// Throughput at the SLO; more is better.
    pub throughput: Effect,
    /// CPU time per request of all tiers at the equal rate; less is better.
    pub cpu: Effect,
    /// Median response time at the equal rate; less is better.
    pub p50: Effect,
    /// Counters that changed.
    pub changes: Vec<Change>,
}

/// Everything measured on one rung.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RungResult {
    /// Name of its topology.
    pub name: String,
    /// Its position on the whole ladder, from 1; `None` for a topology that is not on it.
    pub place: Option<u8>,
    /// Description of the topology.
    pub about: String,
    /// The gain that the topology is meant to bring.
    pub buys: Option<String>,
    /// Name of its run folder.
    pub run: Option<String>,
    /// How far its measurement got.
    pub state: RungState,
    /// The closed phase; `None` when it did not run.
    pub saturation: Option<Saturation>,
    /// The trials of the rate search, in order.
    #[serde(rename = "steps")]
    pub trials: Vec<Trial>,
    /// The highest rate that meets the SLO.
    pub throughput: Throughput,
    /// The phase at the rate that is the same for all rungs.
    pub equal: Option<Trial>,
    /// Cost and work of one request.
    pub per_request: PerRequest,
    /// Highest resident memory of each tier over all phases.
    pub memory: BTreeMap<Tier, Bytes>,
    /// What limits its throughput.
    pub limiting: LimitingFactor,
    /// The gain over the rung below; `None` for the lowest measured rung.
    #[serde(rename = "bought")]
    pub gain: Option<Gain>,
    /// What its run could not measure.
    pub unmeasured: Vec<Unmeasured>,
}

impl RungResult {
    /// CPU time per request of all tiers together, in microseconds.
    pub fn cpu_us(&self) -> Option<f64> {
        (!self.per_request.cpu_us.is_empty()).then(|| self.per_request.cpu_us.values().sum())
    }
    /// Resident memory of all tiers together.
    pub fn memory_all(&self) -> Option<Bytes> {
        (!self.memory.is_empty()).then(|| self.memory.values().copied().sum())
    }
}

/// `comparison.json`: the results of a ladder run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Version of this file's format.
    pub format_version: u32,
    /// Name of the ladder run and its folder.
    pub ladder_id: String,
    /// The SLO that every rung had to meet.
    #[serde(rename = "promise")]
    pub slo: LatencySlo,
    /// The rungs, lowest first.
    pub rungs: Vec<RungResult>,
}

impl Comparison {
    /// True when every requested rung has a throughput at the SLO.
    pub fn all_measured(&self) -> bool {
        self.rungs.iter().all(|rung| rung.state == RungState::Measured)
    }
}

/// Compares the rungs; `runs` contains the facts of each readable run folder by its name.
pub fn compare(ladder: &Ladder, runs: &BTreeMap<String, RunFacts>) -> Comparison {
    let mut results: Vec<RungResult> = Vec::with_capacity(ladder.rungs.len());
    let mut below: Option<(usize, &RunFacts)> = None;
    for requested in &ladder.rungs {
        let facts = requested.run.as_ref().and_then(|run| runs.get(run));
        let mut result = rung::measure_rung(ladder, requested, facts);
        if let Some(facts) = facts.filter(|_| comparable(&result)) {
            result.gain =
                below.map(|(at, under)| gain::compare_rungs((&results[at], under), (&result, facts)));
            below = Some((results.len(), facts));
        }
        results.push(result);
    }
    Comparison {
        format_version: FORMAT_VERSION,
        ladder_id: ladder.ladder_id.clone(),
        slo: ladder.slo.clone(),
        rungs: results,
    }
}

/// A rung that was loaded to its end is comparable even without a throughput at the SLO: then only the figures at the
/// equal rate are compared.
fn comparable(result: &RungResult) -> bool {
    matches!(result.state, RungState::Measured | RungState::NoFigure { .. })
        && (result.throughput.sustained().is_some() || result.equal.is_some())
}

#[cfg(test)]
mod tests;
