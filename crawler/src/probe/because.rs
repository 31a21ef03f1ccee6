//! Why a page was not given by a cache, read from what two visitors saw. Pure.

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::probe::{CacheTest, UncachedReason};

/// What two visitors, twice each, saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent observations, each with its own reason")]
pub(crate) struct Sight {
    /// Bodies were the same, tokens masked.
    pub(crate) same_body: bool,
    /// Both were given the same token.
    pub(crate) shared_token: bool,
    /// What the cache said to the second visitor's second request.
    pub(crate) second: CacheOutcome,
    /// An answer set a cookie.
    pub(crate) sets_cookie: bool,
    /// `Vary` names the cookie.
    pub(crate) varies_by_cookie: bool,
    /// `Cache-Control` forbids keeping it.
    pub(crate) forbidden: bool,
    /// There is a lifetime.
    pub(crate) has_lifetime: bool,
    /// It holds a form token.
    pub(crate) has_token: bool,
}

/// The test's result, with every reason that applies.
pub(crate) fn judge(sight: Sight) -> CacheTest {
    let reasons = [
        (sight.sets_cookie, UncachedReason::SetCookie),
        (sight.varies_by_cookie && sight.same_body, UncachedReason::VaryCookie),
        (sight.forbidden, UncachedReason::CacheControl),
        (!sight.has_lifetime && !sight.forbidden, UncachedReason::NoLifetime),
        (!sight.same_body, UncachedReason::Personal),
        (sight.has_token, UncachedReason::FormToken),
    ];
    let mut because: Vec<UncachedReason> =
        reasons.into_iter().filter_map(|(applies, reason)| applies.then_some(reason)).collect();
    if sight.second.is_hit() {
        because.clear();
    } else if because.is_empty() && sight.second == CacheOutcome::None {
        because.push(UncachedReason::NoCache);
    }
    CacheTest {
        same_body: sight.same_body,
        shared_token: sight.shared_token,
        second: sight.second,
        uncached_reasons: because,
    }
}

/// True when `Cache-Control` keeps shared caches from keeping an answer.
pub(crate) fn forbids(cache_control: &str) -> bool {
    cache_control.to_ascii_lowercase().split(',').map(str::trim).any(|directive| {
        let name = directive.split('=').next().unwrap_or_default();
        matches!(name, "private" | "no-store" | "no-cache")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Sight = Sight {
        same_body: true,
        shared_token: false,
        second: CacheOutcome::None,
        sets_cookie: false,
        varies_by_cookie: false,
        forbidden: false,
        has_lifetime: true,
        has_token: false,
    };

    #[test]
    fn every_reason_is_told() {
        use UncachedReason::{CacheControl, FormToken, NoCache, NoLifetime, Personal, SetCookie, VaryCookie};
        let cases: [(Sight, &[UncachedReason]); 8] = [
            (PLAIN, &[NoCache]),
            (Sight { second: CacheOutcome::Hit, sets_cookie: true, ..PLAIN }, &[]),
            (Sight { second: CacheOutcome::Miss, ..PLAIN }, &[]),
            (Sight { has_lifetime: false, ..PLAIN }, &[NoLifetime]),
            (Sight { sets_cookie: true, varies_by_cookie: true, ..PLAIN }, &[SetCookie, VaryCookie]),
            (Sight { varies_by_cookie: true, same_body: false, ..PLAIN }, &[Personal]),
            (Sight { forbidden: true, has_lifetime: false, ..PLAIN }, &[CacheControl]),
            (Sight { has_token: true, ..PLAIN }, &[FormToken]),
        ];
        for (sight, expected) in cases {
            assert_eq!(judge(sight).uncached_reasons, expected, "{sight:?}");
        }
    }

    #[test]
    fn directives_are_words_not_parts_of_words() {
        assert!(forbids("max-age=0, no-cache=\"set-cookie\"") && forbids("Private") && forbids("no-store"));
        assert!(!forbids("public, max-age=60") && !forbids(""));
    }
}
