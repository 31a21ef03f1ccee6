//! Selects the requests of a log that can be repeated, and counts the others.

use std::collections::BTreeMap;

use kneepoint_model::text::{clip, plural};

use super::entry::LogEntry;
use crate::import::secret;

/// Longest target that is imported, in bytes.
const MAX_TARGET_BYTES: usize = 2_000;

/// Accepts requests that can be repeated, and counts what it skips by reason.
#[derive(Debug, Default)]
pub(super) struct RequestFilter {
    /// Requests that were accepted.
    pub(super) accepted: u64,
    /// Lines in no supported format.
    pub(super) unparseable: u64,
    /// Requests with methods other than GET, by method.
    other_methods: BTreeMap<String, u64>,
    failed: u64,
    secret: u64,
    unrepeatable: u64,
}

impl RequestFilter {
    /// Counts a request; true when it can be repeated.
    pub(super) fn accept(&mut self, entry: &LogEntry<'_>) -> bool {
        let target = &*entry.target;
        let fits = target.starts_with('/') && !target.starts_with("//") && target.len() <= MAX_TARGET_BYTES;
        let counter = match () {
            () if entry.method != "GET" => {
                self.other_methods.entry(clip(&entry.method, 20).to_owned()).or_default()
            }
            () if entry.status >= 400 => &mut self.failed,
            () if !fits || target.bytes().any(|byte| !byte.is_ascii_graphic()) => &mut self.unrepeatable,
            () if secret::query_has_secret(target) => &mut self.secret,
            () => {
                self.accepted += 1;
                return true;
            }
        };
        *counter += 1;
        false
    }

    /// Number of lines that contain a request.
    pub(super) fn request_count(&self) -> u64 {
        self.accepted
            + self.failed
            + self.secret
            + self.unrepeatable
            + self.other_methods.values().sum::<u64>()
    }

    /// Reports the skipped lines with reasons; `None` when nothing was skipped.
    pub(super) fn describe_skipped(&self) -> Option<String> {
        let mut skipped = Vec::new();
        for (method, count) in &self.other_methods {
            let why = match method.as_str() {
                "POST" | "PUT" | "PATCH" | "DELETE" => "a log has no request bodies",
                _ => "only GET is imported",
            };
            skipped.push(format!("{} ({why})", plural(*count, &format!("{method} request"))));
        }
        for (count, what, why) in [
            (self.failed, "request", "with status 4xx or 5xx"),
            (self.secret, "request", "with a possible secret in the query"),
            (self.unrepeatable, "request", "with a target that cannot be repeated"),
            (self.unparseable, "line", "in an unknown format"),
        ] {
            if count > 0 {
                skipped.push(format!("{} {why}", plural(count, what)));
            }
        }
        (!skipped.is_empty()).then(|| format!("Skipped: {}.", skipped.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_requests_are_counted_with_their_reasons() {
        let mut filter = RequestFilter { unparseable: 1, ..RequestFilter::default() };
        let entry = |method: &'static str, target: &'static str, status| LogEntry {
            at_ms: None,
            method: method.into(),
            target: target.into(),
            status,
            client: None,
        };
        assert!(filter.accept(&entry("GET", "/books/?page=2", 301)));
        for (method, target, status) in [
            ("GET", "/reset/?token=abc", 200),
            ("GET", "http://other.test/", 200),
            ("GET", "//other.test/", 200),
            ("GET", "/gone/", 404),
            ("POST", "/cart/", 302),
            ("OPTIONS", "*", 204),
        ] {
            assert!(!filter.accept(&entry(method, target, status)), "{method} {target}");
        }
        assert_eq!((filter.accepted, filter.request_count()), (1, 7));
        let expected = "Skipped: 1 OPTIONS request (only GET is imported), 1 POST request (a log has no request bodies), 1 request \
            with status 4xx or 5xx, 1 request with a possible secret in the query, 2 requests with a target \
            that cannot be repeated, 1 line in an unknown format.";
        assert_eq!(filter.describe_skipped().as_deref(), Some(expected));
    }
}
