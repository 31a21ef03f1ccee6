//! `ladder.json`: one climb of the ladder of topologies: what was asked, which run folder belongs to which rung, and what
//! could not be measured.
//!
//! It holds no figure of its own but the one that is decided on the way, the equal rate: everything that is said of a
//! rung is thought anew from its run folder.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::manifest::{HostInfo, Unmeasured};
use crate::metric::Metric;
use crate::run::FORMAT_VERSION;
use crate::stack::Driver;
use crate::units::{Micros, PerSecond};

/// Names of the files of a ladder folder, relative to it.
pub mod names {
    /// What was asked and where it was measured.
    pub const LADDER: &str = "ladder.json";
    /// What is said of it.
    pub const COMPARISON: &str = "comparison.json";
    /// The report for people.
    pub const HTML: &str = "ladder.html";
    /// The report for pull requests.
    pub const MARKDOWN: &str = "ladder.md";
}

/// Name of the phase in which a fixed number of users asks for all that the rung can give.
pub const SATURATION: &str = "closed";
/// Name of the phase at the rate that is the same for all rungs.
pub const EQUAL: &str = "open";
/// Name of a step of the search for the highest rate that keeps the promise; `n` counts from 1.
pub fn step_name(n: usize) -> String {
    format!("{STEP}{n:02}")
}
/// True of the name of a step: such a phase may ask for more than the site can bear, on purpose.
pub fn is_step(phase: &str) -> bool {
    phase.strip_prefix(STEP).is_some_and(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit()))
}
const STEP: &str = "step-";

/// What a rung must keep while its rate is raised: a response time, and no errors at all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Promise {
    /// Of which percentile: one of the metrics that count time from the intended start, or to the first byte.
    pub metric: Metric,
    /// The limit.
    pub limit_us: Micros,
    /// True for `<=`, false for `<`.
    pub inclusive: bool,
}

impl Promise {
    /// Does a response time keep it?
    pub fn holds(&self, found: Micros) -> bool {
        if self.inclusive { found <= self.limit_us } else { found < self.limit_us }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.metric, if self.inclusive { "≤" } else { "<" }, self.limit_us)
    }
}

/// How the highest rate that keeps the promise is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchPlan {
    /// Most steps, those that had to be repeated included.
    pub max_steps: usize,
    /// The search is over once the lowest broken rate is at most this many times the highest kept one.
    pub precision: f64,
    /// Nothing below this rate is tried.
    pub lowest: PerSecond,
}

impl Default for SearchPlan {
    fn default() -> Self {
        Self { max_steps: 6, precision: 1.06, lowest: PerSecond(0.2) }
    }
}

/// The rate at which all rungs are looked at beside the search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EqualRate {
    /// Journeys a second.
    pub rate: PerSecond,
    /// The rung from whose throughput it was taken; absent when it was given.
    pub from: Option<String>,
}

/// A machine of the compose driver: services that share one quota.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MachineQuota {
    /// What it is called.
    pub name: String,
    /// Cores' worth of CPU time.
    pub cpus: f64,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The compose services on it.
    pub services: Vec<String>,
}

/// One rung that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rung {
    /// Name of its topology.
    pub name: String,
    /// Its place on the whole ladder, from 1.
    pub place: Option<u8>,
    /// What it is, in one sentence.
    pub about: String,
    /// What the step to it is meant to buy.
    pub buys: Option<String>,
    /// Its machines; empty where the driver has only one, this one.
    pub machines: Vec<MachineQuota>,
    /// Name of its run folder; absent when it was not begun.
    pub run: Option<String>,
    /// Why it could not be measured, when it could not.
    pub failed: Option<Unmeasured>,
}

/// One climb.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ladder {
    /// Version of this file's format.
    pub format_version: u32,
    /// Name of the climb and its folder.
    pub ladder_id: String,
    /// Version of kneepoint.
    pub kneepoint: String,
    /// Start, RFC 3339 in UTC.
    pub started: String,
    /// The command line, secrets masked.
    pub command: Vec<String>,
    /// How the rungs are run.
    pub driver: Driver,
    /// The machine.
    pub host: HostInfo,
    /// Seed of data and load.
    pub seed: u64,
    /// Size of the data.
    pub size: String,
    /// Users of the closed phase.
    pub users: u32,
    /// Scenarios with their weights.
    pub scenarios: BTreeMap<String, u32>,
    /// What must be kept.
    pub promise: Promise,
    /// How the rate is looked for.
    pub search: SearchPlan,
    /// The rate for all; absent until it is known.
    pub equal: Option<EqualRate>,
    /// The rungs, lowest first.
    pub rungs: Vec<Rung>,
    /// True once every rung was tried.
    pub complete: bool,
    /// What cut the climb off, when something did.
    pub stopped_by: Option<String>,
}

impl Ladder {
    /// Version of the format that this kneepoint writes.
    pub const VERSION: u32 = FORMAT_VERSION;

    /// The rung of that name.
    pub fn rung(&self, name: &str) -> Option<&Rung> {
        self.rungs.iter().find(|rung| rung.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_told_from_phases_of_other_kinds() {
        assert_eq!(step_name(3), "step-03");
        assert!(is_step("step-03") && is_step("step-12"));
        for other in ["closed", "open", "step-", "step-x", "my-step-01"] {
            assert!(!is_step(other), "{other}");
        }
    }

    #[test]
    fn a_promise_is_strict_unless_it_says_otherwise() {
        let strict = Promise { metric: Metric::P95, limit_us: Micros(250_000), inclusive: false };
        assert!(strict.holds(Micros(249_999)) && !strict.holds(Micros(250_000)));
        assert!(Promise { inclusive: true, ..strict.clone() }.holds(Micros(250_000)));
        assert_eq!(strict.to_string(), "p95 < 250 ms");
    }
}
