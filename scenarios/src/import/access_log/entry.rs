//! One line of an access log, in whichever format. Pure; nothing is copied that need not be.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::json;
use super::time::parse_clf;

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry<'a> {
    /// Milliseconds since the epoch.
    pub(super) at_ms: Option<i64>,
    pub(super) method: Cow<'a, str>,
    /// As it was asked for: path and query.
    pub(super) target: Cow<'a, str>,
    pub(super) status: u16,
    /// Who asked, as far as the line tells: the same number for the same address and user agent; `None` unless it has both.
    pub(super) client: Option<u64>,
}

/// A number for an address and a user agent: neither is kept.
pub(super) fn client(address: &[u8], user_agent: &[u8]) -> Option<u64> {
    if address.is_empty() || user_agent.is_empty() || user_agent == b"-" {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    (address, user_agent).hash(&mut hasher);
    Some(hasher.finish())
}

/// The moment that was read last: many lines of one second follow each other.
#[derive(Debug, Default)]
pub(super) struct Clock {
    text: Vec<u8>,
    at_ms: Option<i64>,
}

impl Clock {
    fn read(&mut self, text: &[u8]) -> Option<i64> {
        if self.text != text {
            self.text.clear();
            self.text.extend_from_slice(text);
            self.at_ms = std::str::from_utf8(text).ok().and_then(parse_clf);
        }
        self.at_ms
    }
}

/// Reads a line; `None` for garbage.
pub(super) fn parse<'a>(line: &'a [u8], clock: &mut Clock) -> Option<Entry<'a>> {
    if line.first() == Some(&b'{') { json::parse(line) } else { common(line, clock) }
}

/// `host ident user [time] "METHOD target HTTP/1.1" status …`: Common Log Format, and all that begin like it.
fn common<'a>(line: &'a [u8], clock: &mut Clock) -> Option<Entry<'a>> {
    let open = memchr::memchr(b'[', line)?;
    let close = open + memchr::memchr(b']', &line[open..])?;
    let at_ms = clock.read(&line[open + 1..close]);
    let rest = line[close + 1..].strip_prefix(b" \"")?;
    let end = end_of_quote(rest)?;
    let (method, target) = request(std::str::from_utf8(&rest[..end]).ok()?)?;
    let status = rest[end + 1..].strip_prefix(b" ")?.get(..3)?;
    let status =
        std::str::from_utf8(status).ok()?.parse().ok().filter(|status| (100..600).contains(status))?;
    let client = user_agent(&rest[end + 1..]).and_then(|user_agent| client(&line[..open], user_agent));
    Some(Entry { at_ms, method: Cow::Borrowed(method), target: Cow::Borrowed(target), status, client })
}

/// The second quoted text after the request: `200 512 "referrer" "user agent"`, as the combined format has it.
fn user_agent(after: &[u8]) -> Option<&[u8]> {
    let referrer = &after[memchr::memchr(b'"', after)? + 1..];
    let rest = referrer[end_of_quote(referrer)? + 1..].strip_prefix(b" \"")?;
    Some(&rest[..end_of_quote(rest)?])
}

/// Where a quoted text ends. Apache writes a quote within it as `\"`, nginx as `\x22`.
fn end_of_quote(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(b'"', &text[from..])?;
        let escapes = text[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        if escapes % 2 == 0 {
            return Some(at);
        }
        from = at + 1;
    }
}

/// `GET /books/ HTTP/1.1` in its parts; `None` for what is no request (noise on a TLS port, a lone `-`).
pub(super) fn request(line: &str) -> Option<(&str, &str)> {
    let (method, rest) = line.split_once(' ')?;
    let (target, protocol) = rest.rsplit_once(' ')?;
    let is_method =
        !method.is_empty() && method.len() <= 20 && method.bytes().all(|byte| byte.is_ascii_uppercase());
    (is_method && protocol.starts_with("HTTP/")).then_some((method, target))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(line: &str) -> Option<(Option<i64>, String, String, u16)> {
        let entry = parse(line.as_bytes(), &mut Clock::default())?;
        Some((entry.at_ms, entry.method.into_owned(), entry.target.into_owned(), entry.status))
    }

    #[test]
    fn common_and_combined_lines() {
        let combined = "203.0.113.9 - frank [10/Oct/2000:13:55:36 -0700] \"GET /books/?q=a%20b HTTP/1.0\" 200 2326 \
            \"http://example.test/start.html\" \"Mozilla/4.08 [en] (Win98; I ;Nav)\"";
        assert_eq!(
            read(combined),
            Some((Some(971_211_336_000), "GET".to_owned(), "/books/?q=a%20b".to_owned(), 200))
        );
        let with_host = "shop.test:443 ::1 - - [28/Nov/2026:00:00:00 +0000] \"POST /cart/ HTTP/2.0\" 302 0";
        assert_eq!(
            read(with_host),
            Some((Some(1_795_824_000_000), "POST".to_owned(), "/cart/".to_owned(), 302))
        );
        let quoted = "::1 - - [28/Nov/2026:00:00:00 +0000] \"GET /say?\\\"x\\\" HTTP/1.1\" 200 5";
        assert_eq!(
            read(quoted),
            Some((Some(1_795_824_000_000), "GET".to_owned(), "/say?\\\"x\\\"".to_owned(), 200))
        );
        let odd_time = "::1 - - [yesterday] \"GET / HTTP/1.1\" 200 5";
        assert_eq!(read(odd_time).map(|entry| entry.0), Some(None));
    }

    #[test]
    fn clients_are_told_apart_by_address_and_user_agent() {
        let of = |address: &str, rest: &str| {
            let line = format!("{address} - - [28/Nov/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 5{rest}");
            parse(line.as_bytes(), &mut Clock::default()).expect("a line").client
        };
        let one = of("::1", " \"http://a.test/?\\\"x\" \"curl/8\"");
        assert!(one.is_some());
        assert_eq!(one, of("::1", " \"-\" \"curl/8\" 0.003"), "the referrer and what follows do not matter");
        assert_ne!(one, of("::2", " \"-\" \"curl/8\""));
        assert_ne!(one, of("::1", " \"-\" \"curl/9\""));
        for rest in ["", " \"-\"", " \"-\" \"-\"", " \"-\" \"cut"] {
            assert_eq!(of("::1", rest), None, "{rest}");
        }
    }

    #[test]
    fn what_is_no_request_is_garbage() {
        for line in [
            "",
            "-",
            "::1 - - [28/Nov/2026:00:00:00 +0000] \"-\" 408 0",
            "::1 - - [28/Nov/2026:00:00:00 +0000] \"\\x16\\x03\\x01\" 400 157",
            "::1 - - [28/Nov/2026:00:00:00 +0000] \"GET / HTTP/1.1\" - 0",
            "::1 - - [28/Nov/2026:00:00:00 +0000] \"GET / HTTP/1.1",
            "::1 - - [28/Nov/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 999 0",
            "{\"half\": ",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_entry_or_garbage(line in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&line, &mut Clock::default());
        }

        #[test]
        fn a_line_cut_anywhere_does_no_harm(at in 0usize..120) {
            let line = "::1 - - [28/Nov/2026:00:00:00 +0000] \"GET /a?\\\"b HTTP/1.1\" 200 5 \"-\" \"curl\"";
            let _ = parse(&line.as_bytes()[..at.min(line.len())], &mut Clock::default());
        }
    }
}
