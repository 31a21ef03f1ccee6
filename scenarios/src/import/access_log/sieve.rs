//! Which requests of a log can be asked for again, and what is said of the others.

use std::collections::BTreeMap;

use super::entry::Entry;
use crate::import::{Counted, secret};

/// Longest address that is taken over.
const LONGEST: usize = 2_000;

/// Lets through what can be asked for again, and counts.
#[derive(Debug, Default)]
pub(super) struct Sieve {
    /// Let through.
    pub(super) taken: u64,
    /// Lines that are not understood.
    pub(super) garbage: u64,
    /// By method.
    others: BTreeMap<String, u64>,
    failed: u64,
    secret: u64,
    odd: u64,
}

impl Sieve {
    /// Whether this request can be asked for again.
    pub(super) fn passes(&mut self, entry: &Entry<'_>) -> bool {
        let target = &*entry.target;
        let fits = target.starts_with('/') && !target.starts_with("//") && target.len() <= LONGEST;
        let counted = match () {
            () if entry.method != "GET" => {
                self.others.entry(entry.method.chars().take(20).collect()).or_default()
            }
            () if entry.status >= 400 => &mut self.failed,
            () if !fits || target.bytes().any(|byte| !byte.is_ascii_graphic()) => &mut self.odd,
            () if secret::in_query(target) => &mut self.secret,
            () => {
                self.taken += 1;
                return true;
            }
        };
        *counted += 1;
        false
    }

    /// Lines that were understood.
    pub(super) fn lines(&self) -> u64 {
        self.taken + self.failed + self.secret + self.odd + self.others.values().sum::<u64>()
    }

    /// What was left out, and why.
    pub(super) fn said(&self) -> Option<String> {
        let mut left = Vec::new();
        for (method, count) in &self.others {
            let why = match method.as_str() {
                "POST" | "PUT" | "PATCH" | "DELETE" => "a log has no bodies",
                _ => "only GET is taken over",
            };
            left.push(format!("{} ({why})", Counted(*count, &format!("{method} request"))));
        }
        for (count, what, why) in [
            (self.failed, "request", "answered with 4xx or 5xx"),
            (self.secret, "request", "whose address holds what looks like a secret"),
            (self.odd, "request", "with an address that cannot be asked for as it stands"),
            (self.garbage, "line", "that could not be read"),
        ] {
            if count > 0 {
                left.push(format!("{} {why}", Counted(count, what)));
            }
        }
        (!left.is_empty()).then(|| format!("Left out: {}.", left.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_said() {
        let mut sieve = Sieve { garbage: 1, ..Sieve::default() };
        let entry = |method: &'static str, target: &'static str, status| Entry {
            at_ms: None,
            method: method.into(),
            target: target.into(),
            status,
            client: None,
        };
        assert!(sieve.passes(&entry("GET", "/books/?page=2", 301)));
        for (method, target, status) in [
            ("GET", "/reset/?token=abc", 200),
            ("GET", "http://other.test/", 200),
            ("GET", "//other.test/", 200),
            ("GET", "/gone/", 404),
            ("POST", "/cart/", 302),
            ("OPTIONS", "*", 204),
        ] {
            assert!(!sieve.passes(&entry(method, target, status)), "{method} {target}");
        }
        assert_eq!((sieve.taken, sieve.lines()), (1, 7));
        let said = "Left out: 1 OPTIONS request (only GET is taken over), 1 POST request (a log has no bodies), 1 request \
            answered with 4xx or 5xx, 1 request whose address holds what looks like a secret, 2 requests with an address \
            that cannot be asked for as it stands, 1 line that could not be read.";
        assert_eq!(sieve.said().as_deref(), Some(said));
    }
}
