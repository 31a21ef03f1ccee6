//! One rung, thought from its run folder.

use std::collections::BTreeMap;
use std::time::Duration;

use kneepoint_model::ladder::{EQUAL, Ladder, Promise, Rung, SATURATION};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, PerSecond, Ratio};

use super::trial::{disturbed, named, samples_for, steps};
use super::{Limiting, PerRequest, RungResult, RungState, Saturation, Step, Throughput, limit};
use crate::attribute::hit_ratio;
use crate::conditions::conditions;
use crate::facts::RunFacts;
use crate::server_timing::{statement_counts, trusted_sums};
use crate::slo_search::{Answer, StepOutcome, Tried, answer};
use crate::tiers::tiers;

/// The search begins at this share of what the closed phase reached: below the knee, so that the first step is usually
/// kept and the rest of the budget goes to the interval.
const START: f64 = 0.7;
/// The rate for all rungs is this share of the first rung's: well below its knee.
const EQUAL_SHARE: f64 = 0.6;

/// More requests than are needed, because journeys differ in length.
const SPARE: f64 = 1.15;
/// The longest step, in usual lengths: a rung that is too slow for that says so.
const LONGEST: u32 = 4;

/// Where the search begins, in journeys a second; `None` when no journey ended in the closed phase.
pub fn start_rate(facts: &RunFacts) -> Option<PerSecond> {
    let closed = facts.phase(SATURATION)?;
    let reached = PerSecond::of(closed.journeys, closed.measured()).0;
    (reached > 0.0).then_some(PerSecond(reached * START))
}

/// How long a step at this rate must be measured, so that its promised percentile stands on enough requests; at least as
/// long as usual and at most [`LONGEST`] times that.
pub fn step_length(facts: &RunFacts, promise: &Promise, rate: PerSecond, usual: Duration) -> Duration {
    let per_journey = facts
        .phase(SATURATION)
        .and_then(|closed| Ratio::of(closed.requests, closed.journeys))
        .map_or(1.0, |ratio| ratio.0.max(1.0));
    let needed = samples_for(promise) as f64 * SPARE / (rate.0 * per_journey);
    Duration::try_from_secs_f64(needed).unwrap_or(Duration::MAX).clamp(usual, usual * LONGEST)
}

/// The rate for all rungs that belongs to this rung's throughput, in journeys a second.
pub fn equal_rate(facts: &RunFacts, promise: &Promise) -> Option<PerSecond> {
    match throughput(&steps(facts, promise)) {
        Throughput::Between { kept_journeys, .. } | Throughput::AtLeast { kept_journeys, .. } => {
            Some(PerSecond(kept_journeys.0 * EQUAL_SHARE))
        }
        Throughput::None { .. } => None,
    }
}

/// What is said of a rung; `facts` are those of its run folder, when there is one that can be read.
pub(super) fn result(ladder: &Ladder, asked: &Rung, facts: Option<&RunFacts>) -> RungResult {
    let mut result = RungResult {
        name: asked.name.clone(),
        place: asked.place,
        about: asked.about.clone(),
        buys: asked.buys.clone(),
        run: asked.run.clone(),
        state: RungState::NotReached,
        saturation: None,
        steps: Vec::new(),
        throughput: Throughput::None { why: "it was not loaded".to_owned() },
        equal: None,
        per_request: PerRequest::default(),
        memory: BTreeMap::new(),
        limiting: Limiting::unknown("it was not loaded"),
        bought: None,
        unmeasured: Vec::new(),
    };
    if let Some(facts) = facts.filter(|facts| !facts.phases.is_empty()) {
        result.saturation = saturation(facts);
        result.steps = steps(facts, &ladder.promise);
        result.throughput = throughput(&result.steps);
        result.equal = named(facts, EQUAL, &ladder.promise);
        result.per_request = per_request(facts, result.equal.as_ref());
        result.memory = memory(facts);
        result.limiting = limit::limiting(facts, &asked.machines);
        result.unmeasured.clone_from(&facts.manifest.unmeasured);
    }
    result.state = state(ladder, asked, facts, &result.throughput);
    result
}

fn state(ladder: &Ladder, asked: &Rung, facts: Option<&RunFacts>, throughput: &Throughput) -> RungState {
    if let Some(reason) = &asked.failed {
        return RungState::Failed { reason: reason.clone() };
    }
    let cut = |by: Option<&String>| RungState::CutOff {
        why: by.cloned().unwrap_or_else(|| "kneepoint itself was ended".to_owned()),
    };
    match (facts, throughput) {
        (None, _) if asked.run.is_none() => RungState::NotReached,
        (None, _) => RungState::CutOff { why: "its run folder is missing or cannot be read".to_owned() },
        (Some(facts), _) if !facts.manifest.complete => {
            cut(facts.manifest.stopped_by.as_ref().or(ladder.stopped_by.as_ref()))
        }
        (Some(_), Throughput::None { why }) => RungState::NoFigure { why: why.clone() },
        (Some(_), _) => RungState::Measured,
    }
}

fn saturation(facts: &RunFacts) -> Option<Saturation> {
    let phase = facts.phase(SATURATION)?;
    let conditions = conditions(facts);
    let own = conditions.iter().find(|own| own.phase == SATURATION)?;
    let mut why: Vec<String> = own.validity.why.clone();
    if phase.errors > 0 {
        why.push(format!(
            "{} of {} requests failed; failures are fast and no throughput",
            phase.errors, phase.requests
        ));
    }
    why.extend(disturbed(own).filter(|_| own.validity.valid));
    let sound = why.is_empty();
    why.extend(own.validity.notes.iter().cloned());
    Some(Saturation {
        rps: sound.then_some(phase.achieved_rps),
        requests: phase.requests,
        errors: phase.errors,
        why,
    })
}

/// The highest rate that keeps the promise, in requests a second.
///
/// Rates are asked for in journeys; what a journey is in requests is taken from the step that was kept, so that both
/// ends of the interval are in the same measure.
pub(super) fn throughput(steps: &[Step]) -> Throughput {
    let tried: Vec<Tried> =
        steps.iter().map(|step| Tried { rate: step.rate, outcome: step.outcome }).collect();
    let kept = |rate: PerSecond| {
        let step = steps.iter().find(|step| step.rate == rate && step.outcome == StepOutcome::Kept);
        step.map_or(PerSecond(0.0), |step| step.achieved)
    };
    match answer(&tried) {
        Answer::Between { kept: low, broken: high } => Throughput::Between {
            kept: kept(low),
            broken: PerSecond(kept(low).0 * high.0 / low.0),
            kept_journeys: low,
        },
        Answer::AtLeast(low) => Throughput::AtLeast { kept: kept(low), kept_journeys: low },
        Answer::Below(_) => Throughput::None { why: below(steps) },
        Answer::Unknown => Throughput::None { why: unknown(steps) },
    }
}

fn below(steps: &[Step]) -> String {
    let broken = steps.iter().filter(|step| step.outcome == StepOutcome::Broken);
    let Some(lowest) = broken.min_by(|a, b| a.rate.0.total_cmp(&b.rate.0)) else { return unknown(steps) };
    let why = lowest.why.as_deref().unwrap_or("no reason was recorded");
    let rate = lowest.offered;
    if lowest.errors > 0 {
        format!("even at the lowest rate that was tried ({rate}) {why}: errors are never a throughput")
    } else {
        format!("even at the lowest rate that was tried ({rate}) the promise was broken: {why}")
    }
}

fn unknown(steps: &[Step]) -> String {
    match steps.last() {
        None => "no step of the search was made".to_owned(),
        Some(step) => {
            let why = step.why.as_deref().unwrap_or("no reason was recorded");
            format!("no step of the search may be believed: {why}")
        }
    }
}

/// What a request costs: at the equal rate where that phase may be believed, else in the closed phase.
fn per_request(facts: &RunFacts, equal: Option<&Step>) -> PerRequest {
    let at_equal = equal.is_some_and(|step| step.outcome != StepOutcome::Invalid && step.errors == 0);
    let name = if at_equal { EQUAL } else { SATURATION };
    let Some(phase) = facts.phase(name).filter(|phase| phase.requests > 0 && phase.errors == 0) else {
        return PerRequest::default();
    };
    let quiet = conditions(facts).iter().any(|own| own.phase == name && disturbed(own).is_none());
    let cpu_us = tiers(facts)
        .into_iter()
        .filter(|tier| quiet && tier.phase == name && !matches!(tier.name, Tier::Generator | Tier::Host))
        .filter_map(|tier| tier.cpu_us_per_request.map(|us| (tier.name, us)))
        .collect();
    let (statements, asked) = phase
        .endpoints
        .iter()
        .filter_map(statement_counts)
        .fold((0, 0), |(statements, asked), own| (statements + own.0, asked + own.1));
    let mut cache = BTreeMap::new();
    for (outcome, count) in phase.endpoints.iter().flat_map(|endpoint| &endpoint.cache) {
        *cache.entry(*outcome).or_insert(0) += count;
    }
    let (hits, misses) = phase
        .endpoints
        .iter()
        .filter_map(trusted_sums)
        .fold((0, 0), |(hits, misses), said| (hits + said.cache_hits, misses + said.cache_misses));
    let wire: Bytes = phase.endpoints.iter().map(|endpoint| endpoint.wire_bytes).sum();
    PerRequest {
        phase: name.to_owned(),
        cpu_us,
        statements: Ratio::of(statements, asked).map(|per| per.0),
        bytes: Some(wire.as_f64() / phase.requests as f64),
        proxy_hit: hit_ratio(&cache),
        app_hit: Ratio::of(hits, hits + misses),
    }
}

fn memory(facts: &RunFacts) -> BTreeMap<Tier, Bytes> {
    let mut most: BTreeMap<Tier, Bytes> = BTreeMap::new();
    for tier in tiers(facts) {
        if !matches!(tier.name, Tier::Generator | Tier::Host) {
            let entry = most.entry(tier.name).or_default();
            *entry = (*entry).max(tier.rss_max_bytes);
        }
    }
    most
}
