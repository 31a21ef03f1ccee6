//! The engine takes most of the time of a request. Measured one request at a time, so without queueing.

use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::probe::RouteProbe;
use kneepoint_model::text::single_line;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Micros, Ratio};

use super::context::{probe_evidence, rate_evidence};
use super::text::MAX_QUOTED;
use super::{Context, RuleOutcome};

/// Minimum share of the engine in the application time of a route.
pub const ENGINE_SHARE: f64 = 0.4;
/// Minimum engine time (the reference engine responds in far less than 1 ms).
pub const MIN_ENGINE_TIME: Micros = Micros(5_000);

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    if context.probed_routes().all(|route| route.app_us.is_none()) {
        return RuleOutcome::inconclusive(
            "no route reports its application time: add kneepoint's Django middleware to the site",
        );
    }
    RuleOutcome::found(context.probed_routes().filter_map(|route| check_route(context, route)).collect())
}

fn check_route(context: &Context<'_>, route: &RouteProbe) -> Option<Finding> {
    let (engine, app) = (route.engine_us?, route.app_us?);
    let share = Ratio::from_parts(engine.get(), app.get())?;
    if engine < MIN_ENGINE_TIME || share.0 < ENGINE_SHARE {
        return None;
    }
    let mut evidence = vec![probe_evidence(format!(
        "measured by itself, a request waits {engine} for the engine, {share} of its application time of {app}"
    ))];
    evidence.extend(rate_evidence(context, route));
    let engine_url =
        context.facts.stack.as_ref().and_then(|stack| stack.tier(Tier::Engine)?.pprof_url.clone());
    let profile = engine_url.map_or_else(String::new, |_| {
        " (this report has its flamegraph if the engine was profiled)".to_owned()
    });
    Some(Finding {
        id: finding_id(Rule::SlowEngine, Tier::Engine, Some(&route.route)),
        rule: Rule::SlowEngine,
        severity: Severity::Likely,
        tier: Tier::Engine,
        route: Some(route.route.clone()),
        title: format!(
            "{} waits for the engine for {share} of its time",
            single_line(&route.route, MAX_QUOTED)
        ),
        evidence,
        saving: context.saving(
            route,
            engine.as_millis(),
            "all of the engine time, measured by itself: the upper bound of the saving",
        ),
        fix: format!(
            "find out what the engine does in that time{profile}; cache its responses in Django \
             (`cache.get_or_set(key, call, 60)`), send one request for many items, or move the call out of the request"
        ),
        reproduce: context.curl_headers(&route.path, "^server-timing"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn with(engine: u64, app: u64) -> Vec<Finding> {
        let mut facts = fixtures::healthy();
        let route = &mut facts.probe.as_mut().expect("probe").routes[0];
        route.engine_us = Some(Micros(engine));
        route.app_us = Some(Micros(app));
        fixtures::findings(&facts, check)
    }

    #[test]
    fn a_slow_engine_is_found() {
        let found = with(40_000, 50_000);
        assert_eq!((found.len(), found[0].tier), (1, Tier::Engine));
        assert!((found[0].saving.as_ref().expect("loaded").ms_per_second() - 1_000.0).abs() < 1e-6);
    }

    #[test]
    fn a_fast_engine_or_a_small_share_is_no_finding() {
        assert!(with(900, 1_200).is_empty());
        assert!(with(6_000, 50_000).is_empty());
    }
}
