//! Results of one rung, computed from its run folder.

use std::collections::BTreeMap;
use std::time::Duration;

use kneepoint_model::ladder::{EQUAL_RATE_PHASE, Ladder, LatencySlo, Rung, SATURATION_PHASE};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, PerSecond, Ratio};

use super::trial::{foreign_cpu_reason, requests_needed, trial_of_phase, trials};
use super::{LimitingFactor, PerRequest, RungResult, RungState, Saturation, Throughput, Trial, limit};
use crate::attribute::hit_ratio;
use crate::conditions::phase_conditions;
use crate::facts::RunFacts;
use crate::server_timing::{statement_counts, trusted_sums};
use crate::slo_search::{Bracket, TrialOutcome, TriedRate, bracket};
use crate::tiers::summarise_tiers;

/// The search begins at this share of the throughput of the closed phase: below the knee, so that the first trial usually
/// meets the SLO and the remaining trials narrow the interval.
const START_SHARE: f64 = 0.7;
/// The rate for all rungs is this share of the throughput of the first rung: well below its knee.
const EQUAL_SHARE: f64 = 0.6;

/// Reserve factor for the number of requests, because journeys differ in length.
const RESERVE: f64 = 1.15;
/// Longest trial, as a multiple of the configured length. A rung that is too slow for that has invalid trials.
const MAX_LENGTHS: u32 = 4;

/// The first rate of the search, in journeys per second; `None` when no journey completed in the closed phase.
pub fn start_rate(facts: &RunFacts) -> Option<PerSecond> {
    let closed = facts.phase(SATURATION_PHASE)?;
    let reached = PerSecond::from_count(closed.journeys, closed.measured()).0;
    (reached > 0.0).then_some(PerSecond(reached * START_SHARE))
}

/// How long a trial at this rate must be measured, so that the percentile of the SLO has enough requests; at least as
/// long as usual and at most [`MAX_LENGTHS`] times that.
pub fn trial_duration(facts: &RunFacts, slo: &LatencySlo, rate: PerSecond, usual: Duration) -> Duration {
    let per_journey = facts
        .phase(SATURATION_PHASE)
        .and_then(|closed| Ratio::from_parts(closed.requests, closed.journeys))
        .map_or(1.0, |ratio| ratio.0.max(1.0));
    let needed = requests_needed(slo) as f64 * RESERVE / (rate.0 * per_journey);
    Duration::try_from_secs_f64(needed).unwrap_or(Duration::MAX).clamp(usual, usual * MAX_LENGTHS)
}

/// The rate for all rungs that follows from the throughput of this rung, in journeys per second.
pub fn equal_rate(facts: &RunFacts, slo: &LatencySlo) -> Option<PerSecond> {
    match throughput(&trials(facts, slo)) {
        Throughput::Between { sustained_journeys, .. } | Throughput::AtLeast { sustained_journeys, .. } => {
            Some(PerSecond(sustained_journeys.0 * EQUAL_SHARE))
        }
        Throughput::None { .. } => None,
    }
}

/// Results of a rung; `facts` are those of its run folder, `None` when there is none or it is unreadable.
pub(super) fn measure_rung(ladder: &Ladder, requested: &Rung, facts: Option<&RunFacts>) -> RungResult {
    let mut result = RungResult {
        name: requested.name.clone(),
        place: requested.place,
        about: requested.about.clone(),
        buys: requested.buys.clone(),
        run: requested.run.clone(),
        state: RungState::NotReached,
        saturation: None,
        trials: Vec::new(),
        throughput: Throughput::None { why: "the rung was not loaded".to_owned() },
        equal: None,
        per_request: PerRequest::default(),
        memory: BTreeMap::new(),
        limiting: LimitingFactor::unknown("the rung was not loaded"),
        gain: None,
        unmeasured: Vec::new(),
    };
    if let Some(facts) = facts.filter(|facts| !facts.phases.is_empty()) {
        result.saturation = saturation(facts);
        result.trials = trials(facts, &ladder.slo);
        result.throughput = throughput(&result.trials);
        result.equal = trial_of_phase(facts, EQUAL_RATE_PHASE, &ladder.slo);
        result.per_request = per_request(facts, result.equal.as_ref());
        result.memory = peak_memory(facts);
        result.limiting = limit::find_limit(facts, &requested.machines);
        result.unmeasured.clone_from(&facts.manifest.unmeasured);
    }
    result.state = state(ladder, requested, facts, &result.throughput);
    result
}

fn state(ladder: &Ladder, requested: &Rung, facts: Option<&RunFacts>, throughput: &Throughput) -> RungState {
    if let Some(reason) = &requested.failed {
        return RungState::Failed { reason: reason.clone() };
    }
    let cut = |by: Option<&String>| RungState::CutOff {
        why: by.cloned().unwrap_or_else(|| "kneepoint was killed".to_owned()),
    };
    match (facts, throughput) {
        (None, _) if requested.run.is_none() => RungState::NotReached,
        (None, _) => RungState::CutOff { why: "its run folder is missing or unreadable".to_owned() },
        (Some(facts), _) if !facts.manifest.complete => {
            cut(facts.manifest.stopped_by.as_ref().or(ladder.stopped_by.as_ref()))
        }
        (Some(_), Throughput::None { why }) => RungState::NoFigure { why: why.clone() },
        (Some(_), _) => RungState::Measured,
    }
}

fn saturation(facts: &RunFacts) -> Option<Saturation> {
    let phase = facts.phase(SATURATION_PHASE)?;
    let conditions = phase_conditions(facts);
    let closed = conditions.iter().find(|conditions| conditions.phase == SATURATION_PHASE)?;
    let mut why: Vec<String> = closed.validity.why.clone();
    if phase.errors > 0 {
        why.push(format!(
            "{} of {} requests failed; failures are fast, so they do not count as throughput",
            phase.errors, phase.requests
        ));
    }
    why.extend(foreign_cpu_reason(closed).filter(|_| closed.validity.valid));
    let valid = why.is_empty();
    why.extend(closed.validity.notes.iter().cloned());
    Some(Saturation {
        rps: valid.then_some(phase.achieved_rps),
        requests: phase.requests,
        errors: phase.errors,
        why,
    })
}

/// The highest rate that meets the SLO, in requests per second.
///
/// The search sets rates in journeys. The requests per journey come from the trial that met the SLO, so that both ends of
/// the interval have the same unit.
pub(super) fn throughput(trials: &[Trial]) -> Throughput {
    let tried: Vec<TriedRate> =
        trials.iter().map(|trial| TriedRate { rate: trial.rate, outcome: trial.outcome }).collect();
    let achieved = |rate: PerSecond| {
        let trial = trials.iter().find(|trial| trial.rate == rate && trial.outcome == TrialOutcome::Met);
        trial.map_or(PerSecond(0.0), |trial| trial.achieved)
    };
    match bracket(&tried) {
        Bracket::Between { met: low, violated: high } => Throughput::Between {
            sustained: achieved(low),
            violated: PerSecond(achieved(low).0 * high.0 / low.0),
            sustained_journeys: low,
        },
        Bracket::AtLeast(low) => Throughput::AtLeast { sustained: achieved(low), sustained_journeys: low },
        Bracket::Below(_) => Throughput::None { why: explain_below(trials) },
        Bracket::Unknown => Throughput::None { why: explain_unknown(trials) },
    }
}

fn explain_below(trials: &[Trial]) -> String {
    let violated = trials.iter().filter(|trial| trial.outcome == TrialOutcome::Violated);
    let Some(lowest) = violated.min_by(|a, b| a.rate.0.total_cmp(&b.rate.0)) else {
        return explain_unknown(trials);
    };
    let why = lowest.why.as_deref().unwrap_or("no reason was recorded");
    let rate = lowest.offered;
    if lowest.errors > 0 {
        format!("even at the lowest rate tried ({rate}) {why}: failed requests never count as throughput")
    } else {
        format!("even the lowest rate tried ({rate}) violated the SLO: {why}")
    }
}

fn explain_unknown(trials: &[Trial]) -> String {
    match trials.last() {
        None => "the search made no trial".to_owned(),
        Some(trial) => {
            let why = trial.why.as_deref().unwrap_or("no reason was recorded");
            format!("no trial of the search is valid: {why}")
        }
    }
}

/// Cost of a request: at the equal rate when that phase is valid, else in the closed phase.
fn per_request(facts: &RunFacts, equal: Option<&Trial>) -> PerRequest {
    let at_equal = equal.is_some_and(|trial| trial.outcome != TrialOutcome::Invalid && trial.errors == 0);
    let name = if at_equal { EQUAL_RATE_PHASE } else { SATURATION_PHASE };
    let Some(phase) = facts.phase(name).filter(|phase| phase.requests > 0 && phase.errors == 0) else {
        return PerRequest::default();
    };
    let quiet = phase_conditions(facts)
        .iter()
        .any(|phase| phase.phase == name && foreign_cpu_reason(phase).is_none());
    let cpu_us = summarise_tiers(facts)
        .into_iter()
        .filter(|tier| quiet && tier.phase == name && !matches!(tier.name, Tier::Generator | Tier::Host))
        .filter_map(|tier| tier.cpu_us_per_request.map(|us| (tier.name, us)))
        .collect();
    let (statements, requests) = phase
        .endpoints
        .iter()
        .filter_map(statement_counts)
        .fold((0, 0), |(statements, requests), counts| (statements + counts.0, requests + counts.1));
    let mut cache = BTreeMap::new();
    for (outcome, count) in phase.endpoints.iter().flat_map(|endpoint| &endpoint.cache) {
        *cache.entry(*outcome).or_insert(0) += count;
    }
    let (hits, misses) = phase
        .endpoints
        .iter()
        .filter_map(trusted_sums)
        .fold((0, 0), |(hits, misses), sums| (hits + sums.cache_hits, misses + sums.cache_misses));
    let wire: Bytes = phase.endpoints.iter().map(|endpoint| endpoint.wire_bytes).sum();
    PerRequest {
        phase: name.to_owned(),
        cpu_us,
        statements: Ratio::from_parts(statements, requests).map(|per| per.0),
        bytes: Some(wire.as_f64() / phase.requests as f64),
        proxy_hit: hit_ratio(&cache),
        app_hit: Ratio::from_parts(hits, hits + misses),
    }
}

fn peak_memory(facts: &RunFacts) -> BTreeMap<Tier, Bytes> {
    let mut most: BTreeMap<Tier, Bytes> = BTreeMap::new();
    for tier in summarise_tiers(facts) {
        if !matches!(tier.name, Tier::Generator | Tier::Host) {
            let entry = most.entry(tier.name).or_default();
            *entry = (*entry).max(tier.rss_max_bytes);
        }
    }
    most
}
