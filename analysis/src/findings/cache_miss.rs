//! A page that is the same for visitors who are not logged in is made anew each time, and why.
//!
//! Judged by the two-visitor test: two fresh cookie jars, twice each. Never said of a page that holds a form token, is
//! personal, or leaks (see `unsafe_cache`). Where a cache stands in front and misses a page whose headers would allow a
//! shared copy, the finding is proven; where cookies or the site's own headers forbid one it is likely, because two
//! visitors without a login cannot speak for those with one. Where no cache stands, it is a hint at what one would save.
//! Nothing is said below [`WORTH_IN_FRONT_MS_PER_SECOND`], and nothing below [`WORTH_MS_PER_SECOND`] where no cache stands
//! or the site itself forbids a shared copy. The saving is the application's own time: a hit was measured to cost the proxy
//! about 0.01 ms.

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::finding::{Finding, Rule, Saving, Severity, finding_id};
use kneepoint_model::probe::{CacheTest, RouteProbe, UncachedReason};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Micros;

use super::context::{from_probe, rate_evidence};
use super::text::clip;
use super::{Context, Judgement};
use crate::attribute::hit_ratio;

/// Milliseconds of application time in each second of load below which a cache that is not there is not missed.
pub const WORTH_MS_PER_SECOND: f64 = 50.0;
/// Application time of a page below which a cache that is not there is not missed.
pub const WORTH_APP: Micros = Micros(5_000);
/// The same where a cache stands in front and misses: below one part in a hundred of a core nothing is gained.
pub const WORTH_IN_FRONT_MS_PER_SECOND: f64 = 10.0;
/// Share of hits under load above which a cache does its work, whatever the second request saw.
pub const HIT_ENOUGH: f64 = 0.5;

pub(super) fn check(context: &Context<'_>) -> Judgement {
    if context.probed().all(|route| route.cache.is_none()) {
        return Judgement::not_judged("no page was fetched by two fresh visitors");
    }
    Judgement::found(context.probed().filter_map(|route| missed(context, route)).collect())
}

/// True when a shared copy of the page would be right for every visitor, as far as two visitors can show.
fn may_be_shared(test: &CacheTest) -> bool {
    test.same_body
        && !test.shared_token
        && !test
            .uncached_reasons
            .iter()
            .any(|why| matches!(why, UncachedReason::Personal | UncachedReason::FormToken))
}

fn missed(context: &Context<'_>, route: &RouteProbe) -> Option<Finding> {
    let test = route.cache.as_ref()?;
    if !may_be_shared(test) || test.second.is_hit() || hits_under_load(context, route) {
        return None;
    }
    let saving = saving(context, route);
    let in_front = test.second != CacheOutcome::None;
    let refused = test.uncached_reasons.contains(&UncachedReason::CacheControl);
    let enough = if in_front && !refused {
        saving.as_ref().is_some_and(|saving| saving.ms_per_second() >= WORTH_IN_FRONT_MS_PER_SECOND)
    } else {
        // No cache, or the site's own wish not to be cached: only a page that costs much is worth the question.
        worth(route, saving.as_ref())
    };
    if !enough {
        return None;
    }
    let mut evidence = vec![from_probe(format!(
        "two fresh visitors were given byte-identical pages, and the cache said of the second identical request: {}",
        said(test.second)
    ))];
    evidence.extend(test.uncached_reasons.iter().map(|why| from_probe(reason(*why).to_owned())));
    evidence.extend(rate_evidence(context, route));
    Some(Finding {
        id: finding_id(Rule::CacheMiss, Tier::Proxy, Some(&route.route)),
        rule: Rule::CacheMiss,
        severity: severity(in_front, &test.uncached_reasons),
        tier: Tier::Proxy,
        route: Some(route.route.clone()),
        title: format!(
            "{} is the same for visitors without a login, but is made anew each time",
            clip(&route.route)
        ),
        evidence,
        saving,
        fix: advice(&test.uncached_reasons, in_front),
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

fn worth(route: &RouteProbe, saving: Option<&Saving>) -> bool {
    route.app_us.is_some_and(|app| app >= WORTH_APP)
        && saving.is_some_and(|saving| saving.ms_per_second() >= WORTH_MS_PER_SECOND)
}

fn hits_under_load(context: &Context<'_>, route: &RouteProbe) -> bool {
    let Some(log) = context.main_phase().and_then(|phase| context.facts.access.get(&phase.name)) else {
        return false;
    };
    let own = log.routes.iter().find(|own| own.route == route.route);
    own.and_then(|own| hit_ratio(&own.cache)).is_some_and(|ratio| ratio.0 > HIT_ENOUGH)
}

fn saving(context: &Context<'_>, route: &RouteProbe) -> Option<Saving> {
    let (cost, whose) = match route.app_us {
        Some(app) => (app, "application time"),
        None => (route.p50_us, "response time"),
    };
    let basis =
        format!("the whole {whose} of a request, alone ({cost}); a hit costs the proxy about 0.01 ms");
    context.saving(route, cost.as_millis(), &basis)
}

const fn said(outcome: CacheOutcome) -> &'static str {
    match outcome {
        CacheOutcome::None => "nothing (no cache took part)",
        CacheOutcome::Miss => "miss",
        CacheOutcome::Expired => "expired",
        CacheOutcome::Bypass => "bypass",
        CacheOutcome::Hit | CacheOutcome::Stale | CacheOutcome::Revalidated => "hit",
    }
}

const fn reason(why: UncachedReason) -> &'static str {
    match why {
        UncachedReason::SetCookie => "the answer sets a cookie, so no shared cache keeps it",
        UncachedReason::VaryCookie => "`Vary: Cookie` gives every visitor a copy of their own",
        UncachedReason::CacheControl => {
            "its `Cache-Control` forbids a shared copy (`private`, `no-store` or `no-cache`)"
        }
        UncachedReason::NoLifetime => "it names no lifetime (`max-age`, `s-maxage`, `Expires`)",
        UncachedReason::Personal => "the two visitors were given different pages",
        UncachedReason::NoCache => "there is no cache in front",
        UncachedReason::FormToken => "it holds a form token",
    }
}

/// What to do about each reason, and about a cache that is not there.
fn advice(because: &[UncachedReason], in_front: bool) -> String {
    let mut parts: Vec<&str> = because.iter().filter_map(|why| mend(*why)).collect();
    if !in_front && !because.contains(&UncachedReason::NoCache) {
        parts.extend(mend(UncachedReason::NoCache));
    }
    if parts.is_empty() {
        parts.push(
            "its headers allow a shared copy, so the cache's own rules keep it out: see `proxy_cache_valid`, \
             `proxy_cache_min_uses`, `proxy_cache_key` and `proxy_no_cache`",
        );
    }
    parts.join("; ")
}

const fn mend(why: UncachedReason) -> Option<&'static str> {
    match why {
        UncachedReason::SetCookie => Some(
            "keep the view from setting a cookie for visitors without a login (do not touch `request.session` or \
             `get_token()`)",
        ),
        UncachedReason::VaryCookie => Some(
            "keep middleware and template from reading `request.user` or the session on this page, so that Django leaves \
             `Vary: Cookie` out",
        ),
        UncachedReason::CacheControl => Some(
            "if nothing on it is private, replace `@never_cache` or `private` by `@cache_control(public=True, max_age=60)`",
        ),
        UncachedReason::NoLifetime => Some(
            "give it a lifetime: `@cache_control(public=True, max_age=60)` on the view, or `proxy_cache_valid 200 60s;` in \
             nginx",
        ),
        UncachedReason::NoCache => Some(
            "put nginx `proxy_cache` in front (`proxy_cache_path`, `proxy_cache`, and `proxy_cache_bypass $cookie_sessionid` \
             with `proxy_no_cache` so that nobody with a login is served from it), or `@cache_page(60)` on the view",
        ),
        UncachedReason::Personal | UncachedReason::FormToken => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand;

    fn with(second: CacheOutcome, because: &[UncachedReason]) -> Vec<Finding> {
        let mut facts = hand::healthy();
        *hand::cache_test(&mut facts, 0) =
            CacheTest { same_body: true, shared_token: false, second, uncached_reasons: because.to_vec() };
        hand::findings(&facts, check)
    }

    #[test]
    fn a_cache_that_misses_is_told_why() {
        let found = with(CacheOutcome::Miss, &[UncachedReason::SetCookie]);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Likely));
        assert!(found[0].fix.contains("request.session"), "{}", found[0].fix);
        let saving = found[0].saving.as_ref().expect("loaded");
        assert!((saving.ms_per_second() - 25.0 * 8.0).abs() < 1e-6, "{saving:?}");
    }

    #[test]
    fn a_cache_that_is_not_there_is_a_hint_where_it_pays() {
        let found = with(CacheOutcome::None, &[UncachedReason::NoCache, UncachedReason::NoLifetime]);
        assert_eq!(found[0].severity, Severity::Hint);
        let mut facts = hand::healthy();
        facts.probe.as_mut().expect("probe").routes[0].app_us = Some(Micros(900));
        *hand::cache_test(&mut facts, 0) = CacheTest {
            same_body: true,
            shared_token: false,
            second: CacheOutcome::None,
            uncached_reasons: vec![UncachedReason::NoCache],
        };
        assert!(hand::findings(&facts, check).is_empty());
    }

    #[test]
    fn a_leak_is_never_recommended() {
        assert!(with(CacheOutcome::Miss, &[UncachedReason::Personal]).is_empty());
        assert!(with(CacheOutcome::Miss, &[UncachedReason::FormToken, UncachedReason::SetCookie]).is_empty());
        let mut facts = hand::healthy();
        *hand::cache_test(&mut facts, 0) = CacheTest {
            same_body: true,
            shared_token: true,
            second: CacheOutcome::Miss,
            uncached_reasons: vec![UncachedReason::SetCookie],
        };
        assert!(hand::findings(&facts, check).is_empty());
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
