//! A cache sends the page of one user to another user: two anonymous users got the same form token.
//!
//! Observed with `cache_page` on a view with `{% csrf_token %}`: every user got the token and name of the first user, and
//! every POST with the cached token returned 403. This rule comes before any fix that adds a cache.

use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::probe::{CacheTest, RouteProbe};
use kneepoint_model::text::single_line;
use kneepoint_model::tier::Tier;

use super::context::probe_evidence;
use super::text::MAX_QUOTED;
use super::{Context, RuleOutcome};

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    if context.probed_routes().all(|route| route.cache.is_none()) {
        return RuleOutcome::inconclusive("no page was fetched by two anonymous users");
    }
    let leaks = context.probed_routes().filter_map(|route| Some((route, route.cache.as_ref()?)));
    RuleOutcome::found(
        leaks
            .filter(|(_, test)| test.shared_token)
            .map(|(route, test)| build_finding(context, route, test))
            .collect(),
    )
}

fn build_finding(context: &Context<'_>, route: &RouteProbe, test: &CacheTest) -> Finding {
    let tier = if test.second.is_hit() { Tier::Proxy } else { Tier::Server };
    let location = if test.second.is_hit() {
        "the cache in front answered the second user (Cache-Status: hit)"
    } else {
        "no cache in front answered, so the page is cached inside the application (`cache_page` or a cached fragment)"
    };
    Finding {
        id: finding_id(Rule::UnsafeCache, tier, Some(&route.route)),
        rule: Rule::UnsafeCache,
        severity: Severity::Proven,
        tier,
        route: Some(route.route.clone()),
        title: format!("{} is cached with the form token of one user in it", single_line(&route.route, MAX_QUOTED)),
        evidence: vec![
            probe_evidence("two anonymous users with empty cookie jars got the same form token".to_owned()),
            probe_evidence(location.to_owned()),
        ],
        saving: None,
        fix: "do not cache a page with `{% csrf_token %}` or personal content: remove `@cache_page` from this view (or \
              cache the data, not the page), or load the form in a separate request; in nginx add `proxy_cache_bypass \
              $cookie_csrftoken $cookie_sessionid` and `proxy_no_cache` with the same"
            .to_owned(),
        reproduce: format!(
            "for i in 1 2; do curl -s {} | grep -o 'csrfmiddlewaretoken[^>]*'; done",
            context.url(&route.path)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn a_shared_token_is_a_leak() {
        let mut facts = fixtures::healthy();
        fixtures::cache_test(&mut facts, 0).shared_token = true;
        let found = fixtures::findings(&facts, check);
        assert_eq!((found.len(), found[0].severity, found[0].tier), (1, Severity::Proven, Tier::Server));
        fixtures::cache_test(&mut facts, 0).shared_token = false;
        assert!(fixtures::findings(&facts, check).is_empty());
    }

    #[test]
    fn without_two_users_the_rule_is_inconclusive() {
        let mut facts = fixtures::healthy();
        facts.probe = None;
        fixtures::with_context(&facts, |context| assert!(check(context).not_evaluated.is_some()));
    }
}
