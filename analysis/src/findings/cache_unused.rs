//! A cache server that is part of the stack but gets no look-ups.

use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::load::LoadPhase;
use kneepoint_model::run::names;
use kneepoint_model::text::single_line;
use kneepoint_model::tier::Tier;

use super::context::evidence;
use super::database::{caches, missing_cache_counters};
use super::text::MAX_QUOTED;
use super::{Context, RuleOutcome};

/// Look-ups per thousand requests up to which a cache is unused: health checks make a few.
pub const PER_THOUSAND: u64 = 1;

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    let phases: Vec<&LoadPhase> = context.valid_phases().collect();
    let addresses: std::collections::BTreeSet<&str> =
        phases.iter().flat_map(|phase| caches(context, phase)).map(|cache| cache.address.as_str()).collect();
    if addresses.is_empty() {
        return missing_cache_counters(context);
    }
    RuleOutcome::found(
        addresses.into_iter().filter_map(|address| check_server(context, &phases, address)).collect(),
    )
}

fn check_server(context: &Context<'_>, phases: &[&LoadPhase], address: &str) -> Option<Finding> {
    let (mut requests, mut lookups, mut commands, mut kind) = (0, 0, 0, None);
    for phase in phases {
        requests += context.facts.db.get(&phase.name).map_or(0, |window| window.requests.counted);
        for cache in caches(context, phase).filter(|cache| cache.address == address) {
            lookups += cache.hits + cache.misses;
            commands += cache.commands;
            kind = Some(cache.kind);
        }
    }
    if requests == 0 || lookups * 1_000 > requests * PER_THOUSAND {
        return None;
    }
    let name = kind?.name();
    let mut all = vec![evidence(
        format!("{lookups} look-ups ({commands} commands of any kind) in {requests} requests"),
        names::db(&phases.first()?.name),
    )];
    let toggles = context.facts.stack.as_ref().map(|stack| &stack.toggles);
    let set = toggles.and_then(|toggles| toggles.get("KP_CACHE"));
    all.extend(
        set.map(|value| evidence(format!("KP_CACHE={}", single_line(value, MAX_QUOTED)), names::STACK)),
    );
    Some(Finding {
        id: finding_id(Rule::CacheUnused, Tier::Cache, Some(address)),
        rule: Rule::CacheUnused,
        severity: Severity::Likely,
        tier: Tier::Cache,
        route: None,
        title: format!("{name} is part of the stack, but the site does not use it"),
        evidence: all,
        saving: None,
        fix: format!(
            "point `CACHES[\"default\"]` at {name} (the default, `LocMemCache`, is a separate cache in each process) and cache \
             something: `@cache_page`, `cache.get_or_set`, or sessions (`SESSION_ENGINE` = \"…cached_db\"); or remove the server \
             from the stack"
        ),
        reproduce:
            "watch the counters of the cache while load runs: `redis-cli INFO stats`, or `stats` of Memcached"
                .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn with(hits: u64, misses: u64) -> Vec<Finding> {
        let mut facts = fixtures::healthy();
        for window in facts.db.values_mut() {
            (window.caches[0].hits, window.caches[0].misses) = (hits, misses);
        }
        fixtures::findings(&facts, check)
    }

    #[test]
    fn a_cache_without_look_ups_is_found_once() {
        let found = with(0, 0);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Likely));
        assert!(found[0].fix.contains("LocMemCache"));
    }

    #[test]
    fn a_used_cache_is_no_finding_and_without_one_the_rule_is_not_applicable() {
        assert!(with(90, 10).is_empty());
        let mut facts = fixtures::healthy();
        facts.db.clear();
        fixtures::with_context(&facts, |context| assert!(check(context).not_evaluated.is_some()));
    }
}
