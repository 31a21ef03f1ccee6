//! The services of `compose.yaml`, and which of them a topology needs. Pure.

use kneepoint_model::tier::Tier;
use serde::{Deserialize, Serialize};

use crate::error::StackError;
use crate::topology::{Balancer, Database, ServerKind, Topology};

/// A service of `compose.yaml`, except `seed`, which fills the data and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ComposeService {
    /// nginx, which also caches pages.
    Proxy,
    /// HAProxy, instead of nginx.
    Balancer,
    /// The first app server of the Django site.
    Server,
    /// The second app server, identical to the first.
    Server2,
    /// The second Django site, distinguished by its domain name.
    Hello,
    /// The search engine, which is kneepoint itself.
    Engine,
    /// MySQL; `SQLite` is no service.
    Db,
    /// Cache and queue.
    Redis,
    /// Cache, beside Redis.
    Memcached,
    /// The Celery worker of the queue.
    Worker,
    /// The S3-compatible store, which is kneepoint itself.
    Objects,
}

impl ComposeService {
    /// Nearest to the user first.
    pub const ALL: [Self; 11] = [
        Self::Balancer,
        Self::Proxy,
        Self::Server,
        Self::Server2,
        Self::Hello,
        Self::Engine,
        Self::Db,
        Self::Redis,
        Self::Memcached,
        Self::Worker,
        Self::Objects,
    ];

    /// Its name in `compose.yaml`, which is also its host name for other containers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Balancer => "balancer",
            Self::Server => "server",
            Self::Server2 => "server2",
            Self::Hello => "hello",
            Self::Engine => "engine",
            Self::Db => "db",
            Self::Redis => "redis",
            Self::Memcached => "memcached",
            Self::Worker => "worker",
            Self::Objects => "objects",
        }
    }

    /// `None` when no service has this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    /// The tier of `StackInfo` that it is part of.
    pub const fn tier(self) -> Tier {
        match self {
            Self::Proxy | Self::Balancer => Tier::Proxy,
            Self::Server | Self::Server2 | Self::Hello => Tier::Server,
            Self::Engine => Tier::Engine,
            Self::Db => Tier::Db,
            Self::Redis | Self::Memcached => Tier::Cache,
            Self::Worker => Tier::Queue,
            Self::Objects => Tier::Objects,
        }
    }

    /// The port on which it listens in its container, and the variable of `compose.yaml` that publishes it.
    pub(super) const fn port(self) -> Option<(u16, &'static str)> {
        Some(match self {
            Self::Proxy => (8080, "KP_PORT_PROXY"),
            Self::Balancer => (8080, "KP_PORT_BALANCER"),
            Self::Server => (8000, "KP_PORT_SERVER"),
            Self::Server2 => (8000, "KP_PORT_SERVER2"),
            Self::Hello => (8000, "KP_PORT_HELLO"),
            Self::Engine => (9000, "KP_PORT_ENGINE"),
            Self::Db => (3306, "KP_PORT_DB"),
            Self::Redis => (6379, "KP_PORT_REDIS"),
            Self::Memcached => (11_211, "KP_PORT_MEMCACHED"),
            Self::Objects => (9100, "KP_PORT_OBJECTS"),
            Self::Worker => return None,
        })
    }

    /// Whether it runs the Django project and takes the site's variables.
    pub(super) const fn is_django(self) -> bool {
        matches!(self, Self::Server | Self::Server2 | Self::Hello | Self::Worker)
    }

    /// Services of a lower rank are started, and respond, before this one.
    const fn start_rank(self) -> u8 {
        match self {
            Self::Db | Self::Redis | Self::Memcached | Self::Objects | Self::Engine => 0,
            Self::Server | Self::Server2 | Self::Hello | Self::Worker => 1,
            Self::Proxy | Self::Balancer => 2,
        }
    }
}

/// The database of this topology in compose: MySQL by default.
pub(super) fn database_of(topology: &Topology) -> Result<Database, StackError> {
    match topology.db.unwrap_or(Database::Mysql) {
        Database::Mariadb => {
            Err(unsupported(topology, "MariaDB runs natively only; use `--db mysql` or `--db sqlite`"))
        }
        database => Ok(database),
    }
}

/// The services that a topology needs, nearest to the user first.
///
/// With a shared cache both Redis and Memcached run, so that a variant of the site can change the cache by environment only.
pub(super) fn required_services(topology: &Topology) -> Result<Vec<ComposeService>, StackError> {
    use ComposeService as S;
    if topology.servers.get() > 2 {
        return Err(unsupported(topology, "compose.yaml has two app servers (`servers = 2`)"));
    }
    if topology.proxy.is_some() && topology.balancer.is_some() {
        return Err(unsupported(
            topology,
            "compose.yaml has either nginx or a balancer in front of the servers",
        ));
    }
    let has = |service: S| match service {
        S::Proxy => topology.proxy.is_some(),
        S::Balancer => topology.balancer == Some(Balancer::Haproxy),
        S::Server => true,
        S::Server2 => topology.servers.get() > 1,
        S::Hello => topology.second_app,
        S::Engine => topology.engine,
        S::Db => topology.db != Some(Database::Sqlite),
        S::Redis => topology.cache.is_some() || topology.queue,
        S::Memcached => topology.cache.is_some(),
        S::Worker => topology.queue,
        S::Objects => topology.objects,
    };
    database_of(topology)?;
    if topology.server == ServerKind::Runserver && topology.servers.get() > 1 {
        return Err(unsupported(topology, "runserver cannot run several times"));
    }
    Ok(S::ALL.into_iter().filter(|service| has(*service)).collect())
}

/// These services, and the second app server where a blue-green switch may start it later.
pub(super) fn with_spare_server(services: &[ComposeService], topology: &Topology) -> Vec<ComposeService> {
    let mut known = services.to_vec();
    let spare = ComposeService::Server2;
    let movable =
        topology.server == ServerKind::Gunicorn && entry_service(services) != ComposeService::Server;
    if movable && !known.contains(&spare) {
        known.push(spare);
    }
    known
}

/// The services in start order; those in one group may be started together.
pub(super) fn start_order(services: &[ComposeService]) -> Vec<Vec<ComposeService>> {
    let with_rank =
        |rank| services.iter().copied().filter(|service| service.start_rank() == rank).collect::<Vec<_>>();
    (0..=2).map(with_rank).filter(|group| !group.is_empty()).collect()
}

/// The service that users reach.
pub(super) fn entry_service(services: &[ComposeService]) -> ComposeService {
    let front = [ComposeService::Balancer, ComposeService::Proxy];
    front.into_iter().find(|service| services.contains(service)).unwrap_or(ComposeService::Server)
}

fn unsupported(topology: &Topology, why: &str) -> StackError {
    StackError::BadTopology { name: topology.name.clone(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::ComposeService as S;
    use super::*;

    fn services_of(name: &str) -> Vec<S> {
        required_services(&Topology::named(name).unwrap()).unwrap()
    }

    #[test]
    fn each_rung_has_its_services() {
        assert_eq!(services_of("runserver"), [S::Server, S::Engine]);
        assert_eq!(services_of("gunicorn"), [S::Server, S::Engine, S::Db]);
        assert_eq!(services_of("multi-app"), [S::Proxy, S::Server, S::Hello, S::Engine, S::Db]);
        assert_eq!(
            services_of("balanced-lb"),
            [S::Balancer, S::Server, S::Server2, S::Engine, S::Db, S::Objects]
        );
        assert!(services_of("cached").contains(&S::Redis) && services_of("cached").contains(&S::Memcached));
        assert!(services_of("queued").contains(&S::Worker));
        for topology in Topology::ladder().unwrap() {
            let services = required_services(&topology).unwrap();
            let on_machines = topology.machines.iter().flat_map(|machine| &machine.services);
            for name in on_machines {
                let service = S::from_name(name).unwrap_or_else(|| panic!("{name} of {}", topology.name));
                assert!(services.contains(&service), "{name} of {} does not run", topology.name);
            }
        }
    }

    #[test]
    fn what_is_needed_is_started_first() {
        assert_eq!(
            start_order(&services_of("nginx")),
            [vec![S::Engine, S::Db], vec![S::Server], vec![S::Proxy]]
        );
        assert_eq!(entry_service(&services_of("nginx")), S::Proxy);
        assert_eq!(entry_service(&services_of("balanced-lb")), S::Balancer);
        assert_eq!(entry_service(&services_of("runserver")), S::Server);
        let known = |name: &str| with_spare_server(&services_of(name), &Topology::named(name).unwrap());
        assert_eq!(known("nginx").last(), Some(&S::Server2));
        assert_eq!(
            (known("gunicorn"), known("balanced")),
            (services_of("gunicorn"), services_of("balanced"))
        );
    }

    #[test]
    fn what_compose_yaml_does_not_have_is_refused() {
        let topology = |change: &dyn Fn(&mut Topology)| {
            let mut topology = Topology::named("balanced").unwrap();
            change(&mut topology);
            required_services(&topology).unwrap_err().to_string()
        };
        assert!(topology(&|t| t.servers = 3.try_into().unwrap()).contains("two app servers"));
        assert!(topology(&|t| t.balancer = Some(Balancer::Haproxy)).contains("either nginx or a balancer"));
        assert!(topology(&|t| t.db = Some(Database::Mariadb)).contains("--db mysql"));
    }

    #[test]
    fn names_are_those_of_the_file() {
        for service in S::ALL {
            assert_eq!(S::from_name(service.name()), Some(service));
            assert_eq!(serde_json::to_value(service).unwrap(), service.name());
        }
    }
}
