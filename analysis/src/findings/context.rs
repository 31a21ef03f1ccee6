//! What every rule may look at, and the questions that several of them ask.

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

/// Fewest requests on which a rule about load may judge.
pub const MIN_SAMPLES: u64 = 20;

/// The facts and what has been made of them so far.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The run.
    pub facts: &'a RunFacts,
    /// Conditions of each phase.
    pub conditions: &'a [PhaseConditions],
    /// Endpoints of each phase.
    pub endpoints: &'a [EndpointSummary],
    /// Tiers in each phase.
    pub tiers: &'a [TierSummary],
}

impl<'a> Context<'a> {
    /// The measured phases that may be believed and have enough requests.
    pub fn believed(&self) -> impl Iterator<Item = &'a LoadPhase> + use<'a> {
        let conditions = self.conditions;
        self.facts.measured_phases().filter(move |phase| {
            let own = conditions.iter().find(|own| own.phase == phase.name);
            phase.requests >= MIN_SAMPLES && own.is_some_and(|own| own.validity.valid)
        })
    }

    /// The believed phase that savings are reckoned in: the open one where there is one, else the closed one.
    pub fn main_phase(&self) -> Option<&'a LoadPhase> {
        let named = |name: &str| self.believed().find(|phase| phase.name == name);
        named(OPEN).or_else(|| named(CLOSED)).or_else(|| self.believed().next())
    }

    /// The machine during a phase.
    pub fn host(&self, phase: &str) -> Option<&'a HostUse> {
        self.conditions.iter().find(|own| own.phase == phase)?.host.as_ref()
    }

    /// A tier during a phase.
    pub fn tier(&self, phase: &str, tier: Tier) -> Option<&'a TierSummary> {
        self.tiers.iter().find(|own| own.phase == phase && own.name == tier)
    }

    /// The routes that were looked at alone and answered.
    pub fn probed(&self) -> impl Iterator<Item = &'a RouteProbe> + use<'a> {
        let routes = self.facts.probe.as_ref().map_or(&[][..], |probe| probe.routes.as_slice());
        routes.iter().filter(|route| route.requests > 0 && route.errors == 0)
    }

    /// How often a route was asked for in the main phase; `None` when it was not, or no phase may be believed.
    pub fn rate(&self, route: &RouteProbe) -> Option<PerSecond> {
        let phase = self.main_phase()?;
        let asked: u64 = phase.endpoints.iter().map(|endpoint| asked(endpoint, route)).sum();
        (asked > 0).then(|| PerSecond::from_count(asked, phase.measured()))
    }

    /// Requests per second of a route that its application had to answer: without those that a cache in front answered.
    pub fn worked(&self, route: &RouteProbe) -> Option<PerSecond> {
        let phase = self.main_phase()?;
        let worked: u64 =
            phase.endpoints.iter().map(|endpoint| beyond_cache(endpoint, asked(endpoint, route))).sum();
        (worked > 0).then(|| PerSecond::from_count(worked, phase.measured()))
    }

    /// A saving on a route; `None` when the load did not touch it or nothing would be saved.
    pub fn saving(&self, route: &RouteProbe, ms_per_request: f64, basis: &str) -> Option<Saving> {
        let rate = self.worked(route)?;
        (ms_per_request.is_finite() && ms_per_request > 0.0).then(|| Saving {
            ms_per_request,
            requests_per_second: rate.0,
            basis: basis.to_owned(),
        })
    }

    /// A command that fetches a path and keeps the headers that match a pattern.
    pub fn curl_headers(&self, path: &str, pattern: &str) -> String {
        format!("curl -s -o /dev/null -D - {} | grep -i {}", self.url(path), text::shell_quote(pattern))
    }

    /// The address of a path on the site, quoted for a shell.
    pub fn url(&self, path: &str) -> String {
        let base =
            self.facts.stack.as_ref().map_or(self.facts.manifest.target.as_str(), |s| s.base_url.as_str());
        text::shell_quote(&text::join_url(base, path))
    }
}

/// Of so many requests of an endpoint those that no cache in front answered, by the endpoint's share of hits.
fn beyond_cache(endpoint: &EndpointStats, asked: u64) -> u64 {
    let hits: u64 =
        endpoint.cache.iter().filter(|(outcome, _)| outcome.is_hit()).map(|(_, count)| count).sum();
    let hits = hits.min(endpoint.requests);
    let answered = asked.saturating_mul(hits).checked_div(endpoint.requests).unwrap_or(0);
    asked.saturating_sub(answered)
}

/// Requests of an endpoint that went to a route: by the server's own word, else by path.
fn asked(endpoint: &EndpointStats, route: &RouteProbe) -> u64 {
    if let Some(count) = endpoint.routes.get(&route.route) {
        return *count;
    }
    let path = endpoint.name.split_once(' ').map_or(endpoint.name.as_str(), |(_, path)| path);
    let same_path = path == route.path.split('?').next().unwrap_or_default();
    if endpoint.routes.is_empty() && same_path { endpoint.requests } else { 0 }
}

/// Users or requests that are in the stack at the same time, on average.
pub(super) fn concurrency(phase: &LoadPhase) -> f64 {
    let measured: Vec<f64> =
        phase.seconds.iter().filter(|second| !second.warmup).map(|second| second.in_flight as f64).collect();
    let mean = measured.iter().sum::<f64>() / measured.len().max(1) as f64;
    match phase.load {
        LoadModel::Closed { users } if mean <= 0.0 => f64::from(users),
        _ => mean,
    }
}

/// One piece of evidence.
pub(super) fn evidence(text: String, source: impl Into<String>) -> Evidence {
    Evidence { text, source: source.into() }
}

/// Evidence out of `probe.json`.
pub(super) fn from_probe(text: String) -> Evidence {
    evidence(text, names::PROBE)
}

/// How often a route was asked for, in words; nothing when the load did not touch it.
pub(super) fn rate_evidence(context: &Context<'_>, route: &RouteProbe) -> Option<Evidence> {
    let phase = context.main_phase()?;
    let rate = context.rate(route)?;
    let worked = context.worked(route).unwrap_or_default();
    let past =
        if worked < rate { format!(", and {worked} of that went past the cache") } else { String::new() };
    Some(evidence(format!("the {} load asked for it {rate}{past}", phase.name), names::load(&phase.name)))
}

#[cfg(test)]
mod tests {
    use kneepoint_model::cache_status::CacheOutcome;

    use super::*;
    use crate::hand;

    #[test]
    fn rates_come_from_the_open_phase_by_route_or_by_path() {
        let facts = hand::healthy();
        hand::with_context(&facts, |context| {
            let route = &facts.probe.as_ref().expect("probe").routes[0];
            assert_eq!(context.main_phase().expect("phase").name, OPEN);
            assert_eq!(context.rate(route).expect("rate"), PerSecond(25.0));
        });
        let mut silent = hand::healthy();
        for endpoint in silent.phases.iter_mut().flat_map(|phase| &mut phase.endpoints) {
            endpoint.routes.clear();
        }
        hand::with_context(&silent, |context| {
            let route = &silent.probe.as_ref().expect("probe").routes[0];
            assert_eq!(context.rate(route).expect("rate"), PerSecond(25.0));
        });
    }

    #[test]
    fn what_a_cache_answered_saves_nothing() {
        let mut facts = hand::healthy();
        for endpoint in facts.phases.iter_mut().flat_map(|phase| &mut phase.endpoints) {
            endpoint.cache = [(CacheOutcome::Hit, endpoint.requests / 5 * 4)].into();
        }
        hand::with_context(&facts, |context| {
            let route = &facts.probe.as_ref().expect("probe").routes[0];
            assert_eq!(context.rate(route).expect("rate"), PerSecond(25.0));
            assert_eq!(context.worked(route).expect("rate"), PerSecond(5.0));
            let saving = context.saving(route, 2.0, "half of it").expect("loaded");
            assert!((saving.ms_per_second() - 10.0).abs() < 1e-9, "{saving:?}");
        });
    }

    #[test]
    fn a_phase_that_may_not_be_believed_is_not_looked_at() {
        let mut facts = hand::healthy();
        for phase in &mut facts.phases {
            phase.validity.valid = false;
        }
        hand::with_context(&facts, |context| assert!(context.main_phase().is_none()));
    }
}
