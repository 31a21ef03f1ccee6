//! Which services a topology needs natively, and what cannot be measured when they share one machine. Pure.

use std::collections::BTreeMap;

use kneepoint_model::unmeasured::Unmeasured;

use crate::host::ports::PortRequest;
use crate::topology::{Database, ServerKind, SharedCache, Topology};

/// The services that run beside the app servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for a service of its own, there or not")]
pub(super) struct RequiredServices {
    pub(super) proxy: bool,
    pub(super) balancer: bool,
    pub(super) redis: bool,
    pub(super) memcached: bool,
    pub(super) db: bool,
    pub(super) queue: bool,
    pub(super) objects: bool,
    pub(super) hello: bool,
}

impl RequiredServices {
    pub(super) fn for_topology(topology: &Topology, switches: &BTreeMap<String, String>) -> Self {
        let cache = effective_cache(topology, switches);
        Self {
            proxy: topology.proxy.is_some(),
            balancer: topology.balancer.is_some(),
            redis: cache == Some(SharedCache::Redis) || topology.queue,
            memcached: cache == Some(SharedCache::Memcached),
            db: topology.db.is_some_and(|db| db != Database::Sqlite),
            queue: topology.queue,
            objects: topology.objects,
            hello: topology.second_app,
        }
    }

    pub(super) fn port_request(self, topology: &Topology, engine: bool) -> PortRequest {
        PortRequest {
            proxy: self.proxy,
            balancer: self.balancer,
            servers: topology.servers.get(),
            hello: self.hello,
            engine,
            db: self.db,
            redis: self.redis,
            memcached: self.memcached,
            objects: self.objects,
        }
    }
}

/// The cache that all processes share: the switch `KP_CACHE` overrides the topology.
pub(super) fn effective_cache(
    topology: &Topology,
    switches: &BTreeMap<String, String>,
) -> Option<SharedCache> {
    match switches.get("KP_CACHE").map(String::as_str) {
        Some("redis") => Some(SharedCache::Redis),
        Some("memcached") => Some(SharedCache::Memcached),
        Some(_) => None,
        None => topology.cache,
    }
}

impl Topology {
    /// What cannot be measured when all services of this topology share one machine; `None` for a topology of one machine.
    pub fn unmeasured_natively(&self) -> Option<Unmeasured> {
        let names: Vec<&str> = self.machines.iter().map(|machine| machine.name.as_str()).collect();
        (names.len() > 1 && self.server == ServerKind::Gunicorn).then(|| Unmeasured {
            what: format!("the gain of separate machines ({})", names.join(", ")),
            why:
                "the native driver runs all services on this machine, where they share cores, memory and disk"
                    .to_owned(),
            fix: "kneepoint run --driver compose, which gives each machine a quota of its own".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services(name: &str, switches: &[(&str, &str)]) -> RequiredServices {
        let switches = switches.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        RequiredServices::for_topology(&Topology::named(name).unwrap(), &switches.collect())
    }

    #[test]
    fn each_rung_has_its_services() {
        let none = RequiredServices::default();
        assert_eq!(services("runserver", &[]), none);
        assert_eq!(services("nginx", &[]), RequiredServices { proxy: true, ..none });
        assert_eq!(services("multi-app", &[]), RequiredServices { proxy: true, hello: true, ..none });
        let apart = RequiredServices { proxy: true, db: true, ..none };
        assert_eq!(services("db-apart", &[]), apart);
        let balanced = RequiredServices { objects: true, ..apart };
        assert_eq!(services("balanced", &[]), balanced);
        assert_eq!(
            services("balanced-lb", &[]),
            RequiredServices { proxy: false, balancer: true, ..balanced }
        );
        assert_eq!(services("cached", &[]), RequiredServices { redis: true, ..balanced });
        assert_eq!(services("queued", &[]), RequiredServices { redis: true, queue: true, ..balanced });
    }

    #[test]
    fn a_switch_may_choose_another_cache() {
        let memcached = services("cached", &[("KP_CACHE", "memcached")]);
        assert!(memcached.memcached && !memcached.redis);
        let own = services("cached", &[("KP_CACHE", "locmem")]);
        assert!(!own.memcached && !own.redis);
        let queued = services("queued", &[("KP_CACHE", "locmem")]);
        assert!(queued.redis, "the queue needs it all the same");
    }

    #[test]
    fn separate_machines_are_reported_as_unmeasured() {
        let unmeasured = |name: &str| Topology::named(name).unwrap().unmeasured_natively();
        assert!(unmeasured("nginx").is_none() && unmeasured("runserver").is_none());
        let apart = unmeasured("db-apart").unwrap();
        assert!(apart.what.contains("app, db") && apart.fix.contains("compose"), "{apart:?}");
    }
}
