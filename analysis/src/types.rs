//! The shape of `analysis.json`: what is said of a run, before anything is judged or drawn.
//!
//! Values only; how they come about is in the modules named after them.

use kneepoint_model::finding::{Finding, Rule};
use kneepoint_model::load::Validity;
use kneepoint_model::summary::{
    CacheSummary, DbSummary, EndpointSummary, LoadSummary, ProfileSummary, SmokeSummary, TierSummary,
};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Ratio};
use serde::{Deserialize, Serialize};

/// How much others on the machine took from a phase: foreign processes and steal together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disturbance {
    /// Nobody looked: there are no samples of the phase.
    #[default]
    Unknown,
    /// Nothing to speak of.
    Quiet,
    /// Enough to be written beside the figures.
    Noted,
    /// So much that a missed time or rate may be the neighbour's doing: a miss is inconclusive.
    Doubtful,
    /// So much that no time or rate may be believed.
    Spoilt,
}

/// The whole machine over the measured part of one phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HostUse {
    /// Samples behind the figures.
    pub samples: u64,
    /// Length of time that the samples cover, in seconds.
    pub covered_s: f64,
    /// Cores of the machine.
    pub cores: u32,
    /// Share of all cores in use by anyone.
    pub busy: Ratio,
    /// Mean cores in use by processes that are neither a tier nor kneepoint.
    pub foreign_cores: f64,
    /// The same as a share of the machine.
    pub foreign: Ratio,
    /// Share of the machine that the hypervisor kept for others.
    pub steal: Ratio,
    /// Share of the machine's time spent idle, waiting for the disk.
    pub iowait: Ratio,
    /// Mean number of processes ready to run.
    pub runnable: f64,
    /// Least memory that could still be had.
    pub mem_available_min: Bytes,
    /// Swapped in over the phase.
    pub swap_in: Bytes,
    /// Swapped out over the phase.
    pub swap_out: Bytes,
    /// Connections that a full listen queue turned away.
    pub listen_drops: u64,
    /// TCP segments sent again.
    pub retransmits: u64,
    /// Share of time in which some task waited for a CPU (PSI); absent where the kernel does not say.
    pub psi_cpu: Option<Ratio>,
    /// … for memory.
    pub psi_memory: Option<Ratio>,
    /// … for I/O.
    pub psi_io: Option<Ratio>,
}

/// Under what conditions one phase ran, and whether its figures may be believed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PhaseConditions {
    /// Name of the phase.
    pub phase: String,
    /// The phase's own validity together with what the host says.
    pub validity: Validity,
    /// What others took.
    pub disturbance: Disturbance,
    /// The machine; absent without samples.
    pub host: Option<HostUse>,
}

/// What became of one rule: how many findings, or why it could not judge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleReport {
    /// Which.
    pub rule: Rule,
    /// Findings made.
    pub findings: u64,
    /// Why the rule could not judge (all or part): "not enough data" is an answer.
    pub not_judged: Option<String>,
}

/// Everything that is said of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// Version of this file's format.
    pub format_version: u32,
    /// May the run as a whole be believed? The measured phases and the host together; the profiled phase is left out.
    pub validity: Validity,
    /// Conditions of each phase, in the order of the phases.
    pub conditions: Vec<PhaseConditions>,
    /// The crawl.
    pub smoke: SmokeSummary,
    /// The phases of load.
    pub load: Vec<LoadSummary>,
    /// Endpoints of every phase.
    pub endpoints: Vec<EndpointSummary>,
    /// Tiers in every phase, the generator and the host included.
    pub tiers: Vec<TierSummary>,
    /// Caches, over the measured phases.
    pub cache: CacheSummary,
    /// Database, over the measured phases.
    pub db: DbSummary,
    /// Profiles.
    pub profiles: Vec<ProfileSummary>,
    /// Findings: what voids figures first, then by estimated saving, then by severity.
    pub findings: Vec<Finding>,
    /// What became of each rule.
    pub rules: Vec<RuleReport>,
}

impl Analysis {
    /// The conditions of a phase.
    pub fn conditions_of(&self, phase: &str) -> Option<&PhaseConditions> {
        self.conditions.iter().find(|conditions| conditions.phase == phase)
    }

    /// CPU time per completed request in microseconds, of all tiers but the generator and the host as a whole;
    /// absent when no tier was sampled or nothing completed.
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
