//! The `Server-Timing` header (W3C): where a response reports how its time was spent.
//!
//! kneepoint's Django probe emits `app`, `cpu`, `db` (desc `"12 queries"`), `cache` (desc `"hits=1 misses=2"`), `engine`,
//! `route`, `worker` and `n1` (desc `"24x 3fa9c1"`). Times are measured by the application: under CPU starvation
//! `db` is too high, and the analysis must not trust it alone.

use serde::{Deserialize, Serialize};

use crate::text::clip;
use crate::units::Micros;

/// The values that one response reports; absent fields were not reported.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerTiming {
    /// Time inside the application, middleware included.
    pub app: Option<Micros>,
    /// CPU time of the handling thread.
    pub cpu: Option<Micros>,
    /// Time spent waiting for the database, as the application saw it.
    pub db: Option<Micros>,
    /// Database statements, transaction control excluded.
    pub db_queries: Option<u32>,
    /// Time spent in the cache back end.
    pub cache: Option<Micros>,
    /// Cache lookups that hit.
    pub cache_hits: Option<u32>,
    /// Cache lookups that missed.
    pub cache_misses: Option<u32>,
    /// Time spent waiting for the engine.
    pub engine: Option<Micros>,
    /// The server's own route pattern.
    pub route: Option<String>,
    /// Process id of the worker that sent the response.
    pub worker: Option<u32>,
    /// Highest number of repetitions of one normalised statement.
    pub repeats: Option<u32>,
    /// Digest of that statement.
    pub repeated_digest: Option<String>,
}

const MAX_HEADER: usize = 4096;
const MAX_ROUTE: usize = 200;
const MAX_DIGEST: usize = 40;

impl ServerTiming {
    /// Reads a header value; unknown metrics and invalid parts are ignored.
    pub fn parse(header: &str) -> Self {
        let header = header.get(..MAX_HEADER).unwrap_or(header);
        let mut timing = Self::default();
        for entry in split_outside_quotes(header, ',') {
            timing.apply_entry(entry);
        }
        timing
    }

    /// True when nothing was reported.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn apply_entry(&mut self, entry: &str) {
        let mut parts = split_outside_quotes(entry, ';').into_iter().map(str::trim);
        let name = parts.next().unwrap_or_default();
        let (mut dur, mut desc) = (None, None);
        for part in parts {
            match part.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
                Some(("dur", value)) => dur = value.parse().ok().map(Micros::from_millis_f64),
                Some(("desc", value)) => desc = Some(unquote(value)),
                _ => {}
            }
        }
        let desc = desc.unwrap_or_default();
        match name {
            "app" => self.app = dur,
            "cpu" => self.cpu = dur,
            "db" => {
                self.db = dur;
                self.db_queries = parse_leading_number(&desc);
            }
            "cache" => {
                self.cache = dur;
                self.cache_hits = parse_field(&desc, "hits=");
                self.cache_misses = parse_field(&desc, "misses=");
            }
            "engine" => self.engine = dur,
            "route" => {
                self.route = Some(clip(&desc, MAX_ROUTE).to_owned()).filter(|route| !route.is_empty());
            }
            "worker" => self.worker = parse_leading_number(&desc),
            "n1" => {
                self.repeats = parse_leading_number(&desc);
                self.repeated_digest =
                    desc.split_once("x ").map(|(_, digest)| clip(digest, MAX_DIGEST).to_owned());
            }
            _ => {}
        }
    }
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c == separator && !quoted => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else { return value.to_owned() };
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let (mut out, mut escaped) = (String::new(), false);
    for c in inner.chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            out.push(c);
            escaped = false;
        }
    }
    out
}

fn parse_leading_number(text: &str) -> Option<u32> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn parse_field(text: &str, key: &str) -> Option<u32> {
    text.split_whitespace().find_map(|word| word.strip_prefix(key)).and_then(parse_leading_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_the_probe_is_parsed() {
        let header = r#"app;dur=12.500, cpu;dur=9.1, db;dur=3.25;desc="26 queries", cache;dur=0.1;desc="hits=1 misses=2", engine;dur=1.5;desc="1 calls", route;desc="books/<int:pk>/", worker;desc="4711", n1;desc="24x 3fa9c1""#;
        let timing = ServerTiming::parse(header);
        assert_eq!(timing.app, Some(Micros(12_500)));
        assert_eq!((timing.db, timing.db_queries), (Some(Micros(3_250)), Some(26)));
        assert_eq!((timing.cache_hits, timing.cache_misses), (Some(1), Some(2)));
        assert_eq!(timing.route.as_deref(), Some("books/<int:pk>/"));
        assert_eq!((timing.worker, timing.repeats), (Some(4711), Some(24)));
        assert_eq!(timing.repeated_digest.as_deref(), Some("3fa9c1"));
    }

    #[test]
    fn commas_and_quotes_inside_a_description_do_not_split() {
        let timing = ServerTiming::parse(r#"route;desc="a,b;c\"d", app;dur=1"#);
        assert_eq!(timing.route.as_deref(), Some("a,b;c\"d"));
        assert_eq!(timing.app, Some(Micros(1_000)));
    }

    #[test]
    fn invalid_headers_are_ignored() {
        for text in
            ["", ";;;", "app;dur=x", "app;dur=-3", "app;dur=NaN", "db;desc=\"no number\"", "é\"", "\\\""]
        {
            let timing = ServerTiming::parse(text);
            assert!(timing.app.is_none_or(|t| t == Micros(0)) && timing.db_queries.is_none(), "{text}");
        }
    }
}
