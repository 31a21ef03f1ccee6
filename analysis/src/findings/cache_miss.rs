//! A page that is equal for all anonymous users but is generated for each request, and the reason.
//!
//! Based on the two-user test: two anonymous users with empty cookie jars, two requests each. Pages with a form token,
//! personal pages and leaks (see `unsafe_cache`) are never reported. With a cache in front that misses a page whose headers
//! allow a shared copy, the finding is proven. When cookies or the site's headers forbid a shared copy it is likely, because
//! two anonymous users do not represent logged-in users. Without a cache in front it is a hint.
//!
//! Thresholds: [`MIN_MS_PER_SECOND_WITH_CACHE`], and [`MIN_MS_PER_SECOND`] without a cache or when the site forbids a
//! shared copy. The saving is the application time: a hit was measured to cost the proxy about 0.01 ms.

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::finding::{Finding, Rule, Saving, Severity, finding_id};
use kneepoint_model::probe::{CacheTest, RouteProbe, UncachedReason};
use kneepoint_model::text::single_line;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Micros;

use super::context::{probe_evidence, rate_evidence};
use super::text::MAX_QUOTED;
use super::{Context, RuleOutcome};
use crate::attribute::hit_ratio;

/// Minimum application time in milliseconds per second of load when there is no cache in front.
pub const MIN_MS_PER_SECOND: f64 = 50.0;
/// Minimum application time of a page when there is no cache in front.
pub const MIN_APP_TIME: Micros = Micros(5_000);
/// Minimum application time in milliseconds per second of load when a cache in front misses: one hundredth of a core.
pub const MIN_MS_PER_SECOND_WITH_CACHE: f64 = 10.0;
/// Hit ratio under load above which the cache works, whatever the two-user test shows.
pub const GOOD_HIT_RATIO: f64 = 0.5;

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    if context.probed_routes().all(|route| route.cache.is_none()) {
        return RuleOutcome::inconclusive("no page was fetched by two anonymous users");
    }
    RuleOutcome::found(context.probed_routes().filter_map(|route| check_route(context, route)).collect())
}

/// True when a shared copy of the page is correct for every anonymous user, as far as two users can show.
fn is_shareable(test: &CacheTest) -> bool {
    test.same_body
        && !test.shared_token
        && !test
            .uncached_reasons
            .iter()
            .any(|why| matches!(why, UncachedReason::Personal | UncachedReason::FormToken))
}

fn check_route(context: &Context<'_>, route: &RouteProbe) -> Option<Finding> {
    let test = route.cache.as_ref()?;
    if !is_shareable(test) || test.second.is_hit() || hits_under_load(context, route) {
        return None;
    }
    let saving = estimate_saving(context, route);
    let in_front = test.second != CacheOutcome::None;
    let forbidden_by_site = test.uncached_reasons.contains(&UncachedReason::CacheControl);
    let enough = if in_front && !forbidden_by_site {
        saving.as_ref().is_some_and(|saving| saving.ms_per_second() >= MIN_MS_PER_SECOND_WITH_CACHE)
    } else {
        // Without a cache, or against the headers of the site, only an expensive page is worth a finding.
        is_expensive(route, saving.as_ref())
    };
    if !enough {
        return None;
    }
    let mut evidence = vec![probe_evidence(format!(
        "two anonymous users got byte-identical pages; `Cache-Status` of the second identical request: {}",
        cache_status_label(test.second)
    ))];
    evidence.extend(test.uncached_reasons.iter().map(|why| probe_evidence(describe_reason(*why).to_owned())));
    evidence.extend(rate_evidence(context, route));
    Some(Finding {
        id: finding_id(Rule::CacheMiss, Tier::Proxy, Some(&route.route)),
        rule: Rule::CacheMiss,
        severity: severity(in_front, &test.uncached_reasons),
        tier: Tier::Proxy,
        route: Some(route.route.clone()),
        title: format!(
            "{} is equal for all anonymous users, but is generated for each request",
            single_line(&route.route, MAX_QUOTED)
        ),
        evidence,
        saving,
        fix: fixes(&test.uncached_reasons, in_front),
        reproduce: format!(
            "for i in 1 2; do {}; done",
            context.curl_headers(&route.path, "^cache-\\|^vary\\|^set-cookie")
        ),
    })
}

fn severity(in_front: bool, because: &[UncachedReason]) -> Severity {
    let forbidden = |why: &UncachedReason| {
        matches!(why, UncachedReason::SetCookie | UncachedReason::VaryCookie | UncachedReason::CacheControl)
    };
    match (in_front, because.iter().any(forbidden)) {
        (false, _) => Severity::Hint,
        (true, true) => Severity::Likely,
        (true, false) => Severity::Proven,
    }
}

fn is_expensive(route: &RouteProbe, saving: Option<&Saving>) -> bool {
    route.app_us.is_some_and(|app| app >= MIN_APP_TIME)
        && saving.is_some_and(|saving| saving.ms_per_second() >= MIN_MS_PER_SECOND)
}

fn hits_under_load(context: &Context<'_>, route: &RouteProbe) -> bool {
    let Some(log) = context.main_phase().and_then(|phase| context.facts.access.get(&phase.name)) else {
        return false;
    };
    let logged = log.routes.iter().find(|logged| logged.route == route.route);
    logged.and_then(|logged| hit_ratio(&logged.cache)).is_some_and(|ratio| ratio.0 > GOOD_HIT_RATIO)
}

fn estimate_saving(context: &Context<'_>, route: &RouteProbe) -> Option<Saving> {
    let (cost, measure) = match route.app_us {
        Some(app) => (app, "application time"),
        None => (route.p50_us, "response time"),
    };
    let basis = format!(
        "the whole {measure} of a request, measured by itself ({cost}); a hit costs the proxy about 0.01 ms"
    );
    context.saving(route, cost.as_millis(), &basis)
}

const fn cache_status_label(outcome: CacheOutcome) -> &'static str {
    match outcome {
        CacheOutcome::None => "none (no cache in front)",
        CacheOutcome::Miss => "miss",
        CacheOutcome::Expired => "expired",
        CacheOutcome::Bypass => "bypass",
        CacheOutcome::Hit | CacheOutcome::Stale | CacheOutcome::Revalidated => "hit",
    }
}

const fn describe_reason(why: UncachedReason) -> &'static str {
    match why {
        UncachedReason::SetCookie => "the response sets a cookie, so no shared cache stores it",
        UncachedReason::VaryCookie => "`Vary: Cookie` makes the cache store one copy per user",
        UncachedReason::CacheControl => {
            "its `Cache-Control` forbids a shared copy (`private`, `no-store` or `no-cache`)"
        }
        UncachedReason::NoLifetime => "it has no lifetime (`max-age`, `s-maxage`, `Expires`)",
        UncachedReason::Personal => "the two users got different pages",
        UncachedReason::NoCache => "there is no cache in front",
        UncachedReason::FormToken => "it contains a form token",
    }
}

/// The fixes for all reasons, and for a missing cache.
fn fixes(because: &[UncachedReason], in_front: bool) -> String {
    let mut parts: Vec<&str> = because.iter().filter_map(|why| fix_for(*why)).collect();
    if !in_front && !because.contains(&UncachedReason::NoCache) {
        parts.extend(fix_for(UncachedReason::NoCache));
    }
    if parts.is_empty() {
        parts.push(
            "its headers allow a shared copy, so the configuration of the cache excludes it: see `proxy_cache_valid`, \
             `proxy_cache_min_uses`, `proxy_cache_key` and `proxy_no_cache`",
        );
    }
    parts.join("; ")
}

const fn fix_for(why: UncachedReason) -> Option<&'static str> {
    match why {
        UncachedReason::SetCookie => Some(
            "do not set a cookie for anonymous users in this view (do not use `request.session` or \
             `get_token()`)",
        ),
        UncachedReason::VaryCookie => Some(
            "do not read `request.user` or the session in middleware and template of this page, so that Django omits \
             `Vary: Cookie`",
        ),
        UncachedReason::CacheControl => Some(
            "if the page contains nothing private, replace `@never_cache` or `private` by `@cache_control(public=True, max_age=60)`",
        ),
        UncachedReason::NoLifetime => Some(
            "give it a lifetime: `@cache_control(public=True, max_age=60)` on the view, or `proxy_cache_valid 200 60s;` in \
             nginx",
        ),
        UncachedReason::NoCache => Some(
            "put nginx `proxy_cache` in front (`proxy_cache_path`, `proxy_cache`, and `proxy_cache_bypass $cookie_sessionid` \
             with `proxy_no_cache`, so that logged-in users bypass it), or `@cache_page(60)` on the view",
        ),
        UncachedReason::Personal | UncachedReason::FormToken => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn with(second: CacheOutcome, because: &[UncachedReason]) -> Vec<Finding> {
        let mut facts = fixtures::healthy();
        *fixtures::cache_test(&mut facts, 0) =
            CacheTest { same_body: true, shared_token: false, second, uncached_reasons: because.to_vec() };
        fixtures::findings(&facts, check)
    }

    #[test]
    fn a_cache_miss_has_its_reason() {
        let found = with(CacheOutcome::Miss, &[UncachedReason::SetCookie]);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Likely));
        assert!(found[0].fix.contains("request.session"), "{}", found[0].fix);
        let saving = found[0].saving.as_ref().expect("loaded");
        assert!((saving.ms_per_second() - 25.0 * 8.0).abs() < 1e-6, "{saving:?}");
    }

    #[test]
    fn a_missing_cache_is_a_hint_for_an_expensive_page() {
        let found = with(CacheOutcome::None, &[UncachedReason::NoCache, UncachedReason::NoLifetime]);
        assert_eq!(found[0].severity, Severity::Hint);
        let mut facts = fixtures::healthy();
        facts.probe.as_mut().expect("probe").routes[0].app_us = Some(Micros(900));
        *fixtures::cache_test(&mut facts, 0) = CacheTest {
            same_body: true,
            shared_token: false,
            second: CacheOutcome::None,
            uncached_reasons: vec![UncachedReason::NoCache],
        };
        assert!(fixtures::findings(&facts, check).is_empty());
    }

    #[test]
    fn caching_a_leaking_page_is_never_recommended() {
        assert!(with(CacheOutcome::Miss, &[UncachedReason::Personal]).is_empty());
        assert!(with(CacheOutcome::Miss, &[UncachedReason::FormToken, UncachedReason::SetCookie]).is_empty());
        let mut facts = fixtures::healthy();
        *fixtures::cache_test(&mut facts, 0) = CacheTest {
            same_body: true,
            shared_token: true,
            second: CacheOutcome::Miss,
            uncached_reasons: vec![UncachedReason::SetCookie],
        };
        assert!(fixtures::findings(&facts, check).is_empty());
    }

    #[test]
    fn a_miss_that_the_headers_do_not_explain_is_the_caches_own() {
        let found = with(CacheOutcome::Miss, &[]);
        assert_eq!(found[0].severity, Severity::Proven);
        assert!(found[0].fix.contains("proxy_cache_valid"), "{}", found[0].fix);
        assert!(with(CacheOutcome::Bypass, &[UncachedReason::NoLifetime])[0].severity == Severity::Proven);
    }

    #[test]
    fn a_hit_is_no_miss() {
        assert!(with(CacheOutcome::Hit, &[]).is_empty());
    }
}
