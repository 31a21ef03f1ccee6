//! What the step from one rung to the next bought.

use kneepoint_model::ladder::EQUAL;
use kneepoint_model::load::LoadPhase;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Micros;

use super::{Bought, Change, Counter, Effect, RungResult, Step, Throughput};
use crate::conditions::window;
use crate::facts::RunFacts;
use crate::slo_search::StepOutcome;

/// One bring-up differs from the next by a few per cent: a smaller effect is not called one.
const LEAST: f64 = 0.05;
/// A counter is exact but for the mix of journeys: it has changed when it differs by more than this.
const COUNTED: f64 = 0.05;

type Side<'a> = (&'a RungResult, &'a RunFacts);

/// What the step bought.
pub(super) fn bought(below: Side<'_>, here: Side<'_>) -> Bought {
    Bought {
        against: below.0.name.clone(),
        throughput: throughput(&below.0.throughput, &here.0.throughput),
        cpu: at_equal_rate(below, here, cpu),
        p50: at_equal_rate(below, here, |_, phase| medians(phase)),
        changes: changes(below.0, here.0),
    }
}

fn throughput(below: &Throughput, here: &Throughput) -> Effect {
    let (Some(under), Some(over)) = (below.kept(), here.kept()) else {
        return Effect::unknown("one of the two has no throughput at the promise");
    };
    if under.0 <= 0.0 || over.0 <= 0.0 {
        return Effect::unknown("one of the two answered nothing");
    }
    let low = below.broken().map(|broken| over.0 / broken.0);
    let high = here.broken().map(|broken| broken.0 / under.0);
    let ratio = low.zip(high).map(|(low, high)| (low * high).sqrt());
    Effect::between(low, high, ratio, LEAST)
}

/// A figure second by second at the equal rate, on both rungs.
fn at_equal_rate(
    below: Side<'_>,
    here: Side<'_>,
    series: impl Fn(&RunFacts, &LoadPhase) -> Vec<f64>,
) -> Effect {
    for (result, _) in [below, here] {
        if let Err(why) = may_be_held(result) {
            return Effect::unknown(why);
        }
    }
    let of = |(_, facts): Side<'_>| facts.phase(EQUAL).map(|phase| series(facts, phase)).unwrap_or_default();
    Effect::shift(&of(below), &of(here), LEAST)
}

fn may_be_held(result: &RungResult) -> Result<(), String> {
    let name = &result.name;
    match &result.equal {
        None => Err(format!("{name} was not loaded at the equal rate")),
        Some(Step { outcome: StepOutcome::Invalid, why, .. }) => Err(format!(
            "the phase of {name} at the equal rate may not be believed: {}",
            why.as_deref().unwrap_or("no reason was recorded")
        )),
        Some(step) if step.errors > 0 => {
            Err(format!("{name} failed {} of {} requests at the equal rate", step.errors, step.requests))
        }
        Some(_) => Ok(()),
    }
}

/// Median response time of each measured second.
fn medians(phase: &LoadPhase) -> Vec<f64> {
    let measured = phase.seconds.iter().filter(|second| !second.warmup && second.requests > 0);
    measured.map(|second| second.p50_us.as_f64()).collect()
}

/// CPU time per request of all tiers in each measured second: of the ticks whose middle lies in it.
fn cpu(facts: &RunFacts, phase: &LoadPhase) -> Vec<f64> {
    let ticks: Vec<(f64, Micros, Micros)> = window(&facts.samples, phase)
        .map(|sample| {
            let middle = sample.at_ms.as_f64() - sample.tick_us.as_millis() / 2.0;
            let tiers = sample.tiers.iter().filter(|t| !matches!(t.tier, Tier::Generator | Tier::Host));
            (middle, sample.tick_us, tiers.map(|tier| tier.cpu_us).sum())
        })
        .collect();
    let in_second = |from: f64| {
        let own = ticks.iter().filter(|tick| tick.0 >= from && tick.0 < from + 1_000.0);
        own.fold((Micros::ZERO, Micros::ZERO), |(length, used), tick| (length + tick.1, used + tick.2))
    };
    let seconds = phase.seconds.iter().filter(|second| !second.warmup && second.requests > 0);
    seconds
        .filter_map(|second| {
            let (length, used) = in_second(second.at_ms.as_f64());
            // Ticks that cover too little of the second do not speak for it.
            (length.as_secs() >= 0.5).then(|| used.as_f64() / length.as_secs() / second.requests as f64)
        })
        .collect()
}

fn changes(below: &RungResult, here: &RungResult) -> Vec<Change> {
    let (a, b) = (&below.per_request, &here.per_request);
    // What was counted in phases of different kinds is not compared.
    let comparable = a.phase == b.phase;
    let memory = |result: &RungResult| result.memory_all().map(kneepoint_model::units::Bytes::as_f64);
    let pairs = [
        (Counter::Statements, a.statements, b.statements, comparable),
        (Counter::Bytes, a.bytes, b.bytes, comparable),
        (Counter::ProxyHit, a.proxy_hit.map(|r| r.0), b.proxy_hit.map(|r| r.0), comparable),
        (Counter::AppHit, a.app_hit.map(|r| r.0), b.app_hit.map(|r| r.0), comparable),
        (Counter::Memory, memory(below), memory(here), true),
    ];
    let changed = |from: Option<f64>, to: Option<f64>| match (from, to) {
        (Some(from), Some(to)) => (from - to).abs() > COUNTED * from.abs().max(to.abs()),
        (None, None) => false,
        _ => true,
    };
    pairs
        .into_iter()
        .filter(|(_, from, to, comparable)| *comparable && changed(*from, *to))
        .map(|(counter, from, to, _)| Change { counter, from, to })
        .collect()
}
