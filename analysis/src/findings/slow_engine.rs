//! The engine takes most of a request. Measured alone, one request at a time, so that no queue is in it.

use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::probe::RouteProbe;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Micros, Ratio};

use super::context::{from_probe, rate_evidence};
use super::text::clip;
use super::{Context, Judgement};

/// Share of a route's application time from which the engine is the main part of it.
pub const ENGINE_SHARE: f64 = 0.4;
/// Time for the engine below which a share means nothing (the reference engine answers in well under 1 ms).
pub const ENGINE_LEAST: Micros = Micros(5_000);

pub(super) fn check(context: &Context<'_>) -> Judgement {
    if context.probed().all(|route| route.app_us.is_none()) {
        return Judgement::not_judged(
            "no route said how its time is spent: add kneepoint's Django middleware to the site",
        );
    }
    Judgement::found(context.probed().filter_map(|route| slow(context, route)).collect())
}

fn slow(context: &Context<'_>, route: &RouteProbe) -> Option<Finding> {
    let (engine, app) = (route.engine_us?, route.app_us?);
    let share = Ratio::from_parts(engine.get(), app.get())?;
    if engine < ENGINE_LEAST || share.0 < ENGINE_SHARE {
        return None;
    }
    let mut evidence = vec![from_probe(format!(
        "alone, a request waits {engine} for the engine, {share} of its {app} in the application"
    ))];
    evidence.extend(rate_evidence(context, route));
    let engine_url =
        context.facts.stack.as_ref().and_then(|stack| stack.tier(Tier::Engine)?.pprof_url.clone());
    let profile = engine_url.map_or_else(String::new, |_| {
        " (its flamegraph is in this report when the engine was profiled)".to_owned()
    });
    Some(Finding {
        id: finding_id(Rule::SlowEngine, Tier::Engine, Some(&route.route)),
        rule: Rule::SlowEngine,
        severity: Severity::Likely,
        tier: Tier::Engine,
        route: Some(route.route.clone()),
        title: format!("{} waits for the engine for {share} of its time", clip(&route.route)),
        evidence,
        saving: context.saving(
            route,
            engine.as_millis(),
            "all of the engine's time, alone: the most there is to gain",
        ),
        fix: format!(
            "see what the engine does in that time{profile}; keep its answers in Django's cache \
             (`cache.get_or_set(key, call, 60)`), ask it once for many, or move the call off the request"
        ),
        reproduce: context.curl_headers(&route.path, "^server-timing"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand;

    fn with(engine: u64, app: u64) -> Vec<Finding> {
        let mut facts = hand::healthy();
        let route = &mut facts.probe.as_mut().expect("probe").routes[0];
        route.engine_us = Some(Micros(engine));
        route.app_us = Some(Micros(app));
        hand::findings(&facts, check)
    }

    #[test]
    fn an_engine_that_takes_the_request_is_found() {
        let found = with(40_000, 50_000);
        assert_eq!((found.len(), found[0].tier), (1, Tier::Engine));
        assert!((found[0].saving.as_ref().expect("loaded").ms_per_second() - 1_000.0).abs() < 1e-6);
    }

    #[test]
    fn a_fast_or_a_small_part_is_none() {
        assert!(with(900, 1_200).is_empty());
        assert!(with(6_000, 50_000).is_empty());
    }
}
