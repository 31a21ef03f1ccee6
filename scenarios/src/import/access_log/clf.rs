//! Lines in Common Log Format, and in formats that begin like it, such as combined.

use std::borrow::Cow;

use super::entry::{LogEntry, hash_client, split_request_line};
use super::time::parse_clf_time;

/// Caches the last parsed time, because many consecutive lines have the same second.
#[derive(Debug, Default)]
pub(super) struct TimestampCache {
    text: Vec<u8>,
    at_ms: Option<i64>,
}

impl TimestampCache {
    fn parse(&mut self, text: &[u8]) -> Option<i64> {
        if self.text != text {
            self.text.clear();
            self.text.extend_from_slice(text);
            self.at_ms = std::str::from_utf8(text).ok().and_then(parse_clf_time);
        }
        self.at_ms
    }
}

/// Parses `host ident user [time] "METHOD target HTTP/1.1" status …`; `None` for anything else.
pub(super) fn parse<'a>(line: &'a [u8], times: &mut TimestampCache) -> Option<LogEntry<'a>> {
    let open = memchr::memchr(b'[', line)?;
    let close = open + memchr::memchr(b']', &line[open..])?;
    let at_ms = times.parse(&line[open + 1..close]);
    let rest = line[close + 1..].strip_prefix(b" \"")?;
    let end = find_closing_quote(rest)?;
    let (method, target) = split_request_line(std::str::from_utf8(&rest[..end]).ok()?)?;
    let status = rest[end + 1..].strip_prefix(b" ")?.get(..3)?;
    let status =
        std::str::from_utf8(status).ok()?.parse().ok().filter(|status| (100..600).contains(status))?;
    let client =
        find_user_agent(&rest[end + 1..]).and_then(|user_agent| hash_client(&line[..open], user_agent));
    Some(LogEntry { at_ms, method: Cow::Borrowed(method), target: Cow::Borrowed(target), status, client })
}

/// The user agent of the combined format: the second quoted text in `200 512 "referrer" "user agent"`.
fn find_user_agent(after: &[u8]) -> Option<&[u8]> {
    let referrer = &after[memchr::memchr(b'"', after)? + 1..];
    let rest = referrer[find_closing_quote(referrer)? + 1..].strip_prefix(b" \"")?;
    Some(&rest[..find_closing_quote(rest)?])
}

/// The offset of the closing quotation mark. Apache escapes a quotation mark as `\"`, nginx as `\x22`.
fn find_closing_quote(text: &[u8]) -> Option<usize> {
    let mut start = 0;
    loop {
        let at = start + memchr::memchr(b'"', &text[start..])?;
        let escapes = text[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        if escapes % 2 == 0 {
            return Some(at);
        }
        start = at + 1;
    }
}
