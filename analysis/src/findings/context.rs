//! The input of every rule, and the computations that several rules share.

use kneepoint_model::finding::{Evidence, Saving};
use kneepoint_model::load::{EndpointStats, LoadModel, LoadPhase};
use kneepoint_model::probe::RouteProbe;
use kneepoint_model::run::names;
use kneepoint_model::summary::{EndpointSummary, TierSummary};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::PerSecond;

use super::text;
use crate::facts::{CLOSED, OPEN, RunFacts};
use crate::types::{HostUse, PhaseConditions};

/// Minimum number of requests for a rule about load.
pub const MIN_SAMPLES: u64 = 20;

/// The facts of a run and the parts of the analysis that precede the rules.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The contents of the run folder.
    pub facts: &'a RunFacts,
    /// Conditions of each phase.
    pub conditions: &'a [PhaseConditions],
    /// Endpoints of each phase.
    pub endpoints: &'a [EndpointSummary],
    /// Tiers in each phase.
    pub tiers: &'a [TierSummary],
}

impl<'a> Context<'a> {
    /// The measured phases that are valid and have enough requests.
    pub fn valid_phases(&self) -> impl Iterator<Item = &'a LoadPhase> + use<'a> {
        let conditions = self.conditions;
        self.facts.measured_phases().filter(move |phase| {
            let conditions = conditions.iter().find(|conditions| conditions.phase == phase.name);
            phase.requests >= MIN_SAMPLES && conditions.is_some_and(|conditions| conditions.validity.valid)
        })
    }

    /// The valid phase that savings refer to: the open one if there is one, else the closed one.
    pub fn main_phase(&self) -> Option<&'a LoadPhase> {
        let named = |name: &str| self.valid_phases().find(|phase| phase.name == name);
        named(OPEN).or_else(|| named(CLOSED)).or_else(|| self.valid_phases().next())
    }

    /// Use of the machine during a phase.
    pub fn host(&self, phase: &str) -> Option<&'a HostUse> {
        self.conditions.iter().find(|conditions| conditions.phase == phase)?.host.as_ref()
    }

    /// Resource use of a tier during a phase.
    pub fn tier(&self, phase: &str, tier: Tier) -> Option<&'a TierSummary> {
        self.tiers.iter().find(|summary| summary.phase == phase && summary.name == tier)
    }

    /// The routes that the probe measured by themselves without errors.
    pub fn probed_routes(&self) -> impl Iterator<Item = &'a RouteProbe> + use<'a> {
        let routes = self.facts.probe.as_ref().map_or(&[][..], |probe| probe.routes.as_slice());
        routes.iter().filter(|route| route.requests > 0 && route.errors == 0)
    }

    /// Request rate of a route in the main phase; `None` when it had no requests, or no phase is valid.
    pub fn request_rate(&self, route: &RouteProbe) -> Option<PerSecond> {
        let phase = self.main_phase()?;
        let requests: u64 = phase.endpoints.iter().map(|endpoint| requests_to(endpoint, route)).sum();
        (requests > 0).then(|| PerSecond::from_count(requests, phase.measured()))
    }

    /// Rate of the requests of a route that reached the application: without the hits of a cache in front.
    pub fn application_rate(&self, route: &RouteProbe) -> Option<PerSecond> {
        let phase = self.main_phase()?;
        let reached: u64 = phase
            .endpoints
            .iter()
            .map(|endpoint| without_cache_hits(endpoint, requests_to(endpoint, route)))
            .sum();
        (reached > 0).then(|| PerSecond::from_count(reached, phase.measured()))
    }

    /// The saving on a route; `None` when the load did not request it, or nothing is saved.
    pub fn saving(&self, route: &RouteProbe, ms_per_request: f64, basis: &str) -> Option<Saving> {
        let rate = self.application_rate(route)?;
        (ms_per_request.is_finite() && ms_per_request > 0.0).then(|| Saving {
            ms_per_request,
            requests_per_second: rate.0,
            basis: basis.to_owned(),
        })
    }

    /// A shell command that fetches a path and prints the headers that match a pattern.
    pub fn curl_headers(&self, path: &str, pattern: &str) -> String {
        format!("curl -s -o /dev/null -D - {} | grep -i {}", self.url(path), text::shell_quote(pattern))
    }

    /// The URL of a path on the site, quoted for a shell.
    pub fn url(&self, path: &str) -> String {
        let base =
            self.facts.stack.as_ref().map_or(self.facts.manifest.target.as_str(), |s| s.base_url.as_str());
        text::shell_quote(&text::join_url(base, path))
    }
}

/// The part of `requests` that no cache in front answered, by the endpoint's share of hits.
fn without_cache_hits(endpoint: &EndpointStats, requests: u64) -> u64 {
    let hits: u64 =
        endpoint.cache.iter().filter(|(outcome, _)| outcome.is_hit()).map(|(_, count)| count).sum();
    let hits = hits.min(endpoint.requests);
    let from_cache = requests.saturating_mul(hits).checked_div(endpoint.requests).unwrap_or(0);
    requests.saturating_sub(from_cache)
}

/// Requests of an endpoint to a route: as reported by the server, else by path.
fn requests_to(endpoint: &EndpointStats, route: &RouteProbe) -> u64 {
    if let Some(count) = endpoint.routes.get(&route.route) {
        return *count;
    }
    let path = endpoint.name.split_once(' ').map_or(endpoint.name.as_str(), |(_, path)| path);
    let same_path = path == route.path.split('?').next().unwrap_or_default();
    if endpoint.routes.is_empty() && same_path { endpoint.requests } else { 0 }
}

/// Mean number of requests in the stack at the same time.
pub(super) fn mean_concurrency(phase: &LoadPhase) -> f64 {
    let measured: Vec<f64> =
        phase.seconds.iter().filter(|second| !second.warmup).map(|second| second.in_flight as f64).collect();
    let mean = measured.iter().sum::<f64>() / measured.len().max(1) as f64;
    match phase.load {
        LoadModel::Closed { users } if mean <= 0.0 => f64::from(users),
        _ => mean,
    }
}

/// Evidence from a file of the run folder.
pub(super) fn evidence(text: String, source: impl Into<String>) -> Evidence {
    Evidence { text, source: source.into() }
}

/// Evidence from `probe.json`.
pub(super) fn probe_evidence(text: String) -> Evidence {
    evidence(text, names::PROBE)
}

/// Evidence of the request rate of a route; `None` when the load did not request it.
pub(super) fn rate_evidence(context: &Context<'_>, route: &RouteProbe) -> Option<Evidence> {
    let phase = context.main_phase()?;
    let rate = context.request_rate(route)?;
    let reached = context.application_rate(route).unwrap_or_default();
    let passed =
        if reached < rate { format!(", of which {reached} passed the cache") } else { String::new() };
    Some(evidence(
        format!("its request rate in the {} phase is {rate}{passed}", phase.name),
        names::load(&phase.name),
    ))
}

#[cfg(test)]
mod tests {
    use kneepoint_model::cache_status::CacheOutcome;

    use super::*;
    use crate::fixtures;

    #[test]
    fn rates_come_from_the_open_phase_by_route_or_by_path() {
        let facts = fixtures::healthy();
        fixtures::with_context(&facts, |context| {
            let route = &facts.probe.as_ref().expect("probe").routes[0];
            assert_eq!(context.main_phase().expect("phase").name, OPEN);
            assert_eq!(context.request_rate(route).expect("rate"), PerSecond(25.0));
        });
        let mut silent = fixtures::healthy();
        for endpoint in silent.phases.iter_mut().flat_map(|phase| &mut phase.endpoints) {
            endpoint.routes.clear();
        }
        fixtures::with_context(&silent, |context| {
            let route = &silent.probe.as_ref().expect("probe").routes[0];
            assert_eq!(context.request_rate(route).expect("rate"), PerSecond(25.0));
        });
    }

    #[test]
    fn cache_hits_save_nothing() {
        let mut facts = fixtures::healthy();
        for endpoint in facts.phases.iter_mut().flat_map(|phase| &mut phase.endpoints) {
            endpoint.cache = [(CacheOutcome::Hit, endpoint.requests / 5 * 4)].into();
        }
        fixtures::with_context(&facts, |context| {
            let route = &facts.probe.as_ref().expect("probe").routes[0];
            assert_eq!(context.request_rate(route).expect("rate"), PerSecond(25.0));
            assert_eq!(context.application_rate(route).expect("rate"), PerSecond(5.0));
            let saving = context.saving(route, 2.0, "half of it").expect("loaded");
            assert!((saving.ms_per_second() - 10.0).abs() < 1e-9, "{saving:?}");
        });
    }

    #[test]
    fn an_invalid_phase_is_not_used() {
        let mut facts = fixtures::healthy();
        for phase in &mut facts.phases {
            phase.validity.valid = false;
        }
        fixtures::with_context(&facts, |context| assert!(context.main_phase().is_none()));
    }
}
