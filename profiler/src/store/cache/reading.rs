//! What a cache server reports at one moment.

use std::collections::BTreeMap;

/// Counters since the start of the server, and gauges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::store) struct CacheReading {
    pub(in crate::store) version: String,
    pub(in crate::store) uptime_s: u64,
    pub(in crate::store) hits: u64,
    pub(in crate::store) misses: u64,
    pub(in crate::store) evicted: u64,
    pub(in crate::store) expired: u64,
    pub(in crate::store) commands: u64,
    pub(in crate::store) connections: u64,
    pub(in crate::store) refused_connections: u64,
    pub(in crate::store) received: u64,
    pub(in crate::store) sent: u64,
    pub(in crate::store) cpu_us: Option<u64>,
    pub(in crate::store) entries: u64,
    pub(in crate::store) memory_used: u64,
    pub(in crate::store) memory_limit: Option<u64>,
    pub(in crate::store) policy: Option<String>,
    /// Calls and microseconds by command name.
    pub(in crate::store) by_command: BTreeMap<String, (u64, u64)>,
}
