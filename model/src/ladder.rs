//! `ladder.json`: one ladder run over several topologies: its settings, the run folder of each rung, and what could not be
//! measured.
//!
//! It contains only one measured figure, the equal rate, which is decided during the run. All other results of a rung are
//! computed from its run folder.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::manifest::HostInfo;
use crate::metric::Metric;
use crate::run::FORMAT_VERSION;
use crate::stack::Driver;
use crate::units::{Micros, PerSecond};
use crate::unmeasured::Unmeasured;

/// Name of the phase in which a fixed number of users saturates the rung.
pub const SATURATION_PHASE: &str = "closed";
/// Name of the phase with the rate that is the same for all rungs.
pub const EQUAL_RATE_PHASE: &str = "open";
/// Name of a trial of the search for the highest rate that meets the SLO; `n` counts from 1.
pub fn trial_name(n: usize) -> String {
    format!("{TRIAL_PREFIX}{n:02}")
}
/// Whether a phase is a trial of the search; a trial may overload the site on purpose.
pub fn is_trial(phase: &str) -> bool {
    phase.strip_prefix(TRIAL_PREFIX).is_some_and(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit()))
}
const TRIAL_PREFIX: &str = "step-";

/// The objective that a rung must meet while its rate is raised: a response time, and no errors at all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LatencySlo {
    /// The percentile: one of the metrics of response time or time to the first byte.
    pub metric: Metric,
    /// The limit, in microseconds.
    pub limit_us: Micros,
    /// True for `<=`, false for `<`.
    pub inclusive: bool,
}

impl LatencySlo {
    /// Whether a response time meets the objective.
    pub fn is_met_by(&self, found: Micros) -> bool {
        if self.inclusive { found <= self.limit_us } else { found < self.limit_us }
    }
}

impl fmt::Display for LatencySlo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.metric, if self.inclusive { "≤" } else { "<" }, self.limit_us)
    }
}

/// Parameters of the search for the highest rate that meets the SLO.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchPlan {
    /// Maximum number of trials, including repeated ones.
    #[serde(rename = "max_steps")]
    pub max_trials: usize,
    /// The search ends when the lowest rate that violates the SLO is at most this factor above the highest rate that meets it.
    pub precision: f64,
    /// The lowest rate that is tried, in journeys per second.
    pub lowest: PerSecond,
}

impl Default for SearchPlan {
    fn default() -> Self {
        Self { max_trials: 6, precision: 1.06, lowest: PerSecond(0.2) }
    }
}

/// The rate at which all rungs are compared, in addition to the search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EqualRate {
    /// Journeys per second.
    pub rate: PerSecond,
    /// The rung whose throughput it is based on; absent when it was configured.
    pub from: Option<String>,
}

/// A machine of the compose driver: services that share one quota.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MachineQuota {
    /// The name of the machine.
    pub name: String,
    /// CPU quota in cores.
    pub cpus: f64,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The compose services that share it.
    pub services: Vec<String>,
}

/// One rung of a ladder run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rung {
    /// Name of its topology.
    pub name: String,
    /// Its position on the whole ladder, from 1; `None` for a topology outside of it.
    pub place: Option<u8>,
    /// A short description.
    pub about: String,
    /// The gain that is expected from the rung below.
    pub buys: Option<String>,
    /// Its machines; empty where the driver uses only the local one.
    pub machines: Vec<MachineQuota>,
    /// Name of its run folder; absent when it was not started.
    pub run: Option<String>,
    /// Why it could not be measured; `None` when it was.
    pub failed: Option<Unmeasured>,
}

/// One ladder run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ladder {
    /// Version of this file's format.
    pub format_version: u32,
    /// Name of the ladder run and its folder.
    pub ladder_id: String,
    /// Version of kneepoint.
    pub kneepoint: String,
    /// Start, RFC 3339 in UTC.
    pub started: String,
    /// The command line, secrets masked.
    pub command: Vec<String>,
    /// The driver of all rungs.
    pub driver: Driver,
    /// The machine on which it ran.
    pub host: HostInfo,
    /// Seed of data and load.
    pub seed: u64,
    /// Size of the data.
    pub size: String,
    /// Users of the closed phase.
    pub users: u32,
    /// Scenarios with their weights.
    pub scenarios: BTreeMap<String, u32>,
    /// The objective that every rung must meet.
    #[serde(rename = "promise")]
    pub slo: LatencySlo,
    /// Parameters of the rate search.
    pub search: SearchPlan,
    /// The rate for all rungs; absent until it is known.
    pub equal: Option<EqualRate>,
    /// The rungs, lowest first.
    pub rungs: Vec<Rung>,
    /// True once every rung was measured or failed.
    pub complete: bool,
    /// What interrupted the ladder run; `None` when nothing did.
    pub stopped_by: Option<String>,
}

impl Ladder {
    /// Version of the format that this kneepoint writes.
    pub const VERSION: u32 = FORMAT_VERSION;

    /// The rung with this name.
    pub fn rung(&self, name: &str) -> Option<&Rung> {
        self.rungs.iter().find(|rung| rung.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_are_distinguished_from_other_phases() {
        assert_eq!(trial_name(3), "step-03");
        assert!(is_trial("step-03") && is_trial("step-12"));
        for other in ["closed", "open", "step-", "step-x", "my-step-01"] {
            assert!(!is_trial(other), "{other}");
        }
    }

    #[test]
    fn an_slo_is_strict_unless_it_is_inclusive() {
        let strict = LatencySlo { metric: Metric::P95, limit_us: Micros(250_000), inclusive: false };
        assert!(strict.is_met_by(Micros(249_999)) && !strict.is_met_by(Micros(250_000)));
        assert!(LatencySlo { inclusive: true, ..strict.clone() }.is_met_by(Micros(250_000)));
        assert_eq!(strict.to_string(), "p95 < 250 ms");
    }
}
