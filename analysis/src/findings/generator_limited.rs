//! The load generator, or foreign CPU use, was the bottleneck.
//!
//! Uses every phase except the profiled one, valid or not: this rule explains invalid phases. Its thresholds are those by
//! which the generator marks a phase invalid, so that every such phase has a finding. The wait for a core is a hint from
//! half of its threshold.

use kneepoint_model::finding::{Evidence, Finding, Rule, Severity, finding_id};
use kneepoint_model::load::LoadPhase;
use kneepoint_model::run::names;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Micros, Ratio};

use super::context::{MIN_SAMPLES, evidence};
use super::{Context, RuleOutcome};
use crate::types::Disturbance;

/// Share of one core above which the busiest thread of the generator cannot meet its schedule.
pub const THREAD_FULL: f64 = 0.80;
/// Share of the median response time above which the generator's wait for a core invalidates the figures.
pub const WAIT_INVALIDATES: f64 = 0.5;
/// Share of the median response time above which that wait is visible in the figures.
pub const WAIT_VISIBLE: f64 = 0.25;
/// Minimum of the mean wait for a core, and of the lateness.
pub const MIN_DELAY: Micros = Micros(1_000);
/// Share of the median response time above which requests are sent late.
pub const LAG_LATE: f64 = 0.10;
/// Share of the 99th percentile of response time above which lateness can be half of the tail.
pub const LAG_OF_TAIL: f64 = 0.5;
/// Share of the offered rate below which the schedule was not met.
pub const MIN_ACHIEVED: f64 = 0.98;

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    let (mut full, mut hints) = (Vec::new(), Vec::new());
    for phase in context.facts.measured_phases().filter(|phase| phase.requests >= MIN_SAMPLES) {
        full.extend(busy_thread_evidence(phase));
        full.extend(lateness_evidence(phase));
        let (wait, share) = core_wait(phase);
        if wait > MIN_DELAY && share > WAIT_VISIBLE {
            let one = core_wait_evidence(phase, wait);
            if share > WAIT_INVALIDATES { full.push(one) } else { hints.push(one) }
        }
    }
    let severity = if full.is_empty() { Severity::Hint } else { Severity::Likely };
    full.extend(hints);
    let mut findings = Vec::new();
    if !full.is_empty() {
        findings.push(generator_finding(full, severity));
    }
    findings.extend(foreign_cpu_finding(context));
    RuleOutcome::found(findings)
}

fn busy_thread_evidence(phase: &LoadPhase) -> Option<Evidence> {
    let busiest = phase.generator.busiest_thread;
    (busiest.0 > THREAD_FULL).then(|| {
        phase_evidence(
            phase,
            format!("the generator's busiest thread used {busiest} of a core in the {} phase", phase.name),
        )
    })
}

fn lateness_evidence(phase: &LoadPhase) -> Option<Evidence> {
    let (lag, response) = (phase.sched_lag_us, phase.response_us);
    let late = lag.p99 > MIN_DELAY && lag.p99.as_f64() > response.p50.as_f64() * LAG_LATE;
    let sent = phase.offered_rps.map_or(1.0, |offered| phase.achieved_rps.0 / offered.0);
    let short = sent < MIN_ACHIEVED;
    let seen = late && (short || lag.p99.as_f64() > response.p99.as_f64() * LAG_OF_TAIL);
    (lag.count >= MIN_SAMPLES && seen).then(|| {
        let missing =
            if short { format!("; only {} of the offered rate was achieved", Ratio(sent)) } else { String::new() };
        phase_evidence(
            phase,
            format!(
                "requests of the {} phase were sent late: the 99th percentile of lateness is {}, that of the response time \
                 {}{missing}",
                phase.name, lag.p99, response.p99
            ),
        )
    })
}

/// Mean wait for a core per request, and its share of the median response time.
fn core_wait(phase: &LoadPhase) -> (Micros, f64) {
    let wait = Micros(phase.generator.run_queue_us.get() / phase.requests.max(1));
    (wait, wait.as_f64() / phase.response_us.p50.as_f64().max(1.0))
}

fn core_wait_evidence(phase: &LoadPhase, wait: Micros) -> Evidence {
    let text = format!(
        "the generator waited {wait} for a core per request of the {} phase, at a median response time of {}: part of this \
         time is its own wait",
        phase.name, phase.response_us.p50
    );
    phase_evidence(phase, text)
}

fn phase_evidence(phase: &LoadPhase, text: String) -> Evidence {
    evidence(text, names::load(&phase.name))
}

fn generator_finding(evidence: Vec<Evidence>, severity: Severity) -> Finding {
    Finding {
        id: finding_id(Rule::GeneratorLimited, Tier::Generator, None),
        rule: Rule::GeneratorLimited,
        severity,
        tier: Tier::Generator,
        route: None,
        title: "the load generator was at its limit, so latencies are longer than those of the stack".to_owned(),
        evidence,
        saving: None,
        fix: "lower the rate or the number of users, or give the generator separate cores (another machine, or \
              `taskset` for the stack)"
            .to_owned(),
        reproduce: "kneepoint run".to_owned(),
    }
}

fn foreign_cpu_finding(context: &Context<'_>) -> Option<Finding> {
    let mut found = Vec::new();
    for disturbed in context.conditions.iter().filter(|phase| phase.disturbance >= Disturbance::Doubtful) {
        if context.facts.measured_phases().all(|phase| phase.name != disturbed.phase) {
            continue;
        }
        let host = disturbed.host.as_ref()?;
        found.push(evidence(
            format!(
                "in the {} phase, processes outside the stack used {:.2} of {} cores and the hypervisor took {}",
                disturbed.phase, host.foreign_cores, host.cores, host.steal
            ),
            names::RESOURCES,
        ));
    }
    (!found.is_empty()).then(|| Finding {
        id: finding_id(Rule::GeneratorLimited, Tier::Host, None),
        rule: Rule::GeneratorLimited,
        severity: Severity::Likely,
        tier: Tier::Host,
        route: None,
        title: "other work on this machine used cores that the stack needed".to_owned(),
        evidence: found,
        saving: None,
        fix: "stop the other work and run again, or use a dedicated machine; only counters (statements, bytes) are still valid"
            .to_owned(),
        reproduce: "top -b -n 1 -o %CPU | head -20".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn a_busy_thread_is_reported_even_when_the_phase_is_invalid() {
        let mut facts = fixtures::healthy();
        facts.phases[1].validity.valid = false;
        facts.phases[1].generator.busiest_thread = Ratio(0.97);
        let found = fixtures::findings(&facts, check);
        assert_eq!((found.len(), found[0].tier, found[0].severity), (1, Tier::Generator, Severity::Likely));
        assert!(found[0].evidence[0].text.contains("97.0 %"), "{found:?}");
    }

    #[test]
    fn late_requests_are_reported() {
        let mut facts = fixtures::healthy();
        facts.phases[1].sched_lag_us.p99 = Micros(40_000);
        assert_eq!(fixtures::findings(&facts, check).len(), 1);
        facts.phases[1].sched_lag_us.p99 = Micros(900);
        assert!(fixtures::findings(&facts, check).is_empty());
    }

    #[test]
    fn waiting_for_a_core_is_a_hint() {
        let mut facts = fixtures::healthy();
        facts.phases[0].generator.run_queue_us = Micros(facts.phases[0].requests * 3_000);
        assert_eq!(fixtures::findings(&facts, check)[0].severity, Severity::Hint);
        facts.phases[0].generator.run_queue_us = Micros(facts.phases[0].requests * 6_000);
        assert_eq!(fixtures::findings(&facts, check)[0].severity, Severity::Likely);
        facts.phases[0].generator.run_queue_us = Micros(facts.phases[0].requests * 500);
        assert!(fixtures::findings(&facts, check).is_empty());
    }

    #[test]
    fn foreign_cpu_has_its_own_finding() {
        let mut facts = fixtures::healthy();
        for sample in &mut facts.samples {
            sample.host.foreign_us = sample.tick_us;
        }
        let found = fixtures::findings(&facts, check);
        assert_eq!((found.len(), found[0].tier), (1, Tier::Host), "{found:?}");
    }
}
