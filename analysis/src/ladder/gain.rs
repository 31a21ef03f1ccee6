//! The gain of one rung over the rung below.

use kneepoint_model::ladder::EQUAL_RATE_PHASE;
use kneepoint_model::load::LoadPhase;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Micros;

use super::{Change, Counter, Effect, Gain, RungResult, Throughput, Trial};
use crate::conditions::window;
use crate::facts::RunFacts;
use crate::slo_search::TrialOutcome;

/// Two starts of the same stack differ by a few per cent: a smaller difference is not an effect.
const MIN_EFFECT: f64 = 0.05;
/// Counters vary only with the mix of journeys: a counter has changed when it differs by more than this share.
const MIN_COUNTER_CHANGE: f64 = 0.05;

type Side<'a> = (&'a RungResult, &'a RunFacts);

/// Compares a rung with the rung below it.
pub(super) fn compare_rungs(below: Side<'_>, here: Side<'_>) -> Gain {
    Gain {
        against: below.0.name.clone(),
        throughput: compare_throughput(&below.0.throughput, &here.0.throughput),
        cpu: compare_at_equal_rate(below, here, cpu_per_request),
        p50: compare_at_equal_rate(below, here, |_, phase| median_responses(phase)),
        changes: changed_counters(below.0, here.0),
    }
}

fn compare_throughput(below: &Throughput, here: &Throughput) -> Effect {
    let (Some(under), Some(over)) = (below.sustained(), here.sustained()) else {
        return Effect::unknown("one of the two rungs has no throughput at the SLO");
    };
    if under.0 <= 0.0 || over.0 <= 0.0 {
        return Effect::unknown("one of the two rungs completed no request");
    }
    let low = below.violated().map(|violated| over.0 / violated.0);
    let high = here.violated().map(|violated| violated.0 / under.0);
    let ratio = low.zip(high).map(|(low, high)| (low * high).sqrt());
    Effect::between(low, high, ratio, MIN_EFFECT)
}

/// Compares a series of one value per second at the equal rate.
fn compare_at_equal_rate(
    below: Side<'_>,
    here: Side<'_>,
    series: impl Fn(&RunFacts, &LoadPhase) -> Vec<f64>,
) -> Effect {
    for (result, _) in [below, here] {
        if let Err(why) = check_equal_phase(result) {
            return Effect::unknown(why);
        }
    }
    let values = |(_, facts): Side<'_>| {
        facts.phase(EQUAL_RATE_PHASE).map(|phase| series(facts, phase)).unwrap_or_default()
    };
    Effect::shift(&values(below), &values(here), MIN_EFFECT)
}

fn check_equal_phase(result: &RungResult) -> Result<(), String> {
    let name = &result.name;
    match &result.equal {
        None => Err(format!("{name} was not loaded at the equal rate")),
        Some(Trial { outcome: TrialOutcome::Invalid, why, .. }) => Err(format!(
            "the phase of {name} at the equal rate is invalid: {}",
            why.as_deref().unwrap_or("no reason was recorded")
        )),
        Some(trial) if trial.errors > 0 => {
            Err(format!("{} of {} requests to {name} failed at the equal rate", trial.errors, trial.requests))
        }
        Some(_) => Ok(()),
    }
}

/// Median response time of each measured second.
fn median_responses(phase: &LoadPhase) -> Vec<f64> {
    let measured = phase.seconds.iter().filter(|second| !second.warmup && second.requests > 0);
    measured.map(|second| second.p50_us.as_f64()).collect()
}

/// CPU time per request of all tiers in each measured second, from the ticks whose middle lies in it.
fn cpu_per_request(facts: &RunFacts, phase: &LoadPhase) -> Vec<f64> {
    let ticks: Vec<(f64, Micros, Micros)> = window(&facts.samples, phase)
        .map(|sample| {
            let middle = sample.at_ms.as_f64() - sample.tick_us.as_millis() / 2.0;
            let tiers = sample.tiers.iter().filter(|t| !matches!(t.tier, Tier::Generator | Tier::Host));
            (middle, sample.tick_us, tiers.map(|tier| tier.cpu_us).sum())
        })
        .collect();
    let in_second = |from: f64| {
        let inside = ticks.iter().filter(|tick| tick.0 >= from && tick.0 < from + 1_000.0);
        inside.fold((Micros::ZERO, Micros::ZERO), |(length, used), tick| (length + tick.1, used + tick.2))
    };
    let seconds = phase.seconds.iter().filter(|second| !second.warmup && second.requests > 0);
    seconds
        .filter_map(|second| {
            let (length, used) = in_second(second.at_ms.as_f64());
            // Ticks that cover less than half of the second do not represent it.
            (length.as_secs() >= 0.5).then(|| used.as_f64() / length.as_secs() / second.requests as f64)
        })
        .collect()
}

fn changed_counters(below: &RungResult, here: &RungResult) -> Vec<Change> {
    let (a, b) = (&below.per_request, &here.per_request);
    // Counters of phases of different kinds are not comparable.
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
        (Some(from), Some(to)) => (from - to).abs() > MIN_COUNTER_CHANGE * from.abs().max(to.abs()),
        (None, None) => false,
        _ => true,
    };
    pairs
        .into_iter()
        .filter(|(_, from, to, comparable)| *comparable && changed(*from, *to))
        .map(|(counter, from, to, _)| Change { counter, from, to })
        .collect()
}
