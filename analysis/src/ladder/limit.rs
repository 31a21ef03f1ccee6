//! What limits the throughput of a rung: which machine or tier is saturated in the closed phase, with the evidence.
//!
//! Checked in this order: the load generator itself; the CPU quota of a machine (compose) or the CPU of the one shared
//! machine (native); one core, when a tier is a single Python process; workers that are all busy while cores are idle.
//! Otherwise nothing was saturated, and the users did not request more. The busiest tier is named in each case.
//!
//! The sampler adds up tiers that run on several machines (two app servers), so such machines are compared together with
//! the sum of their quotas.

use kneepoint_model::ladder::{MachineQuota, SATURATION_PHASE};
use kneepoint_model::load::LoadPhase;
use kneepoint_model::stack::{Runtime, StackInfo};
use kneepoint_model::summary::TierSummary;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Ratio;
use serde::{Deserialize, Serialize};

use super::trial::foreign_cpu_reason;
use crate::conditions::phase_conditions;
use crate::facts::RunFacts;
use crate::server_timing::sum_phase;
use crate::tiers::summarise_tiers;
use crate::types::HostUse;

/// Share of its CPU from which a machine is saturated: scheduling never uses the last few per cent.
const FULL: f64 = 0.90;
/// Share of one core from which a single Python process is saturated.
const CORE_FULL: f64 = 0.85;
/// Share of their time from which all workers are busy.
const WORKERS_FULL: f64 = 0.85;

/// The kind of resource that is saturated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// The load generator: the limit of the stack was not reached.
    Generator,
    /// The CPU quota of one or several machines.
    Quota,
    /// The CPU of the one machine that everything runs on.
    Host,
    /// One core, because only one Python process serves.
    OneCore,
    /// All workers are busy while cores are idle.
    Workers,
    /// Nothing: the users did not request more.
    Nothing,
    /// The measurement does not show it.
    Unknown,
}

/// What limits the throughput of a rung.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitingFactor {
    /// The kind of resource that is saturated.
    pub limit: LimitKind,
    /// The saturated tier, or the tier that uses most of the saturated resource.
    pub tier: Option<Tier>,
    /// The saturated machine; joined by ` + ` when several share a tier.
    pub machine: Option<String>,
    /// The figures that show it.
    pub evidence: Vec<String>,
    /// CPU use of every machine with a quota.
    pub machines: Vec<MachineUse>,
}

/// CPU use of one machine, or of several that share a tier, against the quota.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MachineUse {
    /// Name of the machine; several names are joined by ` + `.
    pub machine: String,
    /// Tiers on it.
    pub tiers: Vec<Tier>,
    /// Mean cores in use.
    pub used_cores: f64,
    /// Cores that the quota allows.
    pub quota_cores: f64,
}

impl MachineUse {
    /// Share of the quota in use.
    pub fn share(&self) -> Ratio {
        Ratio(if self.quota_cores > 0.0 { self.used_cores / self.quota_cores } else { 0.0 })
    }
}

impl LimitingFactor {
    /// A limit that the measurement does not show.
    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self::new(LimitKind::Unknown, None, vec![why.into()])
    }

    fn new(limit: LimitKind, tier: Option<Tier>, evidence: Vec<String>) -> Self {
        Self { limit, tier, machine: None, evidence, machines: Vec::new() }
    }
}

/// Finds what limits this rung in the closed phase.
pub(super) fn find_limit(facts: &RunFacts, quotas: &[MachineQuota]) -> LimitingFactor {
    let Some(phase) = facts.phase(SATURATION_PHASE) else {
        return LimitingFactor::unknown(
            "there was no closed phase, in which users request as much as they can",
        );
    };
    if phase.validity.generator_at_fault {
        let why = phase.validity.why.last().cloned().unwrap_or_default();
        return LimitingFactor::new(LimitKind::Generator, Some(Tier::Generator), vec![why]);
    }
    let conditions = phase_conditions(facts);
    let closed = conditions.iter().find(|conditions| conditions.phase == SATURATION_PHASE);
    if let Some(why) = closed.and_then(foreign_cpu_reason) {
        return LimitingFactor::unknown(why);
    }
    let Some(host) = closed.and_then(|conditions| conditions.host.as_ref()) else {
        return LimitingFactor::unknown("the machine was not sampled");
    };
    let used: Vec<TierSummary> = summarise_tiers(facts)
        .into_iter()
        .filter(|tier| tier.phase == SATURATION_PHASE && !matches!(tier.name, Tier::Generator | Tier::Host))
        .collect();
    let machines = machine_use(quotas, &used);
    let mut found = check_quotas(&machines, &used)
        .or_else(|| check_host(host, &used, !quotas.is_empty()))
        .or_else(|| check_single_process(facts.stack.as_ref(), &used))
        .or_else(|| check_workers(facts.stack.as_ref(), phase))
        .unwrap_or_else(|| not_limited(phase, host, &machines));
    found.machines = machines;
    found
}

/// CPU use of each machine; machines that share a tier are joined.
fn machine_use(quotas: &[MachineQuota], used: &[TierSummary]) -> Vec<MachineUse> {
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

/// The tier that uses most cores, those cores, and its share of what all of them use.
fn busiest<'a>(used: impl Iterator<Item = &'a TierSummary>) -> Option<(Tier, f64, Ratio)> {
    let used: Vec<&TierSummary> = used.collect();
    let all: f64 = used.iter().map(|tier| tier.cpu_cores).sum();
    let most = used.into_iter().max_by(|a, b| a.cpu_cores.total_cmp(&b.cpu_cores))?;
    (all > 0.0).then(|| (most.name, most.cpu_cores, Ratio(most.cpu_cores / all)))
}

fn check_quotas(machines: &[MachineUse], used: &[TierSummary]) -> Option<LimitingFactor> {
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
        evidence.push(format!("{tier} used {cores:.2} cores of that ({share})"));
    }
    let tier = most.map(|most| most.0);
    Some(LimitingFactor {
        machine: Some(full.machine.clone()),
        ..LimitingFactor::new(LimitKind::Quota, tier, evidence)
    })
}

/// The one shared machine. With quotas, a saturated machine means that the quotas together exceed its cores.
fn check_host(host: &HostUse, used: &[TierSummary], quotas: bool) -> Option<LimitingFactor> {
    if host.busy.0 < FULL {
        return None;
    }
    let mut evidence = vec![format!(
        "{} of this machine's {} cores were busy ({:.2} of these cores by processes outside the stack)",
        host.busy, host.cores, host.foreign_cores
    )];
    if quotas {
        evidence.push(
            "no quota was used up: together the quotas allow more cores than this machine has".to_owned(),
        );
    }
    let most = busiest(used.iter());
    if let Some((tier, cores, share)) = most {
        evidence.push(format!("{tier} used {cores:.2} cores, {share} of the CPU time of the stack"));
    }
    Some(LimitingFactor::new(LimitKind::Host, most.map(|most| most.0), evidence))
}

/// A server of one Python process runs Python on one core at a time, however many cores there are.
fn check_single_process(stack: Option<&StackInfo>, used: &[TierSummary]) -> Option<LimitingFactor> {
    let server = stack?.tier(Tier::Server)?;
    let single_process =
        server.runtime == Runtime::Python && server.concurrency.is_none_or(|slots| slots == 1);
    let cores = used.iter().find(|tier| tier.name == Tier::Server)?.cpu_cores;
    (single_process && cores >= CORE_FULL).then(|| {
        let evidence = format!(
            "the server is one Python process and used {cores:.2} cores: only one of its threads runs Python at a time"
        );
        LimitingFactor::new(LimitKind::OneCore, Some(Tier::Server), vec![evidence])
    })
}

/// Workers that are all inside the application, waiting or computing.
fn check_workers(stack: Option<&StackInfo>, phase: &LoadPhase) -> Option<LimitingFactor> {
    let slots = f64::from(stack?.tier(Tier::Server)?.concurrency?);
    let sums = sum_phase(phase);
    let busy = sums.app_us.as_secs() / (phase.measured().as_secs_f64() * slots);
    if !busy.is_finite() || busy < WORKERS_FULL {
        return None;
    }
    let share_of_app = |part: f64| Ratio(part / sums.app_us.as_f64());
    let waits = [
        (Tier::Db, sums.db_us.as_f64()),
        (Tier::Engine, sums.engine_us.as_f64()),
        (Tier::Cache, sums.cache_us.as_f64()),
        (Tier::Server, sums.cpu_us.as_f64()),
    ];
    let (on, most) = waits.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let evidence = vec![
        format!("the {slots:.0} workers were busy {} of the time", Ratio(busy.min(1.0))),
        match on {
            Tier::Server => {
                format!("they compute: {} of their time is CPU time of the server", share_of_app(most))
            }
            tier => {
                format!(
                    "they wait: {} of their time goes to {tier}, measured by the application",
                    share_of_app(most)
                )
            }
        },
    ];
    Some(LimitingFactor::new(LimitKind::Workers, Some(on), evidence))
}

fn not_limited(phase: &LoadPhase, host: &HostUse, machines: &[MachineUse]) -> LimitingFactor {
    let mut evidence = vec![format!(
        "nothing was saturated at {}: {} of this machine's cores were busy",
        phase.achieved_rps, host.busy
    )];
    if let Some(most) = machines.iter().max_by(|a, b| a.share().0.total_cmp(&b.share().0)) {
        evidence.push(format!("the busiest machine is {} with {} of its quota", most.machine, most.share()));
    }
    evidence.push("more users would request more: raise `users` in [load]".to_owned());
    LimitingFactor::new(LimitKind::Nothing, None, evidence)
}
