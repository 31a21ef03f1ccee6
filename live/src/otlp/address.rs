//! Address and headers of the collector. Pure.
//!
//! Headers often hold a key. They are read only from the environment variables of the OpenTelemetry specification
//! (`OTEL_EXPORTER_OTLP_HEADERS`: `name=value`, separated by commas, values percent-encoded) and never written down.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

/// Path of metrics over HTTP in the OTLP specification.
const PATH: &str = "v1/metrics";
/// Variables with headers; a later one overrides an earlier one.
pub(crate) const HEADERS: [&str; 2] = ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_HEADERS"];

/// The collector's address with the path for metrics, which is added when it is not there.
///
/// # Errors
/// The address is not http or https, or holds credentials or a query, which would end up in the run folder.
pub fn metrics_endpoint(url: &Url) -> Result<Url, String> {
    const EXAMPLE: &str = "write e.g. http://127.0.0.1:4318";
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(format!("`{url}` is not an http or https address; {EXAMPLE}"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(format!(
            "an address with a user name, password or query would end up in the run folder; {EXAMPLE}, and set {} for what is secret",
            HEADERS[0]
        ));
    }
    let mut endpoint = url.clone();
    endpoint.set_fragment(None);
    let path = url.path().trim_end_matches('/');
    if !path.ends_with(PATH) {
        endpoint.set_path(&format!("{path}/{PATH}"));
    }
    Ok(endpoint)
}

/// Headers from the environment; `variable` looks a variable up.
///
/// # Errors
/// A part is not `name=value`. The message contains neither names nor values, which may be secret.
pub fn headers_from_env(variable: impl Fn(&str) -> Option<String>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for name in HEADERS {
        let Some(text) = variable(name) else { continue };
        for (at, pair) in text.split(',').enumerate().filter(|(_, pair)| !pair.trim().is_empty()) {
            let (key, value) = parse_header(pair).ok_or_else(|| {
                format!("{name}: part {} is not a header; write e.g. {name}='api-key=abc,x-tenant=7'", at + 1)
            })?;
            headers.insert(key, value);
        }
    }
    Ok(headers)
}

fn parse_header(pair: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = pair.split_once('=')?;
    let mut value = HeaderValue::from_bytes(&percent_decode(value.trim())?).ok()?;
    value.set_sensitive(true);
    Some((HeaderName::from_bytes(name.trim().as_bytes()).ok()?, value))
}

fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        rest = others;
        if *first == b'%' {
            let digits = std::str::from_utf8(others.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &others[2..];
        } else {
            bytes.push(*first);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_added_once() {
        for (written, whole) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/metrics"),
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/metrics"),
            ("https://c.test/otlp/", "https://c.test/otlp/v1/metrics"),
            ("https://c.test/otlp/v1/metrics", "https://c.test/otlp/v1/metrics"),
        ] {
            assert_eq!(
                metrics_endpoint(&written.parse().expect("a URL")).map(String::from),
                Ok(whole.to_owned())
            );
        }
        for bad in ["ftp://c.test/", "http://me:hunter2@c.test/", "http://c.test/?key=hunter2"] {
            let refused = metrics_endpoint(&bad.parse().expect("a URL")).expect_err(bad);
            assert!(refused.contains("http://127.0.0.1:4318") && !refused.contains("hunter2"), "{refused}");
        }
    }

    #[test]
    fn headers_come_from_the_environment_and_are_never_repeated() {
        let variable = |name: &str| {
            (name == HEADERS[0]).then(|| "api-key=a%2Cb, x-tenant = 7 ,,authorization=Bearer%20z".to_owned())
        };
        let read = headers_from_env(variable).expect("three headers");
        assert_eq!(read.len(), 3);
        assert_eq!(
            (&read["api-key"], &read["authorization"]),
            (&HeaderValue::from_static("a,b"), &HeaderValue::from_static("Bearer z"))
        );
        assert!(!format!("{read:?}").contains("Bearer"));
        for bad in ["hunter2", "a b=hunter2", "k=hunter2%0A", "k=hunter2%2"] {
            let refused =
                headers_from_env(|name| (name == HEADERS[1]).then(|| bad.to_owned())).expect_err(bad);
            assert!(refused.contains("part 1") && !refused.contains("hunter2"), "{refused}");
        }
    }
}
