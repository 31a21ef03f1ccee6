//! Assertions: those of the file, and what the scenarios promise of their steps.

use std::collections::BTreeMap;

use kneepoint_ci::{PlanError, SloPlan, check_endpoints, parse_step_assertion};
use kneepoint_scenarios::{Promised, Scenario};
use serde::Serialize;

use super::{Mix, set};
use crate::config::raw::{FailOn, Slo};
use crate::config::value::AssertionText;
use crate::config::{ConfigError, Overrides};

/// Assertions.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SloPart {
    #[serde(skip)]
    pub(crate) plan: SloPlan,
    pub(crate) written: Vec<String>,
    pub(crate) fail_on: FailOn,
}

/// Makes them of the file, the command line and the scenarios.
pub(super) fn slo(raw: &Slo, over: &Overrides, mix: &Mix) -> Result<SloPart, ConfigError> {
    let refused = |e: PlanError| ConfigError::Refused(e.to_string());
    let texts = |list: &[AssertionText]| list.iter().map(|a| a.0.to_string()).collect::<Vec<_>>();
    let global = texts(raw.assert.as_deref().unwrap_or_default());
    let endpoints: BTreeMap<_, _> =
        raw.endpoint.iter().flatten().map(|(name, list)| (name.clone(), texts(list))).collect();
    let fail_on = over.fail_on.unwrap_or(set(raw.fail_on));
    let plan = SloPlan::parse(&global, &endpoints, None, fail_on.severity()).map_err(refused)?;
    if let Mix::Given(scenarios) = mix {
        let steps = scenarios.iter().flat_map(|(scenario, _)| scenario.steps());
        let known: Vec<_> = steps.map(|step| step.name().to_owned()).collect();
        check_endpoints(&plan, &known).map_err(refused)?;
    }
    let of_one =
        endpoints.iter().flat_map(|(name, list)| list.iter().map(move |text| format!("{name}: {text}")));
    let mut written: Vec<String> = global.iter().cloned().chain(of_one).collect();
    if let Mix::Given(scenarios) = mix {
        written.extend(promises(scenarios)?);
    }
    Ok(SloPart { plan, written, fail_on })
}

/// What the scenarios promise of their steps. It is judged from the run folder; here it must only be understood.
fn promises(scenarios: &[(Scenario, u32)]) -> Result<Vec<String>, ConfigError> {
    let steps = scenarios.iter().flat_map(|(scenario, _)| scenario.steps());
    let all = steps.flat_map(|step| step.slo().iter().map(move |promise| (step.name(), promise)));
    let one = |(step, said): (&str, &Promised)| match parse_step_assertion(said.text()) {
        Ok(assertion) => Ok(format!("{step}: {assertion}")),
        Err(why) => Err(ConfigError::Refused(said.refuse(why).to_string())),
    };
    all.map(one).collect()
}
