//! The `Cache-Status` header (RFC 9211) and nginx's `$upstream_cache_status`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a cache in front did with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CacheOutcome {
    /// Served from the cache.
    Hit,
    /// Not in the cache; fetched.
    Miss,
    /// Was in the cache, but too old.
    Expired,
    /// The cache was bypassed by the request or by a rule.
    Bypass,
    /// Served although too old.
    Stale,
    /// Checked with the origin and still good.
    Revalidated,
    /// No cache took part, or it reported nothing.
    None,
}

impl CacheOutcome {
    /// True when the origin had no full work to do.
    pub const fn is_hit(self) -> bool {
        matches!(self, Self::Hit | Self::Stale | Self::Revalidated)
    }

    /// Reads a `Cache-Status` header; of several caches the one nearest the client (the last) counts.
    pub fn parse_header(value: &str) -> Self {
        let Some(last) = value.rsplit(',').next() else { return Self::None };
        let mut parameters = last.split(';').skip(1).map(str::trim).peekable();
        if parameters.peek().is_none() {
            return Self::None;
        }
        let mut outcome = Self::None;
        for parameter in parameters {
            outcome = match parameter {
                "hit" => Self::Hit,
                "fwd=stale" if outcome == Self::Hit => Self::Revalidated,
                "fwd=stale" => Self::Expired,
                "fwd=bypass" | "fwd=request" | "fwd=method" => Self::Bypass,
                p if p.starts_with("fwd=") => Self::Miss,
                p if p.starts_with("detail=")
                    && p.to_ascii_lowercase().contains("stale")
                    && outcome == Self::Hit =>
                {
                    Self::Stale
                }
                _ => outcome,
            };
        }
        outcome
    }

    /// Reads nginx's `$upstream_cache_status`.
    pub fn parse_nginx(value: &str) -> Self {
        match value {
            "HIT" => Self::Hit,
            "MISS" => Self::Miss,
            "EXPIRED" => Self::Expired,
            "BYPASS" => Self::Bypass,
            "STALE" | "UPDATING" => Self::Stale,
            "REVALIDATED" => Self::Revalidated,
            _ => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_parsed_as_in_the_rfc() {
        let cases = [
            ("nginx; hit", CacheOutcome::Hit),
            ("nginx; fwd=uri-miss; stored", CacheOutcome::Miss),
            ("nginx; fwd=stale", CacheOutcome::Expired),
            ("nginx; fwd=bypass", CacheOutcome::Bypass),
            ("nginx; hit; fwd=stale; fwd-status=304", CacheOutcome::Revalidated),
            ("django; hit, nginx; fwd=uri-miss", CacheOutcome::Miss),
            ("", CacheOutcome::None),
            ("nginx", CacheOutcome::None),
        ];
        for (header, expected) in cases {
            assert_eq!(CacheOutcome::parse_header(header), expected, "{header}");
        }
    }
}
