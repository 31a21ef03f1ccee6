//! One request of an access log, independent of the format.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// The fields of a log line that an import uses.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LogEntry<'a> {
    /// Milliseconds since the Unix epoch; `None` when the line has no valid time.
    pub(super) at_ms: Option<i64>,
    pub(super) method: Cow<'a, str>,
    /// Path and query as requested.
    pub(super) target: Cow<'a, str>,
    pub(super) status: u16,
    /// A hash of client address and user agent; `None` unless the line has both.
    pub(super) client: Option<u64>,
}

/// Hashes a client address and a user agent, so that neither is stored.
pub(super) fn hash_client(address: &[u8], user_agent: &[u8]) -> Option<u64> {
    if address.is_empty() || user_agent.is_empty() || user_agent == b"-" {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    (address, user_agent).hash(&mut hasher);
    Some(hasher.finish())
}

/// Method and target of `GET /books/ HTTP/1.1`; `None` for anything else (TLS bytes on a plain port, a single `-`).
pub(super) fn split_request_line(line: &str) -> Option<(&str, &str)> {
    let (method, rest) = line.split_once(' ')?;
    let (target, protocol) = rest.rsplit_once(' ')?;
    let is_method =
        !method.is_empty() && method.len() <= 20 && method.bytes().all(|byte| byte.is_ascii_uppercase());
    (is_method && protocol.starts_with("HTTP/")).then_some((method, target))
}
