//! Assertions: those of the file, and those of the steps of the scenarios.

use std::collections::BTreeMap;

use kneepoint_ci::{PlanError, SloPlan, check_endpoints, parse_step_assertion};
use kneepoint_scenarios::{Scenario, StepSlo};
use serde::Serialize;

use super::Mix;
use crate::config::raw::{FailOn, Slo};
use crate::config::required::required;
use crate::config::value::AssertionText;
use crate::config::{ConfigError, Overrides};

/// `[slo]`, with the assertions of the scenarios.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SloPart {
    #[serde(skip)]
    pub(crate) plan: SloPlan,
    pub(crate) written: Vec<String>,
    pub(crate) fail_on: FailOn,
}

/// Combines the file, the command line and the scenarios.
pub(super) fn build_slo(raw: &Slo, over: &Overrides, mix: &Mix) -> Result<SloPart, ConfigError> {
    let refused = |e: PlanError| ConfigError::Refused(e.to_string());
    let texts = |list: &[AssertionText]| list.iter().map(|a| a.0.to_string()).collect::<Vec<_>>();
    let global = texts(raw.assert.as_deref().unwrap_or_default());
    let endpoints: BTreeMap<_, _> =
        raw.endpoint.iter().flatten().map(|(name, list)| (name.clone(), texts(list))).collect();
    let fail_on = over.fail_on.unwrap_or(required(raw.fail_on));
    let plan = SloPlan::parse(&global, &endpoints, None, fail_on.severity()).map_err(refused)?;
    if let Mix::Given(scenarios) = mix {
        let steps = scenarios.iter().flat_map(|(scenario, _)| scenario.steps());
        let known: Vec<_> = steps.map(|step| step.name().to_owned()).collect();
        check_endpoints(&plan, &known).map_err(refused)?;
    }
    let per_endpoint =
        endpoints.iter().flat_map(|(name, list)| list.iter().map(move |text| format!("{name}: {text}")));
    let mut written: Vec<String> = global.iter().cloned().chain(per_endpoint).collect();
    if let Mix::Given(scenarios) = mix {
        written.extend(step_assertions(scenarios)?);
    }
    Ok(SloPart { plan, written, fail_on })
}

/// The assertions of the scenarios' steps. The gate reads them from the run folder; here they are only validated.
fn step_assertions(scenarios: &[(Scenario, u32)]) -> Result<Vec<String>, ConfigError> {
    let steps = scenarios.iter().flat_map(|(scenario, _)| scenario.steps());
    let all = steps.flat_map(|step| step.slo().iter().map(move |promise| (step.name(), promise)));
    let one = |(step, said): (&str, &StepSlo)| match parse_step_assertion(said.assertion()) {
        Ok(assertion) => Ok(format!("{step}: {assertion}")),
        Err(why) => Err(ConfigError::Refused(said.to_error(why).to_string())),
    };
    all.map(one).collect()
}
