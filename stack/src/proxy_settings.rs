//! How nginx is set: what a topology or an experiment may change of it. What is not set keeps the template's default.

use serde::{Deserialize, Serialize};

/// How nginx chooses among several servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// One after the other: nginx's own default.
    RoundRobin,
    /// The one with the fewest requests in flight.
    LeastConn,
}

/// How nginx is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxySettings {
    /// Whether nginx keeps answers (`proxy_cache`) as their headers allow.
    pub cache: bool,
    /// Seconds that a kept answer without a lifetime of its own is good for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_seconds: Option<u32>,
    /// Whether nginx compresses; it does unless told not to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gzip: Option<bool>,
    /// Whether nginx serves static files itself; it does unless told not to, and then the site has to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub static_files: Option<bool>,
    /// Seconds that an idle visitor's connection is kept; 0 closes it after each answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_keepalive_seconds: Option<u32>,
    /// Idle connections to the server that are kept; 0 (the default) connects for each request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_keepalive: Option<u16>,
    /// Whether the server is reached by a Unix socket instead of TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<bool>,
    /// How it chooses among several servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<Balance>,
    /// Failures within ten seconds after which a server is left alone for ten seconds; 0 (the default) never leaves one
    /// alone, so that errors are seen and not hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_fails: Option<u8>,
    /// Files that nginx may have open; a proxied request in flight holds two connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u32>,
}
