//! What the plan of a phase leaves in its run folder.

use std::collections::BTreeMap;

use kneepoint_model::run::FORMAT_VERSION;

use crate::plan::PhasePlan;
use crate::recorder::{Endpoint, PlanRecord, collect_feeds, collect_groups};
use crate::window::Window;

/// The record of a plan whose times and endpoints are known.
pub(crate) fn plan_record(plan: &PhasePlan, window: &Window, endpoints: &[Endpoint]) -> PlanRecord {
    let mut scenarios = BTreeMap::new();
    for (scenario, weight) in plan.scenarios.iter().filter(|(_, weight)| *weight > 0) {
        *scenarios.entry(scenario.name().to_owned()).or_insert(0) += weight;
    }
    for (journey, weight) in plan.journeys.iter().filter(|(_, weight)| *weight > 0) {
        *scenarios.entry(journey.name().to_owned()).or_insert(0) += weight;
    }
    PlanRecord {
        format_version: FORMAT_VERSION,
        name: plan.name.clone(),
        load: plan.load.model(),
        http: plan.options.http,
        scenarios,
        seed: plan.options.seed,
        started_ms: window.started_ms,
        measured_from_ms: window.to_ms(window.from),
        measured_until_ms: window.to_ms(window.until),
        segments: plan.load.segments(),
        pacing: plan.pacing(),
        endpoints: endpoints.to_vec(),
        feeds: collect_feeds(&plan.scenarios),
        groups: collect_groups(&plan.scenarios).0,
    }
}
