//! Headers of an answer that explain it, for requests that are remembered. A closed list: any other may hold what must not be kept.

use std::collections::BTreeMap;

use crate::transport::Head;

/// Who answered and when, from which cache and for how long, how it was packed, and by which name it is found in logs.
const NAMES: [&str; 30] = [
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
const LONGEST: usize = 200;

/// What the answer says of itself, by name in small letters. Values with a secret in them are not kept.
pub(super) fn told(head: &Head, secrets: &[String]) -> BTreeMap<String, String> {
    let value = |name: &'static str| {
        let values: Vec<&str> = head.all(name).collect();
        (!values.is_empty()).then(|| (name.to_owned(), values.join(", ")))
    };
    let holds_secret = |value: &str| secrets.iter().any(|secret| value.contains(secret.as_str()));
    let told = NAMES.into_iter().filter_map(value).filter(|(_, value)| !holds_secret(value));
    told.map(|(name, value)| (name, super::exemplars::cut(&value, LONGEST))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_explains_an_answer_is_kept_and_nothing_else() {
        let text = "HTTP/1.1 200 OK\r\nVia: 1.1 a\r\nX-Cache: MISS\r\nVIA: 1.1 b\r\nSet-Cookie: session=s1\r\nX-Token: t\r\nETag: \"hunter2\"\r\nServer: a\tb\r\n\r\n";
        let (head, _) = Head::parse(text.as_bytes(), false).expect("a head").expect("whole");
        let told = told(&head, &["hunter2".to_owned()]);
        let told: Vec<_> = told.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(told, [("server", "ab"), ("via", "1.1 a, 1.1 b"), ("x-cache", "MISS")]);
    }
}
