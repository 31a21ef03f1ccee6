//! A cache shows one visitor's page to another: two fresh visitors were given the same form token.
//!
//! Seen in practice with `cache_page` on a view with `{% csrf_token %}`: the first visitor's token and name went to
//! everyone, and every POST with the cached token answered 403. This rule stands before any advice to cache.

use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::probe::{CacheTest, RouteProbe};
use kneepoint_model::tier::Tier;

use super::context::from_probe;
use super::text::clip;
use super::{Context, Judgement};

pub(super) fn check(context: &Context<'_>) -> Judgement {
    if context.probed().all(|route| route.cache.is_none()) {
        return Judgement::not_judged("no page was fetched by two fresh visitors");
    }
    let leaks = context.probed().filter_map(|route| Some((route, route.cache.as_ref()?)));
    Judgement::found(
        leaks
            .filter(|(_, test)| test.shared_token)
            .map(|(route, test)| finding(context, route, test))
            .collect(),
    )
}

fn finding(context: &Context<'_>, route: &RouteProbe, test: &CacheTest) -> Finding {
    let tier = if test.second.is_hit() { Tier::Proxy } else { Tier::Server };
    let held = if test.second.is_hit() {
        "the cache in front answered the second visitor (Cache-Status: hit)"
    } else {
        "no cache in front answered, so the page is kept inside the application (`cache_page` or a cached fragment)"
    };
    Finding {
        id: finding_id(Rule::UnsafeCache, tier, Some(&route.route)),
        rule: Rule::UnsafeCache,
        severity: Severity::Proven,
        tier,
        route: Some(route.route.clone()),
        title: format!("{} is cached with one visitor's form token in it", clip(&route.route)),
        evidence: vec![
            from_probe("two visitors with empty cookie jars were given the same form token".to_owned()),
            from_probe(held.to_owned()),
        ],
        saving: None,
        fix: "do not cache a page that holds `{% csrf_token %}` or anything personal: take `@cache_page` off this view (or \
              cache the data, not the page), or fetch the form apart from the page; in nginx add `proxy_cache_bypass \
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
    use crate::hand;

    #[test]
    fn a_shared_token_is_a_leak() {
        let mut facts = hand::healthy();
        hand::cache_test(&mut facts, 0).shared_token = true;
        let found = hand::findings(&facts, check);
        assert_eq!((found.len(), found[0].severity, found[0].tier), (1, Severity::Proven, Tier::Server));
        hand::cache_test(&mut facts, 0).shared_token = false;
        assert!(hand::findings(&facts, check).is_empty());
    }

    #[test]
    fn without_two_visitors_there_is_no_judgement() {
        let mut facts = hand::healthy();
        facts.probe = None;
        hand::with_context(&facts, |context| assert!(check(context).not_judged.is_some()));
    }
}
