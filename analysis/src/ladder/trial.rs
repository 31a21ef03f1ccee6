//! One phase at a fixed rate: the SLO is met, it is violated, or the trial is invalid.
//!
//! Checked in this order: an invalid measurement (a phase cut short, a limited generator, foreign CPU use, too few
//! requests) makes the trial invalid, whatever its figures are; then failed requests, a rate that was not reached, a
//! growing queue or a response time above the limit violate the SLO. So a fast failure never meets the SLO, and foreign
//! CPU use never violates it.

use kneepoint_model::ladder::{LatencySlo, is_trial};
use kneepoint_model::load::{LoadModel, LoadPhase, SecondStats};
use kneepoint_model::metric::Metric;
use kneepoint_model::units::{Micros, PerSecond, Ratio};

use super::Trial;
use crate::conditions::phase_conditions;
use crate::facts::RunFacts;
use crate::slo_search::TrialOutcome;
use crate::types::{Disturbance, PhaseConditions};

/// Below this share of the offered rate there is no steady state.
const MIN_ACHIEVED: f64 = 0.98;
/// A queue grows when the requests in flight at the end are this many times those at the beginning …
const MIN_GROWTH: f64 = 3.0;
/// … and exceed them by at least this number.
const MIN_GROWTH_BY: f64 = 8.0;

/// The trials of the search so far, in order.
pub fn trials(facts: &RunFacts, slo: &LatencySlo) -> Vec<Trial> {
    let conditions = phase_conditions(facts);
    let phases = facts.phases.iter().filter(|phase| is_trial(&phase.name));
    let mut trials: Vec<Trial> = phases.filter_map(|phase| judge(phase, &conditions, slo)).collect();
    trials.sort_by(|a, b| a.phase.cmp(&b.phase));
    trials
}

/// The named phase as a trial; `None` when there is no such phase, or its rate is not fixed.
pub(super) fn trial_of_phase(facts: &RunFacts, name: &str, slo: &LatencySlo) -> Option<Trial> {
    judge(facts.phase(name)?, &phase_conditions(facts), slo)
}

/// Requests that a trial needs before the percentile of the SLO is judged.
pub const fn requests_needed(slo: &LatencySlo) -> u64 {
    slo.metric.samples_needed()
}

fn judge(phase: &LoadPhase, conditions: &[PhaseConditions], slo: &LatencySlo) -> Option<Trial> {
    let LoadModel::Open { rate } = phase.load else { return None };
    let conditions = conditions.iter().find(|conditions| conditions.phase == phase.name)?;
    let (outcome, why) = match invalid_reason(phase, conditions, slo) {
        Some(why) => (TrialOutcome::Invalid, Some(why)),
        None => match violation(phase, slo) {
            Some(why) => (TrialOutcome::Violated, Some(why)),
            None => (TrialOutcome::Met, None),
        },
    };
    Some(Trial {
        phase: phase.name.clone(),
        rate,
        offered: phase.offered_rps.unwrap_or_default(),
        achieved: phase.achieved_rps,
        requests: phase.requests,
        errors: phase.errors,
        p50: phase.response_us.p50,
        p95: phase.response_us.p95,
        p99: phase.response_us.p99,
        outcome,
        why,
        notes: conditions.validity.notes.clone(),
    })
}

fn invalid_reason(phase: &LoadPhase, conditions: &PhaseConditions, slo: &LatencySlo) -> Option<String> {
    if phase.partial {
        return Some("the phase was cut short".to_owned());
    }
    if phase.validity.generator_at_fault {
        let why = phase.validity.why.last().map_or("no reason was recorded", String::as_str);
        return Some(format!("the load generator was at its limit: {why}"));
    }
    if let Some(why) = foreign_cpu_reason(conditions) {
        return Some(why);
    }
    // Failures violate the SLO however few requests there were.
    let (_, samples) = measured_figure(phase, slo.metric);
    let needed = requests_needed(slo);
    (phase.errors == 0 && samples < needed)
        .then(|| format!("only {samples} requests were measured; {} needs {needed}", slo.metric))
}

/// Why foreign CPU use makes a phase incomparable; `None` when the machine was quiet enough.
pub(super) fn foreign_cpu_reason(conditions: &PhaseConditions) -> Option<String> {
    match (&conditions.host, conditions.disturbance) {
        (None, _) | (_, Disturbance::Unknown) => {
            Some("the machine was not sampled during the phase, so foreign CPU use is unknown".to_owned())
        }
        (Some(host), Disturbance::Doubtful | Disturbance::Invalidating) => Some(format!(
            "processes outside the stack used {:.2} of {} cores, and the hypervisor took {}: stop the other work on this machine and repeat the ladder run",
            host.foreign_cores, host.cores, host.steal
        )),
        _ => None,
    }
}

fn violation(phase: &LoadPhase, slo: &LatencySlo) -> Option<String> {
    if phase.errors > 0 {
        return Some(format!("{} of {} requests failed", phase.errors, phase.requests));
    }
    let offered = phase.offered_rps.unwrap_or_default();
    if let Some(share) = share(phase.achieved_rps, offered).filter(|share| share.0 < MIN_ACHIEVED) {
        return Some(format!("only {} of the offered {offered} completed ({share})", phase.achieved_rps));
    }
    let (found, _) = measured_figure(phase, slo.metric);
    if !slo.is_met_by(found) {
        return Some(format!("{} was {found}", slo.metric));
    }
    queue_growth(&phase.seconds).map(|(first, last)| {
        format!(
            "the queue grew from {first:.0} to {last:.0} requests in flight, so a longer trial violates the SLO"
        )
    })
}

fn share(part: PerSecond, whole: PerSecond) -> Option<Ratio> {
    (whole.0 > 0.0).then(|| Ratio(part.0 / whole.0))
}

/// Mean requests in flight at the beginning and at the end; `None` when their number does not grow.
fn queue_growth(seconds: &[SecondStats]) -> Option<(f64, f64)> {
    let measured: Vec<f64> =
        seconds.iter().filter(|second| !second.warmup).map(|second| second.in_flight as f64).collect();
    // The beginning and the end are two seconds each.
    if measured.len() < 4 {
        return None;
    }
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (first, last) = (mean(&measured[..2]), mean(&measured[measured.len() - 2..]));
    (last >= first * MIN_GROWTH && last - first >= MIN_GROWTH_BY).then_some((first, last))
}

/// The figure that the SLO limits, and the number of values it is computed from.
fn measured_figure(phase: &LoadPhase, metric: Metric) -> (Micros, u64) {
    let response = &phase.response_us;
    let found = match metric {
        Metric::P50 => response.p50,
        Metric::P90 => response.p90,
        Metric::P99 => response.p99,
        Metric::P999 => response.p999,
        Metric::Max => response.max,
        Metric::Mean => response.mean,
        Metric::TtfbP95 => return (phase.ttfb_us.p95, phase.ttfb_us.count),
        // The SLO of a ladder run limits a response time; the configuration refuses every other metric.
        _ => response.p95,
    };
    (found, response.count)
}
