//! Settings of nginx that a topology or an experiment may change. Settings that are absent keep the template's default.

use serde::{Deserialize, Serialize};

/// How nginx distributes requests over several servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// In turn: nginx's default.
    RoundRobin,
    /// To the server with the fewest requests in flight.
    LeastConn,
}

/// `[proxy]` of a topology.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxySettings {
    /// Whether nginx caches responses (`proxy_cache`) as their headers allow.
    pub cache: bool,
    /// Lifetime in seconds of a cached response that has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_seconds: Option<u32>,
    /// Whether nginx compresses responses; on by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gzip: Option<bool>,
    /// Whether nginx serves static files itself; on by default. Otherwise the site serves them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub static_files: Option<bool>,
    /// Seconds that an idle client connection is kept open; 0 closes it after each response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_keepalive_seconds: Option<u32>,
    /// Idle connections to the server that are kept open; 0 (the default) connects for each request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_keepalive: Option<u16>,
    /// Whether nginx connects to the server over a Unix socket instead of TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<bool>,
    /// How requests are distributed over several servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<Balance>,
    /// Failures within ten seconds after which a server receives no requests for ten seconds; 0 (the default) never excludes a
    /// server, so that errors are visible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_fails: Option<u8>,
    /// Files that nginx may have open; a proxied request in flight holds two connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u32>,
}
