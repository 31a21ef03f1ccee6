//! Derives why a page does not come from a cache, from what two users received. Pure.

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::probe::{CacheTest, UncachedReason};

/// What two users received, with two requests each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent observations, each with its own reason")]
pub(crate) struct CacheObservation {
    /// Bodies are equal after masking form tokens.
    pub(crate) same_body: bool,
    /// Both users received the same form token.
    pub(crate) shared_token: bool,
    /// Cache outcome of the second user's second request.
    pub(crate) second: CacheOutcome,
    /// A response sets a cookie.
    pub(crate) sets_cookie: bool,
    /// `Vary` names `Cookie`.
    pub(crate) varies_by_cookie: bool,
    /// `Cache-Control` forbids shared caches to store the response.
    pub(crate) forbidden: bool,
    /// The headers give a lifetime.
    pub(crate) has_lifetime: bool,
    /// The page contains a form token.
    pub(crate) has_token: bool,
}

/// Result of the test with every reason that applies.
pub(crate) fn judge_cache_test(observation: CacheObservation) -> CacheTest {
    let reasons = [
        (observation.sets_cookie, UncachedReason::SetCookie),
        (observation.varies_by_cookie && observation.same_body, UncachedReason::VaryCookie),
        (observation.forbidden, UncachedReason::CacheControl),
        (!observation.has_lifetime && !observation.forbidden, UncachedReason::NoLifetime),
        (!observation.same_body, UncachedReason::Personal),
        (observation.has_token, UncachedReason::FormToken),
    ];
    let mut because: Vec<UncachedReason> =
        reasons.into_iter().filter_map(|(applies, reason)| applies.then_some(reason)).collect();
    if observation.second.is_hit() {
        because.clear();
    } else if because.is_empty() && observation.second == CacheOutcome::None {
        because.push(UncachedReason::NoCache);
    }
    CacheTest {
        same_body: observation.same_body,
        shared_token: observation.shared_token,
        second: observation.second,
        uncached_reasons: because,
    }
}

/// True when `Cache-Control` forbids shared caches to store a response.
pub(crate) fn forbids_shared_caching(cache_control: &str) -> bool {
    cache_control.to_ascii_lowercase().split(',').map(str::trim).any(|directive| {
        let name = directive.split('=').next().unwrap_or_default();
        matches!(name, "private" | "no-store" | "no-cache")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: CacheObservation = CacheObservation {
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
    fn every_reason_is_reported() {
        use UncachedReason::{CacheControl, FormToken, NoCache, NoLifetime, Personal, SetCookie, VaryCookie};
        let cases: [(CacheObservation, &[UncachedReason]); 8] = [
            (PLAIN, &[NoCache]),
            (CacheObservation { second: CacheOutcome::Hit, sets_cookie: true, ..PLAIN }, &[]),
            (CacheObservation { second: CacheOutcome::Miss, ..PLAIN }, &[]),
            (CacheObservation { has_lifetime: false, ..PLAIN }, &[NoLifetime]),
            (
                CacheObservation { sets_cookie: true, varies_by_cookie: true, ..PLAIN },
                &[SetCookie, VaryCookie],
            ),
            (CacheObservation { varies_by_cookie: true, same_body: false, ..PLAIN }, &[Personal]),
            (CacheObservation { forbidden: true, has_lifetime: false, ..PLAIN }, &[CacheControl]),
            (CacheObservation { has_token: true, ..PLAIN }, &[FormToken]),
        ];
        for (observation, expected) in cases {
            assert_eq!(judge_cache_test(observation).uncached_reasons, expected, "{observation:?}");
        }
    }

    #[test]
    fn directives_are_words_not_parts_of_words() {
        assert!(
            forbids_shared_caching("max-age=0, no-cache=\"set-cookie\"")
                && forbids_shared_caching("Private")
                && forbids_shared_caching("no-store")
        );
        assert!(!forbids_shared_caching("public, max-age=60") && !forbids_shared_caching(""));
    }
}
