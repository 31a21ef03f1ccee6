//! The plan of a phase with everything computed that need not be computed for each request. Immutable.

mod headers;
mod journey;
mod step;

use kneepoint_model::user_schedule::UserSchedule;
use kneepoint_scenarios::{Scenario, Secret, SessionScope};

pub(crate) use self::journey::PreparedJourney;
pub(crate) use self::step::{PreparedAssets, PreparedStep};
use crate::error::LoadError;
use crate::plan::PhasePlan;
use crate::recorder::{Endpoint, collect_endpoints, collect_groups};
use crate::scheduler::picker::Picker;
use crate::transport::Target;
use crate::user::links::SiteOrigin;
use crate::window::Window;

/// A plan that is ready to run.
pub(crate) struct PreparedPhase {
    pub(crate) plan: PhasePlan,
    pub(crate) window: Window,
    pub(crate) site: SiteOrigin,
    pub(crate) target: Target,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) picker: Picker,
    /// When each user is active, in the closed model.
    pub(crate) user_schedule: UserSchedule,
    /// By scenario and step.
    pub(crate) steps: Vec<Vec<PreparedStep>>,
    /// By custom journey.
    pub(crate) journeys: Vec<PreparedJourney>,
    /// By scenario: the number of its first feed among all feeds.
    pub(crate) feed_offsets: Vec<usize>,
    /// Texts that must not be stored; empty where no value comes from the environment.
    pub(crate) secrets: Vec<String>,
}

/// Resolves and probes the server that a plan names.
pub(crate) fn find_target(plan: &PhasePlan) -> Result<Target, LoadError> {
    let site = SiteOrigin::new(&plan.base_url, plan.host_header.as_deref());
    Target::find(&plan.base_url, site.host(), &plan.via, plan.options.http, plan.options.read_rate)
}

impl PreparedPhase {
    pub(crate) fn new(plan: &PhasePlan, window: Window, target: Target) -> Result<Self, LoadError> {
        let site = SiteOrigin::new(&plan.base_url, plan.host_header.as_deref());
        let (mut endpoints, numbers) = collect_endpoints(&plan.scenarios);
        let journeys: Result<_, _> = plan
            .journeys
            .iter()
            .map(|(journey, _)| PreparedJourney::new(plan, &site, journey.as_ref(), &mut endpoints))
            .collect();
        let mut steps = Vec::new();
        for ((scenario, _), numbers) in plan.scenarios.iter().zip(numbers) {
            steps.push(step::prepare_steps(plan, &site, scenario, &endpoints, &numbers)?);
        }
        let (_, groups) = collect_groups(&plan.scenarios);
        for (step, group) in steps.iter_mut().flatten().zip(groups.into_iter().flatten()) {
            step.group = group;
        }
        let feeds = plan.scenarios.iter().map(|(scenario, _)| scenario.feeds().count());
        let secrets = plan.scenarios.iter().flat_map(|(scenario, _)| scenario.secrets());
        Ok(Self {
            window,
            site,
            target,
            endpoints,
            picker: Picker::new(&plan.weights()),
            user_schedule: plan.user_schedule(),
            steps,
            journeys: journeys?,
            feed_offsets: feeds
                .scan(0, |total, count| {
                    let offset = *total;
                    *total += count;
                    Some(offset)
                })
                .collect(),
            secrets: secrets.flat_map(Secret::url_forms).collect(),
            plan: plan.clone(),
        })
    }

    pub(crate) fn scenario(&self, at: usize) -> &Scenario {
        &self.plan.scenarios[at].0
    }

    /// A path as it may be stored: one that holds a secret (a site can redirect to such a path) is replaced.
    pub(crate) fn redact_path<'a>(&self, path: &'a str) -> &'a str {
        if self.secrets.iter().any(|secret| path.contains(secret.as_str())) {
            return "/(not-kept-because-it-holds-a-secret)";
        }
        path
    }

    /// How long a user keeps cookies, by the number of the journey in the mix.
    pub(crate) fn session_scope(&self, journey: usize) -> SessionScope {
        match journey.checked_sub(self.plan.scenarios.len()) {
            None => self.plan.scenarios[journey].0.session(),
            Some(custom) => self.plan.journeys[custom].0.session(),
        }
    }
}
