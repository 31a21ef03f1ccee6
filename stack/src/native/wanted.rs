//! Which services a topology has on this machine, and what is thereby not as on several. Pure.

use std::collections::BTreeMap;

use kneepoint_model::unmeasured::Unmeasured;

use crate::ports::Wanted;
use crate::topology::{Database, ServerKind, SharedCache, Topology};

/// Which services are to run beside the app servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for a service of its own, there or not")]
pub(super) struct Services {
    pub(super) proxy: bool,
    pub(super) balancer: bool,
    pub(super) redis: bool,
    pub(super) memcached: bool,
    pub(super) db: bool,
    pub(super) queue: bool,
    pub(super) objects: bool,
    pub(super) hello: bool,
}

impl Services {
    /// Those of this topology, with these switches.
    pub(super) fn of(topology: &Topology, switches: &BTreeMap<String, String>) -> Self {
        let cache = shared_cache(topology, switches);
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

    /// The ports that they and the app servers need.
    pub(super) fn ports(self, topology: &Topology, engine: bool) -> Wanted {
        Wanted {
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

/// The cache that all processes share: a switch may choose another than the topology's, or none.
pub(super) fn shared_cache(topology: &Topology, switches: &BTreeMap<String, String>) -> Option<SharedCache> {
    match switches.get("KP_CACHE").map(String::as_str) {
        Some("redis") => Some(SharedCache::Redis),
        Some("memcached") => Some(SharedCache::Memcached),
        Some(_) => None,
        None => topology.cache,
    }
}

impl Topology {
    /// What of this topology cannot be seen when all its services share this one machine.
    pub fn unmeasured_natively(&self) -> Option<Unmeasured> {
        let apart: Vec<&str> = self.machines.iter().map(|machine| machine.name.as_str()).collect();
        (apart.len() > 1 && self.server == ServerKind::Gunicorn).then(|| Unmeasured {
            what: format!("what machines of their own buy ({})", apart.join(", ")),
            why: "the native driver runs all services on this machine, where they share its cores, memory and disk"
                .to_owned(),
            fix: "kneepoint run --driver compose, where each machine is a quota of its own".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services(name: &str, switches: &[(&str, &str)]) -> Services {
        let switches = switches.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Services::of(&Topology::named(name).unwrap(), &switches.collect())
    }

    #[test]
    fn each_rung_has_the_services_that_it_names() {
        let none = Services::default();
        assert_eq!(services("runserver", &[]), none);
        assert_eq!(services("nginx", &[]), Services { proxy: true, ..none });
        assert_eq!(services("multi-app", &[]), Services { proxy: true, hello: true, ..none });
        let apart = Services { proxy: true, db: true, ..none };
        assert_eq!(services("db-apart", &[]), apart);
        let balanced = Services { objects: true, ..apart };
        assert_eq!(services("balanced", &[]), balanced);
        assert_eq!(services("balanced-lb", &[]), Services { proxy: false, balancer: true, ..balanced });
        assert_eq!(services("cached", &[]), Services { redis: true, ..balanced });
        assert_eq!(services("queued", &[]), Services { redis: true, queue: true, ..balanced });
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
    fn one_machine_is_said_to_be_one() {
        let told = |name: &str| Topology::named(name).unwrap().unmeasured_natively();
        assert!(told("nginx").is_none() && told("runserver").is_none());
        let apart = told("db-apart").unwrap();
        assert!(apart.what.contains("app, db") && apart.fix.contains("compose"), "{apart:?}");
    }
}
