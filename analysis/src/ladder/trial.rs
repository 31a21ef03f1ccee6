//! One phase at a fixed rate: was the promise kept, was it broken, or may nothing be said?
//!
//! In this order: what spoils a measurement (a phase cut short, the generator's own faults, neighbours on the machine, too
//! few requests) makes it invalid, whatever it shows; then failed requests, a rate that was not reached, a queue that
//! grows and a missed response time break the promise. So a fast failure never keeps it, and a neighbour never breaks it.

use kneepoint_model::ladder::{Promise, is_step};
use kneepoint_model::load::{LoadModel, LoadPhase, SecondStats};
use kneepoint_model::metric::Metric;
use kneepoint_model::units::{Micros, PerSecond, Ratio};

use super::Step;
use crate::conditions::conditions;
use crate::facts::RunFacts;
use crate::slo_search::StepOutcome;
use crate::types::{Disturbance, PhaseConditions};

/// Below this share of what was due there is no steady state.
const LEAST_ACHIEVED: f64 = 0.98;
/// A queue grows when at the end this many times as many requests are in flight as at the beginning …
const GROWN: f64 = 3.0;
/// … and at least so many more.
const GROWN_BY: f64 = 8.0;

/// The steps of the search so far, in order, each held against the promise.
pub fn steps(facts: &RunFacts, promise: &Promise) -> Vec<Step> {
    let conditions = conditions(facts);
    let of = |phase: &&LoadPhase| is_step(&phase.name);
    let mut steps: Vec<Step> =
        facts.phases.iter().filter(of).filter_map(|phase| judged(phase, &conditions, promise)).collect();
    steps.sort_by(|a, b| a.phase.cmp(&b.phase));
    steps
}

/// The phase of that name as a step; `None` when there is none, or none at a fixed rate.
pub(super) fn named(facts: &RunFacts, name: &str, promise: &Promise) -> Option<Step> {
    judged(facts.phase(name)?, &conditions(facts), promise)
}

/// How many requests a step needs before its promised percentile is judged.
pub const fn samples_for(promise: &Promise) -> u64 {
    promise.metric.samples_needed()
}

fn judged(phase: &LoadPhase, conditions: &[PhaseConditions], promise: &Promise) -> Option<Step> {
    let LoadModel::Open { rate } = phase.load else { return None };
    let own = conditions.iter().find(|own| own.phase == phase.name)?;
    let (outcome, why) = match spoilt(phase, own, promise) {
        Some(why) => (StepOutcome::Invalid, Some(why)),
        None => match broken(phase, promise) {
            Some(why) => (StepOutcome::Broken, Some(why)),
            None => (StepOutcome::Kept, None),
        },
    };
    Some(Step {
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
        notes: own.validity.notes.clone(),
    })
}

fn spoilt(phase: &LoadPhase, own: &PhaseConditions, promise: &Promise) -> Option<String> {
    if phase.partial {
        return Some("it was cut short".to_owned());
    }
    if phase.validity.generator_at_fault {
        let why = phase.validity.why.last().map_or("no reason was recorded", String::as_str);
        return Some(format!("the load generator may not be believed: {why}"));
    }
    if let Some(why) = disturbed(own) {
        return Some(why);
    }
    // Failures decide by themselves, however few requests there were.
    let (_, samples) = promised(phase, promise.metric);
    let needed = samples_for(promise);
    (phase.errors == 0 && samples < needed)
        .then(|| format!("only {samples} requests were measured, and {} needs {needed}", promise.metric))
}

/// Why the machine was too busy with other things for a phase to be held against anything.
pub(super) fn disturbed(own: &PhaseConditions) -> Option<String> {
    match (&own.host, own.disturbance) {
        (None, _) | (_, Disturbance::Unknown) => {
            Some("the machine was not sampled meanwhile, so what others took of it is unknown".to_owned())
        }
        (Some(host), Disturbance::Doubtful | Disturbance::Spoilt) => Some(format!(
            "processes outside the stack used {:.2} of {} cores, and the hypervisor kept {}: stop the other work on this machine and climb again",
            host.foreign_cores, host.cores, host.steal
        )),
        _ => None,
    }
}

fn broken(phase: &LoadPhase, promise: &Promise) -> Option<String> {
    if phase.errors > 0 {
        return Some(format!("{} of {} requests failed", phase.errors, phase.requests));
    }
    let offered = phase.offered_rps.unwrap_or_default();
    if let Some(share) = share(phase.achieved_rps, offered).filter(|share| share.0 < LEAST_ACHIEVED) {
        return Some(format!(
            "only {} of {offered} that were due were answered ({share})",
            phase.achieved_rps
        ));
    }
    let (found, _) = promised(phase, promise.metric);
    if !promise.holds(found) {
        return Some(format!("{} was {found}", promise.metric));
    }
    grown(&phase.seconds).map(|(first, last)| {
        format!(
            "the queue grew from {first:.0} to {last:.0} requests in flight, so it would have broken in time"
        )
    })
}

fn share(part: PerSecond, whole: PerSecond) -> Option<Ratio> {
    (whole.0 > 0.0).then(|| Ratio(part.0 / whole.0))
}

/// Requests in flight at the beginning and at the end, when their number grows.
fn grown(seconds: &[SecondStats]) -> Option<(f64, f64)> {
    let measured: Vec<f64> =
        seconds.iter().filter(|second| !second.warmup).map(|second| second.in_flight as f64).collect();
    // Each end needs two seconds of its own.
    if measured.len() < 4 {
        return None;
    }
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (first, last) = (mean(&measured[..2]), mean(&measured[measured.len() - 2..]));
    (last >= first * GROWN && last - first >= GROWN_BY).then_some((first, last))
}

/// The promised figure, and the values behind it.
fn promised(phase: &LoadPhase, metric: Metric) -> (Micros, u64) {
    let response = &phase.response_us;
    let found = match metric {
        Metric::P50 => response.p50,
        Metric::P90 => response.p90,
        Metric::P99 => response.p99,
        Metric::P999 => response.p999,
        Metric::Max => response.max,
        Metric::Mean => response.mean,
        Metric::TtfbP95 => return (phase.ttfb_us.p95, phase.ttfb_us.count),
        // A promise is only ever made of a response time; the command line refuses all else.
        _ => response.p95,
    };
    (found, response.count)
}
