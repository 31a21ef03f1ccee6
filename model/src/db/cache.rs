//! One cache server over the window.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tier::Tier;
use crate::units::{Bytes, Micros, Ratio};

/// The kind of a cache server, which decides the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CacheKind {
    /// Redis, Valkey and other servers with the same protocol.
    Redis,
    /// Memcached, read by its `stats` command.
    Memcached,
}

impl CacheKind {
    /// Its name for display.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Redis => "Redis",
            Self::Memcached => "Memcached",
        }
    }
}

/// One cache server over the window: deltas, except for fields described as a state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CacheWindow {
    /// Which tier it belongs to: a queue's Redis counts too, and its misses are no cache misses.
    pub tier: Tier,
    /// The kind of the server.
    pub kind: CacheKind,
    /// Its version, as it reports it.
    pub version: String,
    /// Its address as `host:port`.
    pub address: String,
    /// Lookups that found something.
    pub hits: u64,
    /// Lookups that found nothing.
    pub misses: u64,
    /// Entries evicted because memory was full.
    pub evicted: u64,
    /// Entries that reached the end of their lifetime and were removed. Redis counts only those that it found.
    pub expired: u64,
    /// Commands served; kneepoint's own excluded for Redis (Memcached counts no `stats`).
    pub commands: u64,
    /// New connections, kneepoint's own excluded.
    pub connections: u64,
    /// Connections that the server refused.
    pub refused_connections: u64,
    /// Bytes from clients.
    pub received: Bytes,
    /// Bytes to clients.
    pub sent: Bytes,
    /// CPU time that the server reports; absent where it reports none.
    pub cpu_us: Option<Micros>,
    /// Entries at the end, a state.
    pub entries: u64,
    /// Memory used at the end, a state.
    pub memory_used: Bytes,
    /// The limit of its memory, a state; absent without a limit.
    pub memory_limit: Option<Bytes>,
    /// The eviction policy when memory is full (Redis: `maxmemory_policy`).
    pub policy: Option<String>,
    /// Commands by name, the one with most time first; at most 20 (Redis only). kneepoint's own `info` is excluded.
    pub by_command: Vec<CommandDelta>,
}

impl CacheWindow {
    /// A server without any counter yet.
    pub fn new(tier: Tier, kind: CacheKind, address: &str) -> Self {
        Self {
            tier,
            kind,
            version: String::new(),
            address: address.to_owned(),
            hits: 0,
            misses: 0,
            evicted: 0,
            expired: 0,
            commands: 0,
            connections: 0,
            refused_connections: 0,
            received: Bytes::ZERO,
            sent: Bytes::ZERO,
            cpu_us: None,
            entries: 0,
            memory_used: Bytes::ZERO,
            memory_limit: None,
            policy: None,
            by_command: Vec::new(),
        }
    }

    /// Share of lookups that found something; `None` without a lookup.
    pub fn hit_ratio(&self) -> Option<Ratio> {
        Ratio::from_parts(self.hits, self.hits + self.misses)
    }
}

/// One command over the window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandDelta {
    /// Its name in lower case, e.g. `get`, `config|get`.
    pub name: String,
    /// Calls over the window.
    pub calls: u64,
    /// Time of all calls, as the server counts it.
    pub timer_us: Micros,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_without_lookups_has_no_ratio() {
        let idle = CacheWindow::new(Tier::Cache, CacheKind::Redis, "127.0.0.1:6379");
        assert_eq!(idle.hit_ratio(), None);
        let cache = CacheWindow { hits: 3, misses: 1, ..idle };
        assert_eq!(cache.hit_ratio(), Some(Ratio(0.75)));
    }
}
