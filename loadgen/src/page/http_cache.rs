//! How long a browser may use a response without a request, and how it revalidates. Pure: header fields and times in, decisions
//! out.
//!
//! Source: RFC 9111 (HTTP caching), as a private cache; RFC 8246 for `immutable`, which matters only when a user reloads a page
//! and so changes nothing here. `stale-while-revalidate` (RFC 5861) is not supported: a stale response is requested again.

use std::time::{Duration, Instant};

/// Longer validators are not stored.
const MAX_VALIDATOR_LEN: usize = 512;
/// Share of the time since the last change for which a response counts as fresh when it declares nothing (§4.2.2; browsers use
/// the same).
const HEURISTIC_SHARE: f64 = 0.1;
/// Longer than any run.
const MAX_LIFETIME: Duration = Duration::from_hours(24 * 365);

/// Looks up a header field of a response; several of a name are joined by commas.
pub(super) type Fields<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// What is stored of a response. The body is not: nothing reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredResponse {
    /// Until when it may be used without a request.
    fresh_until: Instant,
    /// Freshness lifetime at the time of the response.
    lifetime: Duration,
    etag: Option<Box<str>>,
    last_modified: Option<Box<str>>,
    /// Hash of the cookies of its request, where the response varies by them (§4.1).
    cookies: Option<u64>,
}

/// How to obtain an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CacheUse<'a> {
    /// From the cache: the stored response is fresh (§4.2).
    Fresh,
    /// With a conditional request (§4.3.1).
    Revalidate { etag: Option<&'a str>, last_modified: Option<&'a str> },
    /// With an unconditional request.
    Fetch,
}

impl StoredResponse {
    /// What to store of a 200; `None` when it may not be stored (§3), or could never be used. `cookies` is a hash of those that
    /// were sent.
    pub(super) fn from_response(fields: &Fields<'_>, cookies: u64, now: Instant) -> Option<Self> {
        let control = CacheControl::parse(fields);
        let vary = fields("vary").unwrap_or_default().to_ascii_lowercase();
        let varies = |name: &str| vary.split(',').any(|field| field.trim() == name);
        // §5.2.2.5; and §4.1: `*` never matches the next request.
        if control.no_store || varies("*") {
            return None;
        }
        let lifetime = lifetime(&control, fields);
        let validator =
            |name| fields(name).filter(|text| text.len() <= MAX_VALIDATOR_LEN).map(String::into_boxed_str);
        let stored = Self {
            fresh_until: now + lifetime.saturating_sub(response_age(fields)),
            lifetime,
            etag: validator("etag"),
            last_modified: validator("last-modified"),
            // All other request headers of an asset are always the same.
            cookies: varies("cookie").then_some(cookies),
        };
        let useful = stored.fresh_until > now || stored.etag.is_some() || stored.last_modified.is_some();
        useful.then_some(stored)
    }

    /// The stored response after a 304 (§4.3.4): fresh for as long as the 304 declares, or as long as before; `None` when it
    /// may no longer be stored.
    pub(super) fn revalidated(&self, fields: &Fields<'_>, cookies: u64, now: Instant) -> Option<Self> {
        let control = CacheControl::parse(fields);
        if control.no_store {
            return None;
        }
        let declares = control.max_age.is_some() || control.no_cache || fields("expires").is_some();
        let lifetime = if declares { lifetime(&control, fields) } else { self.lifetime };
        let etag = fields("etag").filter(|text| text.len() <= MAX_VALIDATOR_LEN).map(String::into_boxed_str);
        Some(Self {
            fresh_until: now + lifetime.saturating_sub(response_age(fields)),
            lifetime,
            etag: etag.or_else(|| self.etag.clone()),
            last_modified: self.last_modified.clone(),
            cookies: self.cookies.map(|_| cookies),
        })
    }

    /// How it may be used now by a user with these cookies.
    pub(super) fn usage(&self, cookies: u64, now: Instant) -> CacheUse<'_> {
        if now < self.fresh_until && self.cookies.is_none_or(|made_for| made_for == cookies) {
            return CacheUse::Fresh;
        }
        match (self.etag.as_deref(), self.last_modified.as_deref()) {
            (None, None) => CacheUse::Fetch,
            (etag, last_modified) => CacheUse::Revalidate { etag, last_modified },
        }
    }
}

/// The directives of `Cache-Control` that concern a private cache.
#[derive(Debug, Default, PartialEq, Eq)]
struct CacheControl {
    no_store: bool,
    no_cache: bool,
    /// An invalid value counts as zero (§4.2.1).
    max_age: Option<Duration>,
}

impl CacheControl {
    fn parse(fields: &Fields<'_>) -> Self {
        let mut control = Self::default();
        let text = fields("cache-control").unwrap_or_default();
        for directive in text.split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" => control.no_store = true,
                "no-cache" => control.no_cache = true,
                // The first of several counts (§4.2.1).
                "max-age" if control.max_age.is_none() => {
                    control.max_age = Some(parse_seconds(value.trim().trim_matches('"')).unwrap_or_default());
                }
                _ => {}
            }
        }
        control
    }
}

/// §4.2.1 and §4.2.2.
fn lifetime(control: &CacheControl, fields: &Fields<'_>) -> Duration {
    // §5.2.2.4: each use needs revalidation.
    if control.no_cache {
        return Duration::ZERO;
    }
    if let Some(max_age) = control.max_age {
        return max_age;
    }
    let date = |name: &str| fields(name).map(|text| httpdate::parse_http_date(text.trim()).ok());
    // Both are relative to the response's own date, never to the clock of this machine.
    let Some(born) = date("date").flatten() else { return Duration::ZERO };
    match date("expires") {
        // §5.3: an invalid date lies in the past.
        Some(until) => {
            until.and_then(|until| until.duration_since(born).ok()).unwrap_or_default().min(MAX_LIFETIME)
        }
        None => date("last-modified")
            .flatten()
            .and_then(|changed| born.duration_since(changed).ok())
            .unwrap_or_default()
            .min(MAX_LIFETIME)
            .mul_f64(HEURISTIC_SHARE),
    }
}

/// Age on arrival (§4.2.3), as the caches in front report it.
fn response_age(fields: &Fields<'_>) -> Duration {
    fields("age").and_then(|text| parse_seconds(text.trim())).unwrap_or_default()
}

/// §1.2.2: numbers that are too large mean "long".
fn parse_seconds(text: &str) -> Option<Duration> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().map_or(MAX_LIFETIME, Duration::from_secs).min(MAX_LIFETIME))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");

    fn stored(fields: &[(&str, &str)], now: Instant) -> Option<StoredResponse> {
        StoredResponse::from_response(&|name| find(fields, name), 7, now)
    }

    fn find(fields: &[(&str, &str)], name: &str) -> Option<String> {
        let found: Vec<&str> =
            fields.iter().filter(|(field, _)| *field == name).map(|(_, text)| *text).collect();
        (!found.is_empty()).then(|| found.join(", "))
    }

    /// Seconds for which it is fresh; `None` when it is not stored.
    fn fresh(fields: &[(&str, &str)]) -> Option<u64> {
        let now = Instant::now();
        stored(fields, now).map(|stored| stored.fresh_until.duration_since(now).as_secs())
    }

    #[test]
    fn a_response_is_fresh_for_as_long_as_the_rfc_says() {
        let etag = ("etag", "\"1\"");
        let expires = ("expires", "Sun, 06 Nov 1994 08:59:37 GMT");
        let changed = ("last-modified", "Sun, 06 Nov 1994 07:09:37 GMT");
        for (section, fields, expected) in [
            ("5.2.2.1", &[("cache-control", "public, Max-Age=60")][..], Some(60)),
            ("5.2.2.1, quoted", &[("cache-control", "max-age=\"60\"")], Some(60)),
            ("RFC 8246", &[("cache-control", "max-age=31536000, immutable")], Some(31_536_000)),
            ("RFC 8246, without an age", &[("cache-control", "immutable")], None),
            ("5.2.2.5", &[("cache-control", "no-store, max-age=60"), etag], None),
            ("5.2.2.4", &[("cache-control", "no-cache, max-age=60"), etag], Some(0)),
            ("5.2.2.10 is for shared caches", &[("cache-control", "s-maxage=900, max-age=60")], Some(60)),
            ("4.2.1, expires", &[DATE, expires], Some(600)),
            ("4.2.1, max-age wins", &[DATE, expires, ("cache-control", "max-age=60")], Some(60)),
            (
                "4.2.1, the first of two",
                &[("cache-control", "max-age=1"), ("cache-control", "max-age=2")],
                Some(1),
            ),
            ("4.2.1, no number", &[("cache-control", "max-age=soon"), etag], Some(0)),
            ("1.2.2", &[("cache-control", "max-age=99999999999999999999999")], Some(MAX_LIFETIME.as_secs())),
            ("5.3", &[DATE, ("expires", "0"), changed], Some(0)),
            ("4.2.2", &[DATE, changed], Some(600)),
            ("4.2.3", &[("age", "50"), ("cache-control", "max-age=60")], Some(10)),
            ("4.2.3, older than fresh", &[("age", "90"), ("cache-control", "max-age=60"), etag], Some(0)),
            ("4.1, *", &[("vary", "Accept, *"), ("cache-control", "max-age=60")], None),
            ("4.2.2, no date to reckon from", &[changed], Some(0)),
            ("3, nothing to use it by", &[DATE], None),
        ] {
            assert_eq!(fresh(fields), expected, "RFC 9111 §{section}");
        }
    }

    #[test]
    fn stale_responses_are_revalidated_with_their_validators() {
        let now = Instant::now();
        let later = now + Duration::from_secs(61);
        let fields = [("cache-control", "max-age=60"), ("etag", "W/\"a\""), ("last-modified", "then")];
        let both = stored(&fields, now).expect("stored");
        assert_eq!(both.usage(7, now), CacheUse::Fresh);
        assert_eq!(
            both.usage(7, later),
            CacheUse::Revalidate { etag: Some("W/\"a\""), last_modified: Some("then") }
        );
        let none = stored(&fields[..1], now).expect("stored");
        assert_eq!(none.usage(7, later), CacheUse::Fetch);
    }

    #[test]
    fn a_response_that_varies_by_cookies_is_fresh_for_the_same_cookies_only() {
        let now = Instant::now();
        let fields =
            [("cache-control", "max-age=60"), ("vary", "accept-encoding, Cookie"), ("etag", "\"1\"")];
        let varying = stored(&fields, now).expect("stored");
        assert_eq!(varying.usage(7, now), CacheUse::Fresh);
        assert!(matches!(varying.usage(8, now), CacheUse::Revalidate { .. }));
        let constant = [("cache-control", "max-age=60"), ("vary", "accept-encoding")];
        assert_eq!(stored(&constant, now).expect("stored").usage(8, now), CacheUse::Fresh);
    }

    #[test]
    fn a_304_makes_it_fresh_again() {
        let now = Instant::now();
        let later = now + Duration::from_secs(100);
        let old = stored(&[("cache-control", "max-age=60"), ("etag", "\"1\"")], now).expect("stored");
        let again = |fields: &[(&str, &str)]| old.revalidated(&|name| find(fields, name), 7, later);
        let same = again(&[]).expect("stored");
        assert_eq!((same.fresh_until, same.etag.as_deref()), (later + Duration::from_mins(1), Some("\"1\"")));
        let longer = again(&[("cache-control", "max-age=90"), ("etag", "\"2\"")]).expect("stored");
        assert_eq!(
            (longer.fresh_until, longer.etag.as_deref()),
            (later + Duration::from_secs(90), Some("\"2\""))
        );
        assert_eq!(again(&[("cache-control", "no-cache")]).expect("stored").fresh_until, later);
        assert_eq!(again(&[("cache-control", "no-store")]), None);
    }

    proptest! {
        #[test]
        fn any_header_fields_are_decided_without_panic(
            control in "((max-age|no-cache|no-store|immutable|public)(=[\"0-9a-z]{0,25})?,? ?){0,4}",
            dates in prop::collection::vec("([A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT|[ -~é]{0,20})", 3),
            age in "[0-9]{0,30}|[ -~]{0,9}",
        ) {
            let fields = [
                ("cache-control", control.as_str()), ("date", &dates[0]), ("expires", &dates[1]),
                ("last-modified", &dates[2]), ("age", &age), ("vary", &age),
            ];
            let now = Instant::now();
            if let Some(stored) = stored(&fields, now) {
                prop_assert!(stored.fresh_until <= now + MAX_LIFETIME);
                let _ = (stored.usage(1, now), stored.revalidated(&|name| find(&fields, name), 1, now));
            }
        }
    }
}
