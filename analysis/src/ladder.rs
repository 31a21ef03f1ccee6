//! The ladder of topologies: what each rung gave, what ended it, and what the step to it bought. A pure function of
//! `ladder.json` and the run folders that it names, so that it can be thought again at any time, of a climb that was cut
//! off too.
//!
//! Two things are looked at in every rung: the highest rate that keeps the promise ([`crate::slo_search`]), as an interval
//! between a rate that kept it and one that broke it; and one rate that is the same for all rungs, at which
//! response times and CPU per request compare.

mod effect;
mod gain;
mod limit;
mod rung;
mod trial;

use std::collections::BTreeMap;

use kneepoint_model::ladder::{Ladder, Promise};
use kneepoint_model::manifest::Unmeasured;
use kneepoint_model::run::FORMAT_VERSION;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros, PerSecond, Ratio};
use serde::{Deserialize, Serialize};

use crate::facts::RunFacts;
use crate::slo_search::StepOutcome;

pub use effect::Effect;
pub use limit::{Limit, Limiting, MachineUse};
pub use rung::{equal_rate, start_rate, step_length};
pub use trial::{samples_for, steps};

/// One phase at a fixed rate, held against the promise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Name of the phase.
    pub phase: String,
    /// Journeys a second that began.
    pub rate: PerSecond,
    /// Requests a second that were due.
    pub offered: PerSecond,
    /// Requests a second that ended.
    pub achieved: PerSecond,
    /// Requests behind the figures.
    pub requests: u64,
    /// Of those, failed.
    pub errors: u64,
    /// Median response time.
    pub p50: Micros,
    /// 95th percentile.
    pub p95: Micros,
    /// 99th percentile.
    pub p99: Micros,
    /// What it shows.
    pub outcome: StepOutcome,
    /// Why it is not kept, or why nothing can be said.
    pub why: Option<String>,
    /// What weakens it.
    pub notes: Vec<String>,
}

/// What a fixed number of users got out of the rung.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saturation {
    /// Requests a second; absent where they may not be believed or some failed, because failures are fast.
    pub rps: Option<PerSecond>,
    /// Requests behind it.
    pub requests: u64,
    /// Of those, failed.
    pub errors: u64,
    /// Why there is no figure, or what weakens it.
    pub why: Vec<String>,
}

/// The highest rate at which the promise was kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum Throughput {
    /// Kept at the first, broken at the second.
    Between {
        /// Requests a second at which it was kept.
        kept: PerSecond,
        /// Requests a second at which it was broken.
        broken: PerSecond,
        /// Journeys a second at which it was kept.
        kept_journeys: PerSecond,
    },
    /// Kept at every rate that was tried.
    AtLeast {
        /// Requests a second.
        kept: PerSecond,
        /// Journeys a second.
        kept_journeys: PerSecond,
    },
    /// There is no figure.
    None {
        /// Why not.
        why: String,
    },
}

impl Throughput {
    /// Requests a second at which the promise was kept.
    pub const fn kept(&self) -> Option<PerSecond> {
        match self {
            Self::Between { kept, .. } | Self::AtLeast { kept, .. } => Some(*kept),
            Self::None { .. } => None,
        }
    }
    /// Requests a second at which it was broken.
    pub const fn broken(&self) -> Option<PerSecond> {
        match self {
            Self::Between { broken, .. } => Some(*broken),
            Self::AtLeast { .. } | Self::None { .. } => None,
        }
    }
}

/// How far a rung got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RungState {
    /// There is a throughput at the promise.
    Measured,
    /// It was loaded, but there is no throughput at the promise.
    NoFigure {
        /// Why.
        why: String,
    },
    /// It could not be brought up or loaded here.
    Failed {
        /// Why, and what mends it.
        reason: Unmeasured,
    },
    /// The climb ended in the middle of it.
    CutOff {
        /// By what.
        why: String,
    },
    /// The climb ended before it.
    NotReached,
}

/// What a request costs and what it does, where that is known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PerRequest {
    /// The phase in which it was counted; empty when nothing was.
    pub phase: String,
    /// CPU time of each tier in microseconds; nothing where neighbours on the machine changed it.
    pub cpu_us: BTreeMap<Tier, f64>,
    /// Database statements.
    pub statements: Option<f64>,
    /// Bytes on the wire.
    pub bytes: Option<f64>,
    /// Share of requests that the proxy's cache answered.
    pub proxy_hit: Option<Ratio>,
    /// Share of lookups in the application's cache that hit.
    pub app_hit: Option<Ratio>,
}

/// What was compared with the rung below.
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

/// A counter that differs from the rung below.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Which.
    pub counter: Counter,
    /// Below; absent where nobody said.
    pub from: Option<f64>,
    /// Here; absent where nobody says.
    pub to: Option<f64>,
}

/// What the step to a rung bought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bought {
    /// The rung that it is held against: the nearest below that was measured.
    pub against: String,
    /// Throughput at the promise; more is better.
    pub throughput: Effect,
    /// CPU time per request of all tiers at the equal rate; less is better.
    pub cpu: Effect,
    /// Median response time at the equal rate; less is better.
    pub p50: Effect,
    /// Counters that changed.
    pub changes: Vec<Change>,
}

/// One rung.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RungResult {
    /// Name of its topology.
    pub name: String,
    /// Its place on the whole ladder.
    pub place: Option<u8>,
    /// What it is.
    pub about: String,
    /// What the step to it is meant to buy.
    pub buys: Option<String>,
    /// Its run folder.
    pub run: Option<String>,
    /// How far it got.
    pub state: RungState,
    /// The closed phase.
    pub saturation: Option<Saturation>,
    /// The steps of the search, in order.
    pub steps: Vec<Step>,
    /// The highest rate that keeps the promise.
    pub throughput: Throughput,
    /// The phase at the equal rate.
    pub equal: Option<Step>,
    /// What a request costs.
    pub per_request: PerRequest,
    /// Highest resident memory of each tier over all phases.
    pub memory: BTreeMap<Tier, Bytes>,
    /// What ends it.
    pub limiting: Limiting,
    /// What the step to it bought; absent for the lowest.
    pub bought: Option<Bought>,
    /// What the run could not measure.
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

/// Everything that is said of a climb.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Version of this file's format.
    pub format_version: u32,
    /// Name of the climb.
    pub ladder_id: String,
    /// What every rung had to keep.
    pub promise: Promise,
    /// The rungs, lowest first.
    pub rungs: Vec<RungResult>,
}

impl Comparison {
    /// True when every rung that was asked for has a throughput at the promise.
    pub fn all_measured(&self) -> bool {
        self.rungs.iter().all(|rung| rung.state == RungState::Measured)
    }
}

/// Compares the rungs; `runs` holds the facts of every run folder that could be read, by its name.
pub fn compare(ladder: &Ladder, runs: &BTreeMap<String, RunFacts>) -> Comparison {
    let mut results: Vec<RungResult> = Vec::with_capacity(ladder.rungs.len());
    let mut below: Option<(usize, &RunFacts)> = None;
    for one in &ladder.rungs {
        let facts = one.run.as_ref().and_then(|run| runs.get(run));
        let mut result = rung::result(ladder, one, facts);
        if let Some(facts) = facts.filter(|_| comparable(&result)) {
            result.bought = below.map(|(at, under)| gain::bought((&results[at], under), (&result, facts)));
            below = Some((results.len(), facts));
        }
        results.push(result);
    }
    Comparison {
        format_version: FORMAT_VERSION,
        ladder_id: ladder.ladder_id.clone(),
        promise: ladder.promise.clone(),
        rungs: results,
    }
}

/// A rung that was loaded to its end can be held against another, even without a throughput at the promise: then what was
/// seen at the equal rate compares.
fn comparable(result: &RungResult) -> bool {
    matches!(result.state, RungState::Measured | RungState::NoFigure { .. })
        && (result.throughput.kept().is_some() || result.equal.is_some())
}

#[cfg(test)]
mod tests;
