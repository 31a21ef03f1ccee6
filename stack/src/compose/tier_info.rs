//! From containers to `StackInfo`: one entry per tier, with processes, addresses and instruments. Pure.

use std::collections::BTreeMap;
use std::path::Path;

use kneepoint_model::run::{FORMAT_VERSION, names};
use kneepoint_model::stack::{Driver, Instrument, Runtime, StackInfo, TierInfo};
use kneepoint_model::tier::Tier;
use kneepoint_model::unmeasured::Unmeasured;
use url::Url;

use super::container::Container;
use super::service::{ComposeService, entry_service};
use super::wait::{http_url, service_address};
use super::{logs, variables::SiteVariables};
use crate::host::folder::log_path;
use crate::switches::public_switches;
use crate::topology::{ServerKind, Topology};

/// The running stack from which `StackInfo` is made.
pub(super) struct StackView<'a> {
    pub(super) topology: &'a Topology,
    /// Nearest to the user first.
    pub(super) containers: &'a [Container],
    /// Whether this machine can reach addresses on the bridge.
    pub(super) bridge: bool,
    /// Whether the daemon's processes are processes of this machine.
    pub(super) same_host: bool,
    pub(super) logs: &'a Path,
    pub(super) variables: &'a SiteVariables,
    pub(super) versions: &'a BTreeMap<String, String>,
}

impl StackView<'_> {
    /// `None` when the service that users reach has no address.
    pub(super) fn info(&self) -> Option<StackInfo> {
        let services: Vec<ComposeService> =
            self.containers.iter().filter_map(|container| container.service).collect();
        let base_url = self.url(entry_service(&services), "/")?;
        let mut tiers: Vec<TierInfo> = Vec::new();
        for container in self.containers {
            let Some(service) = container.service else { continue };
            match tiers.iter_mut().find(|info| info.tier == service.tier()) {
                Some(info) => self.merge_into(info, container, service),
                None => tiers.push(self.new_tier(container, service)),
            }
        }
        tiers.sort_by_key(|info| info.tier);
        Some(StackInfo {
            format_version: FORMAT_VERSION,
            driver: Driver::Compose,
            topology: self.topology.name.clone(),
            base_url,
            host_header: None,
            via: kneepoint_model::via::Via::default(),
            tiers,
            toggles: public_switches(&self.variables.switches),
            versions: self.versions.clone(),
            statements: Some(log_path(self.logs, names::STATEMENTS).display().to_string()),
            throw_away: true,
        })
    }

    /// What cannot be measured on this stack.
    pub(super) fn unmeasured(&self) -> Vec<Unmeasured> {
        let mut missing = Vec::new();
        if !self.same_host {
            missing.push(Unmeasured {
                what: "CPU, memory and profiles of the tiers".to_owned(),
                why: "the Docker daemon runs in another machine (Docker Desktop, for example), whose processes are not visible on this machine".to_owned(),
                fix: "run kneepoint on Linux with a local Docker daemon".to_owned(),
            });
        }
        if !self.bridge {
            missing.push(Unmeasured {
                what: "the site without Docker's own proxy".to_owned(),
                why: "addresses of containers cannot be reached from this machine, so the load goes to the published port, and every figure includes docker-proxy".to_owned(),
                fix: "run kneepoint on Linux with a local Docker daemon".to_owned(),
            });
        }
        missing
    }

    fn url(&self, service: ComposeService, path: &str) -> Option<Url> {
        let container = self.containers.iter().find(|container| container.service == Some(service))?;
        Some(http_url(service_address(container, self.bridge)?, path))
    }

    fn version(&self, name: &str) -> &str {
        self.versions.get(name).map_or("of unknown version", String::as_str)
    }

    fn new_tier(&self, container: &Container, service: ComposeService) -> TierInfo {
        use ComposeService as S;
        let proxies = matches!(service, S::Proxy);
        let http = |path| self.url(service, path);
        let when = |wanted: bool, path| if wanted { http(path) } else { None };
        let mut info = TierInfo {
            tier: service.tier(),
            what: self.describe(service),
            roots: Vec::new(),
            runtime: runtime(service),
            url: when(!matches!(service, S::Db | S::Redis | S::Memcached | S::Worker), "/"),
            concurrency: concurrency(self.topology, service),
            status_url: when(proxies, "/kneepoint-status"),
            pprof_url: when(service == S::Engine, "/debug/pprof/profile"),
            access_log: proxies.then(|| log_path(self.logs, names::ACCESS_LOG).display().to_string()),
            logs: Vec::new(),
            instruments: Vec::new(),
            containers: Vec::new(),
        };
        self.add_container(&mut info, container, service);
        info
    }

    /// Adds a further container to a tier.
    fn merge_into(&self, info: &mut TierInfo, container: &Container, service: ComposeService) {
        // The description of the first app server includes the second.
        if !matches!(service, ComposeService::Server | ComposeService::Server2) {
            info.what = format!("{}; {}", info.what, self.describe(service));
        }
        self.add_container(info, container, service);
    }

    fn add_container(&self, info: &mut TierInfo, container: &Container, service: ComposeService) {
        info.containers.push(container.name.clone());
        info.roots.extend(container.pid.filter(|_| self.same_host));
        let files = logs::service_log_files(service).iter().map(|name| self.logs.join(name));
        let all = files.chain([logs::log_path(self.logs, service)]);
        info.logs.extend(all.map(|path| path.display().to_string()));
        info.instruments.extend(self.instrument(container, service));
    }

    /// How its own statistics are read; `None` for a cache that runs but is not used.
    fn instrument(&self, container: &Container, service: ComposeService) -> Option<Instrument> {
        let address = service_address(container, self.bridge)?.to_string();
        let cache = self.variables.all.get("KP_CACHE").map(String::as_str);
        match service {
            ComposeService::Db => {
                Some(Instrument::Mysql { address, user: "root".to_owned(), schema: "bookstore".to_owned() })
            }
            ComposeService::Redis if cache == Some("redis") || self.topology.queue => {
                Some(Instrument::Redis { address })
            }
            ComposeService::Memcached if cache == Some("memcached") => {
                Some(Instrument::Memcached { address })
            }
            _ => None,
        }
    }

    fn describe(&self, service: ComposeService) -> String {
        use ComposeService as S;
        let version = |name| self.version(name);
        match service {
            S::Proxy => {
                let cache = if self.topology.proxy.as_ref().is_some_and(|proxy| proxy.cache) {
                    "with"
                } else {
                    "without"
                };
                format!("nginx {} {cache} a page cache", version("nginx"))
            }
            S::Balancer => format!("HAProxy {}", version("haproxy")),
            S::Server | S::Server2 => self.describe_server(),
            S::Hello => "a second Django site".to_owned(),
            S::Engine => format!("kneepoint engine {} (tantivy)", env!("CARGO_PKG_VERSION")),
            S::Db => format!("MySQL {}", version("mysql")),
            S::Redis => format!("Redis {}", version("redis")),
            S::Memcached => format!("Memcached {}", version("memcached")),
            S::Worker => format!("Celery {} (1 process)", version("celery")),
            S::Objects => format!("kneepoint objects {} (S3-compatible)", env!("CARGO_PKG_VERSION")),
        }
    }

    fn describe_server(&self) -> String {
        if self.topology.server == ServerKind::Runserver {
            return format!("Django {} runserver", self.version("Django"));
        }
        let times = if self.topology.servers.get() > 1 {
            format!("{} × ", self.topology.servers)
        } else {
            String::new()
        };
        let threads = self.topology.threads.get();
        let threads = if threads > 1 { format!(" × {threads} threads") } else { String::new() };
        format!(
            "{times}gunicorn {} ({} {} workers{threads}) under supervisor {}",
            self.version("gunicorn"),
            self.topology.workers_here(),
            self.topology.worker_class(),
            self.version("supervisor")
        )
    }
}

const fn runtime(service: ComposeService) -> Runtime {
    match service.tier() {
        Tier::Server | Tier::Queue => Runtime::Python,
        Tier::Engine | Tier::Objects => Runtime::FramePointers,
        _ => Runtime::Native,
    }
}

fn concurrency(topology: &Topology, service: ComposeService) -> Option<u32> {
    match service.tier() {
        Tier::Server => topology.concurrency(),
        Tier::Queue => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::service::required_services;
    use super::*;

    fn info(name: &str, here: bool) -> (StackInfo, Vec<Unmeasured>) {
        let topology = Topology::named(name).unwrap();
        let services = required_services(&topology).unwrap();
        let containers: Vec<Container> = services
            .iter()
            .zip(2..)
            .map(|(service, host)| Container {
                id: String::new(),
                name: format!("kneepoint-1-{}-1", service.name()),
                service: Some(*service),
                project: "kneepoint-1".to_owned(),
                running: true,
                end: None,
                pid: Some(1000 + u32::from(host)),
                address: Some(Ipv4Addr::new(172, 18, 0, host)),
                published: service
                    .port()
                    .map(|(inside, _)| (inside, 18_000 + u16::from(host)))
                    .into_iter()
                    .collect(),
            })
            .collect();
        let variables =
            super::super::variables::site_variables(&topology, &BTreeMap::new(), &services).unwrap();
        let view = StackView {
            topology: &topology,
            containers: &containers,
            bridge: here,
            same_host: here,
            logs: Path::new("/run/logs"),
            variables: &variables,
            versions: &BTreeMap::from([
                ("nginx".to_owned(), "1.30.6".to_owned()),
                ("mysql".to_owned(), "9.7.4".to_owned()),
            ]),
        };
        (view.info().unwrap(), view.unmeasured())
    }

    #[test]
    fn the_whole_stack() {
        let (mut info, missing) = info("full", true);
        assert!(missing.is_empty());
        // Depends on the machine.
        for tier in &mut info.tiers {
            tier.concurrency = tier.concurrency.map(|_| 2);
            tier.what = tier.what.split(" (").next().unwrap_or_default().to_owned();
        }
        insta::assert_json_snapshot!(info);
    }

    #[test]
    fn two_servers_are_one_tier() {
        let (info, _) = info("balanced-lb", true);
        let server = info.tier(Tier::Server).unwrap();
        assert_eq!((server.roots.len(), server.containers.len()), (2, 2));
        assert!(server.what.starts_with("2 × gunicorn"), "{}", server.what);
        let balancer = info.tier(Tier::Proxy).unwrap();
        assert!(balancer.status_url.is_none() && balancer.access_log.is_none());
        assert_eq!(balancer.url.as_ref(), Some(&info.base_url));
    }

    #[test]
    fn a_daemon_in_another_machine_is_reported_as_unmeasured() {
        let (info, missing) = info("nginx", false);
        assert_eq!(info.base_url.host_str(), Some("127.0.0.1"));
        assert!(info.tiers.iter().all(|tier| tier.roots.is_empty() && !tier.containers.is_empty()));
        assert_eq!(missing.len(), 2);
    }
}
