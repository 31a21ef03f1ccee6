//! What ends a rung: which machine or tier is full in the closed phase, and by what evidence.
//!
//! In this order: the load generator itself; the CPU quota of a machine (compose) or the CPU of the one machine that all
//! share (native); one core, where a tier has a single Python process; workers that are all taken while nobody computes;
//! else nothing was full, and the users did not ask for more. The busiest tier is named in each case.
//!
//! Tiers that are spread over several machines (two app servers) are summed by the sampler, so such machines are
//! judged together against the sum of their quotas.

use kneepoint_model::ladder::{MachineQuota, SATURATION};
use kneepoint_model::load::LoadPhase;
use kneepoint_model::stack::{Runtime, StackInfo};
use kneepoint_model::summary::TierSummary;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Ratio;
use serde::{Deserialize, Serialize};

use super::trial::disturbed;
use crate::conditions::conditions;
use crate::facts::RunFacts;
use crate::server_timing::sum_phase;
use crate::tiers::tiers;
use crate::types::HostUse;

/// From this share of its CPU on a machine is full: scheduling never hands out the last few per cent.
const FULL: f64 = 0.90;
/// From this share of one core on a single Python process is full.
const CORE_FULL: f64 = 0.85;
/// From this share of their time on workers are taken.
const TAKEN: f64 = 0.85;

/// What is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The load generator: nothing is known of the stack.
    Generator,
    /// The CPU quota of one or several machines.
    Quota,
    /// The CPU of the one machine that everything shares.
    Host,
    /// One core, because only one Python process serves.
    OneCore,
    /// Every worker is taken, while there is CPU left.
    Workers,
    /// Nothing: the users did not ask for more.
    Nothing,
    /// It cannot be told.
    Unknown,
}

/// What ends a rung.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limiting {
    /// What is full.
    pub limit: Limit,
    /// The tier that is full, or uses most of what is.
    pub tier: Option<Tier>,
    /// The machine that is full; several share a tier.
    pub machine: Option<String>,
    /// How that is known, in sentences with numbers.
    pub evidence: Vec<String>,
    /// Every machine with a quota.
    pub machines: Vec<MachineUse>,
}

/// What one machine (or several that share a tier) used of its quota.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MachineUse {
    /// Names.
    pub machine: String,
    /// Tiers on it.
    pub tiers: Vec<Tier>,
    /// Mean cores in use.
    pub used_cores: f64,
    /// Cores' worth of CPU time that it may use.
    pub quota_cores: f64,
}

impl MachineUse {
    /// Share of the quota in use.
    pub fn share(&self) -> Ratio {
        Ratio(if self.quota_cores > 0.0 { self.used_cores / self.quota_cores } else { 0.0 })
    }
}

impl Limiting {
    /// It cannot be told.
    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self::of(Limit::Unknown, None, vec![why.into()])
    }

    fn of(limit: Limit, tier: Option<Tier>, evidence: Vec<String>) -> Self {
        Self { limit, tier, machine: None, evidence, machines: Vec::new() }
    }
}

/// What ends this rung, as the closed phase shows it.
pub(super) fn limiting(facts: &RunFacts, quotas: &[MachineQuota]) -> Limiting {
    let Some(phase) = facts.phase(SATURATION) else {
        return Limiting::unknown("there was no phase in which as much as possible was asked for");
    };
    if phase.validity.generator_at_fault {
        let why = phase.validity.why.last().cloned().unwrap_or_default();
        return Limiting::of(Limit::Generator, Some(Tier::Generator), vec![why]);
    }
    let conditions = conditions(facts);
    let own = conditions.iter().find(|own| own.phase == SATURATION);
    if let Some(why) = own.and_then(disturbed) {
        return Limiting::unknown(why);
    }
    let Some(host) = own.and_then(|own| own.host.as_ref()) else {
        return Limiting::unknown("the machine was not sampled");
    };
    let used: Vec<TierSummary> = tiers(facts)
        .into_iter()
        .filter(|tier| tier.phase == SATURATION && !matches!(tier.name, Tier::Generator | Tier::Host))
        .collect();
    let machines = machines(quotas, &used);
    let mut found = quota(&machines, &used)
        .or_else(|| shared(host, &used, !quotas.is_empty()))
        .or_else(|| one_core(facts.stack.as_ref(), &used))
        .or_else(|| workers(facts.stack.as_ref(), phase))
        .unwrap_or_else(|| nothing(phase, host, &machines));
    found.machines = machines;
    found
}

/// What each machine used of its quota; machines that share a tier together.
fn machines(quotas: &[MachineQuota], used: &[TierSummary]) -> Vec<MachineUse> {
    let mut groups: Vec<MachineUse> = Vec::new();
    for quota in quotas {
        let mut joined = MachineUse {
            machine: quota.name.clone(),
            tiers: quota.services.iter().filter_map(|service| tier_of(service)).collect(),
            used_cores: 0.0,
            quota_cores: quota.cpus,
        };
        let shares = |group: &MachineUse| group.tiers.iter().any(|tier| joined.tiers.contains(tier));
        let (same, other): (Vec<_>, Vec<_>) = groups.into_iter().partition(shares);
        groups = other;
        for group in same.into_iter().rev() {
            joined.machine = format!("{} + {}", group.machine, joined.machine);
            joined.tiers.extend(group.tiers);
            joined.quota_cores += group.quota_cores;
        }
        joined.tiers.sort_unstable();
        joined.tiers.dedup();
        groups.push(joined);
    }
    for group in &mut groups {
        group.used_cores =
            used.iter().filter(|tier| group.tiers.contains(&tier.name)).map(|tier| tier.cpu_cores).sum();
    }
    groups
}

/// The tier that a compose service belongs to.
fn tier_of(service: &str) -> Option<Tier> {
    let kind = service.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
    match kind {
        "proxy" | "balancer" => Some(Tier::Proxy),
        "server" | "hello" => Some(Tier::Server),
        "engine" => Some(Tier::Engine),
        "db" => Some(Tier::Db),
        "redis" | "memcached" => Some(Tier::Cache),
        "worker" => Some(Tier::Queue),
        "objects" => Some(Tier::Objects),
        _ => None,
    }
}

/// The busiest tier among some, and its share of what they use.
fn busiest<'a>(used: impl Iterator<Item = &'a TierSummary>) -> Option<(Tier, f64, Ratio)> {
    let used: Vec<&TierSummary> = used.collect();
    let all: f64 = used.iter().map(|tier| tier.cpu_cores).sum();
    let most = used.into_iter().max_by(|a, b| a.cpu_cores.total_cmp(&b.cpu_cores))?;
    (all > 0.0).then(|| (most.name, most.cpu_cores, Ratio(most.cpu_cores / all)))
}

fn quota(machines: &[MachineUse], used: &[TierSummary]) -> Option<Limiting> {
    let full = machines.iter().max_by(|a, b| a.share().0.total_cmp(&b.share().0))?;
    if full.share().0 < FULL {
        return None;
    }
    let mut evidence = vec![format!(
        "machine {} used {:.2} of the {:.2} cores of its quota ({})",
        full.machine,
        full.used_cores,
        full.quota_cores,
        full.share()
    )];
    let most = busiest(used.iter().filter(|tier| full.tiers.contains(&tier.name)));
    if let Some((tier, cores, share)) = most {
        evidence.push(format!("{tier} used {cores:.2} cores, {share} of that"));
    }
    let tier = most.map(|most| most.0);
    Some(Limiting { machine: Some(full.machine.clone()), ..Limiting::of(Limit::Quota, tier, evidence) })
}

/// The one machine that everything shares. With quotas it being full means that the quotas promise more than it has.
fn shared(host: &HostUse, used: &[TierSummary], quotas: bool) -> Option<Limiting> {
    if host.busy.0 < FULL {
        return None;
    }
    let mut evidence = vec![format!(
        "{} of this machine's {} cores were busy ({:.2} cores of that with processes outside the stack)",
        host.busy, host.cores, host.foreign_cores
    )];
    if quotas {
        evidence.push(
            "no machine's quota was used up: together the quotas promise more than this machine has"
                .to_owned(),
        );
    }
    let most = busiest(used.iter());
    if let Some((tier, cores, share)) = most {
        evidence.push(format!("{tier} used {cores:.2} cores, {share} of what the stack used"));
    }
    Some(Limiting::of(Limit::Host, most.map(|most| most.0), evidence))
}

/// A server of one Python process computes on one core at a time, whatever there is beside it.
fn one_core(stack: Option<&StackInfo>, used: &[TierSummary]) -> Option<Limiting> {
    let server = stack?.tier(Tier::Server)?;
    let alone = server.runtime == Runtime::Python && server.concurrency.is_none_or(|slots| slots == 1);
    let cores = used.iter().find(|tier| tier.name == Tier::Server)?.cpu_cores;
    (alone && cores >= CORE_FULL).then(|| {
        let evidence = format!(
            "the server is one Python process, and it used {cores:.2} cores: only one thread of it computes at a time"
        );
        Limiting::of(Limit::OneCore, Some(Tier::Server), vec![evidence])
    })
}

/// Workers that are all in the application, whatever they wait for there.
fn workers(stack: Option<&StackInfo>, phase: &LoadPhase) -> Option<Limiting> {
    let slots = f64::from(stack?.tier(Tier::Server)?.concurrency?);
    let sums = sum_phase(phase);
    let taken = sums.app_us.as_secs() / (phase.measured().as_secs_f64() * slots);
    if !taken.is_finite() || taken < TAKEN {
        return None;
    }
    let of_app = |part: f64| Ratio(part / sums.app_us.as_f64());
    let waits = [
        (Tier::Db, sums.db_us.as_f64()),
        (Tier::Engine, sums.engine_us.as_f64()),
        (Tier::Cache, sums.cache_us.as_f64()),
        (Tier::Server, sums.cpu_us.as_f64()),
    ];
    let (on, most) = waits.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let evidence = vec![
        format!("the {slots:.0} workers were taken {} of the time", Ratio(taken.min(1.0))),
        match on {
            Tier::Server => format!("computing: {} of their time is their own CPU", of_app(most)),
            tier => {
                format!("waiting: {} of their time goes to {tier}, as the application sees it", of_app(most))
            }
        },
    ];
    Some(Limiting::of(Limit::Workers, Some(on), evidence))
}

fn nothing(phase: &LoadPhase, host: &HostUse, machines: &[MachineUse]) -> Limiting {
    let mut evidence = vec![format!(
        "nothing was full at {}: {} of this machine's cores were busy",
        phase.achieved_rps, host.busy
    )];
    if let Some(most) = machines.iter().max_by(|a, b| a.share().0.total_cmp(&b.share().0)) {
        evidence.push(format!("the fullest machine is {} with {} of its quota", most.machine, most.share()));
    }
    evidence.push("more users would ask for more: raise [load] users".to_owned());
    Limiting::of(Limit::Nothing, None, evidence)
}
