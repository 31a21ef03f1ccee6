//! One answer, read to its end (or to the bound), with its times.

use std::collections::BTreeMap;
use std::time::Duration;

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::server_timing::ServerTiming;
use reqwest::header::{HeaderMap, HeaderName};

use super::coding::Decoded;

/// Longest header value that is looked at.
const MAX_VALUE: usize = 1_024;

/// Response headers that decide caching.
const CACHE_HEADERS: [&str; 7] =
    ["age", "cache-control", "cache-status", "etag", "expires", "last-modified", "vary"];

/// What a GET gave.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// From the start to the headers.
    pub(crate) ttfb: Duration,
    /// From the start to the last byte that was read.
    pub(crate) total: Duration,
    /// Bytes of the body as received.
    pub(crate) wire_bytes: u64,
    /// The body, decoded.
    pub(crate) body: Decoded,
}

impl Answer {
    /// The same without its body.
    pub(crate) fn without_body(mut self) -> Self {
        self.body = Decoded::Whole(Vec::new());
        self
    }

    /// A header as text; several of one name are joined by a comma.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let values: Vec<String> = self
            .headers
            .get_all(name)
            .iter()
            .take(16)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).chars().take(MAX_VALUE).collect())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// `Content-Type` without parameters, in lower case.
    pub(crate) fn content_type(&self) -> Option<String> {
        let value = self.header("content-type")?;
        let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        (!kind.is_empty()).then(|| kind.chars().take(100).collect())
    }

    /// `Content-Encoding`, unless it says nothing.
    pub(crate) fn encoding(&self) -> Option<String> {
        self.header("content-encoding")
            .map(|value| value.trim().to_ascii_lowercase())
            .filter(|value| !value.is_empty() && value != "identity")
    }

    /// Where a redirect leads.
    pub(crate) fn location(&self) -> Option<String> {
        if !matches!(self.status, 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let value = self.headers.get(reqwest::header::LOCATION)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// What the server says of its own time.
    pub(crate) fn server_timing(&self) -> ServerTiming {
        self.header("server-timing").map_or_else(ServerTiming::default, |value| ServerTiming::parse(&value))
    }

    /// What a cache in front says: `Cache-Status` (RFC 9211), or the older `X-Cache-Status` and `X-Cache`.
    pub(crate) fn cache_outcome(&self) -> CacheOutcome {
        if let Some(value) = self.header("cache-status") {
            return CacheOutcome::parse_header(&value);
        }
        ["x-cache-status", "cf-cache-status", "x-cache"]
            .into_iter()
            .find_map(|name| self.header(name))
            .map_or(CacheOutcome::None, |value| older_words(&value))
    }

    /// The headers that decide caching; of cookies their names alone.
    pub(crate) fn cache_headers(&self) -> BTreeMap<String, String> {
        let mut kept: BTreeMap<String, String> = CACHE_HEADERS
            .into_iter()
            .filter_map(|name| self.header(name).map(|value| (name.to_owned(), value)))
            .collect();
        let cookies = self.cookies();
        if !cookies.is_empty() {
            let names: Vec<&str> = cookies.iter().map(|cookie| cookie.name.as_str()).collect();
            kept.insert("set-cookie".to_owned(), names.join(", "));
        }
        kept
    }

    /// The cookies that are set.
    pub(crate) fn cookies(&self) -> Vec<Cookie> {
        self.headers
            .get_all(reqwest::header::SET_COOKIE)
            .iter()
            .take(32)
            .filter_map(|value| Cookie::parse(&String::from_utf8_lossy(value.as_bytes())))
            .collect()
    }
}

/// A cookie as it was set; its value never leaves this crate.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Cookie {
    /// Its name.
    pub(crate) name: String,
    /// Its value; a secret.
    pub(crate) value: String,
    /// Only for encrypted connections.
    pub(crate) secure: bool,
    /// It takes the cookie back.
    pub(crate) gone: bool,
}

impl std::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cookie").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Cookie {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        let name = name.trim();
        if name.is_empty() || name.len() > 100 || value.len() > 4_096 {
            return None;
        }
        let attributes: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
        Some(Self {
            name: name.to_owned(),
            value: value.trim().to_owned(),
            secure: attributes.iter().any(|attribute| attribute == "secure"),
            gone: attributes.iter().any(|attribute| attribute == "max-age=0") || value.trim() == "\"\"",
        })
    }
}

/// `X-Cache` has no standard: the words that nginx, Varnish, Squid and CDNs use.
fn older_words(value: &str) -> CacheOutcome {
    let upper = value.trim().to_ascii_uppercase();
    let first = upper.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
    match CacheOutcome::parse_nginx(first) {
        CacheOutcome::None if first == "DYNAMIC" || first == "PASS" => CacheOutcome::Bypass,
        CacheOutcome::None if first.ends_with("_HIT") => CacheOutcome::Hit,
        CacheOutcome::None if first.ends_with("_MISS") => CacheOutcome::Miss,
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn answer(headers: &[(&'static str, &'static str)]) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        Answer {
            status: 200,
            headers: map,
            ttfb: Duration::ZERO,
            total: Duration::ZERO,
            wire_bytes: 0,
            body: Decoded::Whole(Vec::new()),
        }
    }

    #[test]
    fn of_cookies_only_names_are_kept() {
        let answer = answer(&[
            ("set-cookie", "sessionid=s3cret; HttpOnly; Path=/"),
            ("set-cookie", "csrftoken=t0ken; Secure"),
            ("cache-control", "max-age=60"),
            ("x-other", "no"),
        ]);
        let kept = answer.cache_headers();
        assert_eq!(kept["set-cookie"], "sessionid, csrftoken");
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["cache-control", "set-cookie"]);
        assert!(!format!("{kept:?} {:?}", answer.cookies()).contains("s3cret"));
        assert!(answer.cookies()[1].secure);
    }

    #[test]
    fn the_standard_header_comes_before_the_older_ones() {
        let cases: [(&[(&str, &str)], CacheOutcome); 6] = [
            (&[("cache-status", "nginx; hit"), ("x-cache", "MISS")], CacheOutcome::Hit),
            (&[("x-cache-status", "EXPIRED")], CacheOutcome::Expired),
            (&[("x-cache", "Hit from cloudfront")], CacheOutcome::Hit),
            (&[("x-cache", "TCP_MISS:1")], CacheOutcome::Miss),
            (&[("cf-cache-status", "DYNAMIC")], CacheOutcome::Bypass),
            (&[], CacheOutcome::None),
        ];
        for (headers, expected) in cases {
            let headers: Vec<(&'static str, &'static str)> = headers.to_vec();
            assert_eq!(answer(&headers).cache_outcome(), expected, "{headers:?}");
        }
    }

    #[test]
    fn only_redirects_lead_elsewhere() {
        let mut found = answer(&[("location", "/next")]);
        assert_eq!(found.location(), None);
        found.status = 302;
        assert_eq!(found.location().as_deref(), Some("/next"));
    }
}
