//! Response headers that help to explain an exemplar. A closed list: any other header may contain a secret.

use std::collections::BTreeMap;

use kneepoint_model::text::clean;

use crate::transport::ResponseHead;

/// Who answered and when, from which cache and for how long, in which encoding, and under which name it is found in logs.
const RECORDED_NAMES: [&str; 30] = [
    "age",
    "cache-control",
    "cache-status",
    "cf-cache-status",
    "cf-ray",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "retry-after",
    "server",
    "server-timing",
    "traceresponse",
    "transfer-encoding",
    "vary",
    "via",
    "x-amz-cf-id",
    "x-amz-cf-pop",
    "x-cache",
    "x-cache-hits",
    "x-cache-status",
    "x-request-id",
    "x-response-time",
    "x-runtime",
    "x-served-by",
    "x-varnish",
];
const MAX_VALUE_LEN: usize = 200;

/// The listed headers of a response, by lower-case name. Values that contain a secret are left out.
pub(super) fn diagnostic_headers(head: &ResponseHead, secrets: &[String]) -> BTreeMap<String, String> {
    let value = |name: &'static str| {
        let values: Vec<&str> = head.all(name).collect();
        (!values.is_empty()).then(|| (name.to_owned(), values.join(", ")))
    };
    let holds_secret = |value: &str| secrets.iter().any(|secret| value.contains(secret.as_str()));
    let headers = RECORDED_NAMES.into_iter().filter_map(value).filter(|(_, value)| !holds_secret(value));
    headers.map(|(name, value)| (name, clean(&value, MAX_VALUE_LEN))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_headers_of_the_list_without_secrets_are_recorded() {
        let text = "HTTP/1.1 200 OK\r\nVia: 1.1 a\r\nX-Cache: MISS\r\nVIA: 1.1 b\r\nSet-Cookie: session=s1\r\nX-Token: t\r\nETag: \"hunter2\"\r\nServer: a\tb\r\n\r\n";
        let (head, _) = ResponseHead::parse(text.as_bytes(), false).expect("a head").expect("whole");
        let headers = diagnostic_headers(&head, &["hunter2".to_owned()]);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(headers, [("server", "ab"), ("via", "1.1 a, 1.1 b"), ("x-cache", "MISS")]);
    }
}
