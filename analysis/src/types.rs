//! The content of `analysis.json`. Values only; the modules that compute them have the same names.

use std::fmt;

use kneepoint_model::finding::{Finding, Rule};
use kneepoint_model::load::Validity;
use kneepoint_model::summary::{
    CacheSummary, DbSummary, EndpointSummary, LoadSummary, ProfileSummary, SmokeSummary, TierSummary,
};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Ratio};
use serde::{Deserialize, Serialize};

/// How much foreign CPU use disturbed a phase: foreign processes and steal together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disturbance {
    /// There are no samples of the phase.
    #[default]
    Unknown,
    /// Too little to matter.
    Quiet,
    /// Enough for a note beside the figures.
    Noted,
    /// Enough to cause a missed time or rate by itself, so a miss is inconclusive.
    Doubtful,
    /// So much that no time or rate of the phase is valid.
    #[serde(rename = "spoilt")]
    Invalidating,
}

/// The whole machine over the measured part of one phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HostUse {
    /// Number of samples in the measured part.
    pub samples: u64,
    /// Time that the samples cover, in seconds.
    pub covered_s: f64,
    /// Number of cores of the machine.
    pub cores: u32,
    /// Share of all cores in use by all processes.
    pub busy: Ratio,
    /// Mean cores in use by processes that are neither a tier nor kneepoint.
    pub foreign_cores: f64,
    /// The same as a share of the machine.
    pub foreign: Ratio,
    /// Share of the machine that the hypervisor gave to other guests.
    pub steal: Ratio,
    /// Share of the machine's time that was idle while waiting for the disk.
    pub iowait: Ratio,
    /// Mean number of processes ready to run.
    pub runnable: f64,
    /// Minimum of available memory.
    pub mem_available_min: Bytes,
    /// Memory swapped in over the phase.
    pub swap_in: Bytes,
    /// Memory swapped out over the phase.
    pub swap_out: Bytes,
    /// Connections refused by a full listen queue.
    pub listen_drops: u64,
    /// TCP segments sent again.
    pub retransmits: u64,
    /// Share of time in which a task waited for a CPU (PSI); `None` when the kernel does not report it.
    pub psi_cpu: Option<Ratio>,
    /// Share of time in which a task waited for memory (PSI).
    pub psi_memory: Option<Ratio>,
    /// Share of time in which a task waited for I/O (PSI).
    pub psi_io: Option<Ratio>,
}

/// The conditions of one phase, and whether its figures are valid.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PhaseConditions {
    /// Name of the phase.
    pub phase: String,
    /// Validity reported by the generator, combined with the conditions of the machine.
    pub validity: Validity,
    /// Disturbance by foreign CPU use.
    pub disturbance: Disturbance,
    /// Use of the machine; `None` without samples.
    pub host: Option<HostUse>,
}

/// The result of one rule: evaluated, inconclusive for lack of data, or not applicable to this stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleReport {
    /// The rule that ran.
    pub rule: Rule,
    /// Number of its findings.
    pub findings: u64,
    /// Why the rule, or a part of it, was not evaluated; `None` when it was evaluated completely.
    #[serde(rename = "not_judged")]
    pub not_evaluated: Option<String>,
    /// True when the stack has nothing that the rule checks, for example no cache server.
    #[serde(default)]
    pub not_applicable: bool,
}

/// How many rules were evaluated, are inconclusive, and are not applicable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RuleCounts {
    /// Rules with all the data they need.
    pub evaluated: usize,
    /// Rules that lack data, completely or in part.
    pub inconclusive: usize,
    /// Rules about something that the stack does not have.
    pub not_applicable: usize,
}

impl fmt::Display for RuleCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { evaluated, inconclusive, not_applicable } = self;
        let all = evaluated + inconclusive + not_applicable;
        write!(
            f,
            "{all} rules: {evaluated} evaluated, {inconclusive} inconclusive for lack of data, {not_applicable} not applicable"
        )
    }
}

/// The analysis of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// Version of this file's format.
    pub format_version: u32,
    /// Validity of the whole run: all measured phases, without the profiled phase.
    pub validity: Validity,
    /// Conditions of each phase, in the order of the phases.
    pub conditions: Vec<PhaseConditions>,
    /// Result of the crawl.
    pub smoke: SmokeSummary,
    /// Summaries of the load phases.
    pub load: Vec<LoadSummary>,
    /// Endpoints of every phase.
    pub endpoints: Vec<EndpointSummary>,
    /// Tiers in every phase, the generator and the host included.
    pub tiers: Vec<TierSummary>,
    /// Caches, over the measured phases.
    pub cache: CacheSummary,
    /// Database, over the measured phases.
    pub db: DbSummary,
    /// Summaries of the profiles.
    pub profiles: Vec<ProfileSummary>,
    /// Findings: those that invalidate the measurement first, then by estimated saving, then by severity.
    pub findings: Vec<Finding>,
    /// The result of each rule.
    pub rules: Vec<RuleReport>,
}

impl Analysis {
    /// The conditions of a phase; `None` when there is no such phase.
    pub fn conditions_of(&self, phase: &str) -> Option<&PhaseConditions> {
        self.conditions.iter().find(|conditions| conditions.phase == phase)
    }

    /// How many rules were evaluated, are inconclusive, and are not applicable.
    pub fn rule_counts(&self) -> RuleCounts {
        let mut counts = RuleCounts::default();
        for report in &self.rules {
            match (&report.not_evaluated, report.not_applicable) {
                (_, true) => counts.not_applicable += 1,
                (Some(_), false) => counts.inconclusive += 1,
                (None, false) => counts.evaluated += 1,
            }
        }
        counts
    }

    /// CPU time per completed request in microseconds, of all tiers except the generator and the host; `None` when no tier
    /// was sampled or no request completed.
    pub fn cpu_us_per_request(&self, phase: &str) -> Option<f64> {
        let mut shares = self
            .tiers
            .iter()
            .filter(|tier| tier.phase == phase && !matches!(tier.name, Tier::Generator | Tier::Host))
            .filter_map(|tier| tier.cpu_us_per_request)
            .peekable();
        shares.peek()?;
        Some(shares.sum())
    }
}
