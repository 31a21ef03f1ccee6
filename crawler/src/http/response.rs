//! One response, read to its end or to the size limit, with its times.

use std::collections::BTreeMap;
use std::time::Duration;

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::server_timing::ServerTiming;
use kneepoint_model::text::clip;
use reqwest::header::{HeaderMap, HeaderName};

use super::content_coding::DecodedBody;

/// Longest header value that is read, in characters.
const MAX_VALUE: usize = 1_024;

/// Response headers that control caching.
const CACHE_HEADERS: [&str; 7] =
    ["age", "cache-control", "cache-status", "etag", "expires", "last-modified", "vary"];

/// Response to a GET.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Time from the start of the request to the response headers.
    pub(crate) ttfb: Duration,
    /// Time from the start of the request to the last byte read.
    pub(crate) total: Duration,
    /// Bytes of the body as received, before decoding.
    pub(crate) wire_bytes: u64,
    /// Body after content decoding.
    pub(crate) body: DecodedBody,
}

impl Response {
    /// Drops the body, to save memory.
    pub(crate) fn without_body(mut self) -> Self {
        self.body = DecodedBody::Whole(Vec::new());
        self
    }

    /// Value of a header as text; repeated headers are joined by a comma.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let values: Vec<String> = self
            .headers
            .get_all(name)
            .iter()
            .take(16)
            .map(|value| clip(&String::from_utf8_lossy(value.as_bytes()), MAX_VALUE).to_owned())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// `Content-Type` in lower case, without parameters.
    pub(crate) fn content_type(&self) -> Option<String> {
        let value = self.header("content-type")?;
        let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        (!kind.is_empty()).then(|| clip(&kind, 100).to_owned())
    }

    /// `Content-Encoding`, unless it is empty or `identity`.
    pub(crate) fn encoding(&self) -> Option<String> {
        self.header("content-encoding")
            .map(|value| value.trim().to_ascii_lowercase())
            .filter(|value| !value.is_empty() && value != "identity")
    }

    /// `Location` of a redirect; `None` for any other status.
    pub(crate) fn location(&self) -> Option<String> {
        if !matches!(self.status, 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let value = self.headers.get(reqwest::header::LOCATION)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// Parsed `Server-Timing`; empty when the header is missing.
    pub(crate) fn server_timing(&self) -> ServerTiming {
        self.header("server-timing").map_or_else(ServerTiming::default, |value| ServerTiming::parse(&value))
    }

    /// Outcome reported by a cache: `Cache-Status` (RFC 9211), or the older `X-Cache-Status` and `X-Cache`.
    pub(crate) fn cache_outcome(&self) -> CacheOutcome {
        if let Some(value) = self.header("cache-status") {
            return CacheOutcome::parse_header(&value);
        }
        ["x-cache-status", "cf-cache-status", "x-cache"]
            .into_iter()
            .find_map(|name| self.header(name))
            .map_or(CacheOutcome::None, |value| parse_x_cache(&value))
    }

    /// Headers that control caching; of `Set-Cookie` only the cookie names.
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

    /// Cookies that the response sets.
    pub(crate) fn cookies(&self) -> Vec<Cookie> {
        self.headers
            .get_all(reqwest::header::SET_COOKIE)
            .iter()
            .take(32)
            .filter_map(|value| Cookie::parse(&String::from_utf8_lossy(value.as_bytes())))
            .collect()
    }
}

/// A cookie of `Set-Cookie`; its value never leaves this crate.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Cookie {
    pub(crate) name: String,
    /// Secret; hidden from `Debug`.
    pub(crate) value: String,
    /// Sent over encrypted connections only.
    pub(crate) secure: bool,
    /// The response deletes the cookie.
    pub(crate) is_deletion: bool,
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
            is_deletion: attributes.iter().any(|attribute| attribute == "max-age=0")
                || value.trim() == "\"\"",
        })
    }
}

/// `X-Cache` has no standard: parses the words that nginx, Varnish, Squid and CDNs use.
fn parse_x_cache(value: &str) -> CacheOutcome {
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

    fn response(headers: &[(&'static str, &'static str)]) -> Response {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        Response {
            status: 200,
            headers: map,
            ttfb: Duration::ZERO,
            total: Duration::ZERO,
            wire_bytes: 0,
            body: DecodedBody::Whole(Vec::new()),
        }
    }

    #[test]
    fn only_the_names_of_cookies_are_kept() {
        let response = response(&[
            ("set-cookie", "sessionid=s3cret; HttpOnly; Path=/"),
            ("set-cookie", "csrftoken=t0ken; Secure"),
            ("cache-control", "max-age=60"),
            ("x-other", "no"),
        ]);
        let kept = response.cache_headers();
        assert_eq!(kept["set-cookie"], "sessionid, csrftoken");
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["cache-control", "set-cookie"]);
        assert!(!format!("{kept:?} {:?}", response.cookies()).contains("s3cret"));
        assert!(response.cookies()[1].secure);
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
            assert_eq!(response(&headers).cache_outcome(), expected, "{headers:?}");
        }
    }

    #[test]
    fn only_redirects_have_a_location() {
        let mut found = response(&[("location", "/next")]);
        assert_eq!(found.location(), None);
        found.status = 302;
        assert_eq!(found.location().as_deref(), Some("/next"));
    }
}
