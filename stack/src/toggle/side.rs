//! One side of a toggle: a topology with changes.

use std::collections::BTreeMap;
use std::num::{NonZeroU8, NonZeroU16};

use serde::Deserialize;

use super::{Connections, Variant};
use crate::topology::{Balance, Balancer, Database, ServerKind, SharedCache, Topology, is_env_name};

/// The topology of a side that names none.
const DEFAULT_TOPOLOGY: &str = "nginx";

/// A shared cache, or explicitly none.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawCache {
    None,
    Redis,
    Memcached,
}

/// One side as written; absent values come from `[both]`, then from the topology.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSide {
    what: Option<String>,
    topology: Option<String>,
    server: Option<ServerKind>,
    workers: Option<NonZeroU16>,
    threads: Option<NonZeroU16>,
    servers: Option<NonZeroU8>,
    engine: Option<bool>,
    db: Option<Database>,
    cache: Option<RawCache>,
    queue: Option<bool>,
    objects: Option<bool>,
    balancer: Option<Balancer>,
    proxy: RawProxy,
    env: BTreeMap<String, String>,
    connections: Option<Connections>,
    warmed: Option<bool>,
}

/// Changes of nginx.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawProxy {
    cache: Option<bool>,
    cache_seconds: Option<u32>,
    gzip: Option<bool>,
    static_files: Option<bool>,
    client_keepalive_seconds: Option<u32>,
    upstream_keepalive: Option<u16>,
    socket: Option<bool>,
    balance: Option<Balance>,
    open_files: Option<u32>,
}

impl RawProxy {
    fn is_set(&self) -> bool {
        let Self {
            cache,
            cache_seconds,
            gzip,
            static_files,
            client_keepalive_seconds,
            upstream_keepalive,
            socket,
            balance,
            open_files,
        } = self;
        cache.or(*gzip).or(*static_files).or(*socket).is_some()
            || cache_seconds.or(*client_keepalive_seconds).or(*open_files).is_some()
            || upstream_keepalive.is_some()
            || balance.is_some()
    }

    fn merged_over(&self, under: &Self) -> Self {
        Self {
            cache: self.cache.or(under.cache),
            cache_seconds: self.cache_seconds.or(under.cache_seconds),
            gzip: self.gzip.or(under.gzip),
            static_files: self.static_files.or(under.static_files),
            client_keepalive_seconds: self.client_keepalive_seconds.or(under.client_keepalive_seconds),
            upstream_keepalive: self.upstream_keepalive.or(under.upstream_keepalive),
            socket: self.socket.or(under.socket),
            balance: self.balance.or(under.balance),
            open_files: self.open_files.or(under.open_files),
        }
    }
}

/// A side merged with `[both]` and its topology.
pub(super) fn build_variant(side: &str, both: &RawSide, own: RawSide) -> Result<Variant, String> {
    let what = own.what.filter(|what| !what.trim().is_empty());
    let what = what.ok_or_else(|| format!("[{side}] has no description; add what = \"…\""))?;
    let base = own.topology.or_else(|| both.topology.clone()).unwrap_or_else(|| DEFAULT_TOPOLOGY.to_owned());
    let mut topology = Topology::named(&base).map_err(|error| error.to_string())?;
    // A side of a comparison is not a rung; its gain is the verdict.
    (topology.rung, topology.expected_gain) = (None, None);
    topology.server = own.server.or(both.server).unwrap_or(topology.server);
    topology.workers = own.workers.or(both.workers).or(topology.workers);
    topology.threads = own.threads.or(both.threads).unwrap_or(topology.threads);
    topology.servers = own.servers.or(both.servers).unwrap_or(topology.servers);
    topology.engine = own.engine.or(both.engine).unwrap_or(topology.engine);
    topology.db = own.db.or(both.db).or(topology.db);
    topology.cache = match own.cache.or(both.cache) {
        None => topology.cache,
        Some(RawCache::None) => None,
        Some(RawCache::Redis) => Some(SharedCache::Redis),
        Some(RawCache::Memcached) => Some(SharedCache::Memcached),
    };
    topology.queue = own.queue.or(both.queue).unwrap_or(topology.queue);
    topology.objects = own.objects.or(both.objects).unwrap_or(topology.objects);
    topology.balancer = own.balancer.or(both.balancer).or(topology.balancer);
    if own.proxy.is_set() && topology.proxy.is_none() {
        return Err(format!("[{side}.proxy] sets nginx, but the topology `{base}` has none"));
    }
    set_proxy(&mut topology, &own.proxy.merged_over(&both.proxy));
    if topology.servers.get() > 1 && topology.proxy.is_none() && topology.balancer.is_none() {
        return Err(format!("[{side}] has several servers but nothing in front of them"));
    }
    let mut env = both.env.clone();
    env.extend(own.env);
    if let Some(name) = env.keys().find(|name| !name.starts_with("KP_") || !is_env_name(name)) {
        return Err(format!("[{side}.env] `{name}`: the name of a switch begins with KP_"));
    }
    Ok(Variant {
        what,
        topology,
        env,
        connections: own.connections.or(both.connections).unwrap_or_default(),
        warmed: own.warmed.or(both.warmed).unwrap_or(false),
    })
}

fn set_proxy(topology: &mut Topology, raw: &RawProxy) {
    let Some(proxy) = &mut topology.proxy else { return };
    proxy.cache = raw.cache.unwrap_or(proxy.cache);
    proxy.cache_seconds = raw.cache_seconds.or(proxy.cache_seconds);
    proxy.gzip = raw.gzip.or(proxy.gzip);
    proxy.static_files = raw.static_files.or(proxy.static_files);
    proxy.client_keepalive_seconds = raw.client_keepalive_seconds.or(proxy.client_keepalive_seconds);
    proxy.upstream_keepalive = raw.upstream_keepalive.or(proxy.upstream_keepalive);
    proxy.socket = raw.socket.or(proxy.socket);
    proxy.balance = raw.balance.or(proxy.balance);
    proxy.open_files = raw.open_files.or(proxy.open_files);
}
