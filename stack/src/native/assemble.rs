//! What is to be started, in the order in which one needs the other, and what manoeuvres need to know of it.

use super::balancer::{self, Before};
use super::server::ServerSet;
use super::service::Spec;
use super::tools::Tool;
use super::up::{Site, Start};
use super::wanted::shared_cache;
use super::{engine, proxy, server, stores};
use crate::render::{Backend, NginxConf};
use crate::topology::{SharedCache, Topology};
use crate::{Ports, StackError};

/// A stack that is ready to be started.
pub(super) struct Assembled {
    pub(super) specs: Vec<Spec>,
    pub(super) live: Live,
}

/// What is needed to change a stack while it runs.
#[derive(Debug, Clone)]
pub(super) struct Live {
    pub(super) site: Site,
    pub(super) topology: Topology,
    pub(super) set: ServerSet,
    /// nginx' configuration, where there is an nginx.
    pub(super) nginx: Option<NginxConf>,
    /// Whether HAProxy itself stands before the app servers.
    pub(super) haproxy: bool,
}

/// Every service of the stack.
pub(super) fn all(start: &Start<'_>, site: &Site, ports: &Ports) -> Result<Assembled, StackError> {
    let topology = &start.plan.topology;
    let by_socket = topology.proxy.as_ref().is_some_and(|proxy| proxy.socket == Some(true));
    let set = ServerSet { generation: 1, ports: ports.servers.clone(), hello: ports.hello, by_socket };
    let mut specs = kept(start, site, ports)?;
    specs.extend(
        ports
            .engine
            .zip(start.plan.engine.as_ref())
            .and_then(|(port, command)| engine::spec(site, command, port)),
    );
    specs.extend(server::specs(site, topology, &set)?);
    if let (true, Some(broker)) = (start.services.queue, ports.redis) {
        specs.push(server::worker(site, broker)?);
    }
    let mut nginx_conf = None;
    if let (Some(settings), Some(nginx)) = (&topology.proxy, &start.tools.nginx) {
        let port = ports.proxy.unwrap_or(ports.site);
        let conf = proxy::conf(site, settings, nginx, port, &set, ports.objects);
        specs.push(proxy::spec(site, &conf, nginx, port)?);
        nginx_conf = Some(conf);
    }
    if let (Some(haproxy), Some(figures)) = (&start.tools.haproxy, ports.figures) {
        specs.push(balancer(site, haproxy, ports, figures, &set)?);
    }
    let haproxy = start.tools.haproxy.is_some() && nginx_conf.is_none();
    let live = Live { site: site.clone(), topology: topology.clone(), set, nginx: nginx_conf, haproxy };
    Ok(Assembled { specs, live })
}

/// The services that keep things.
fn kept(start: &Start<'_>, site: &Site, ports: &Ports) -> Result<Vec<Spec>, StackError> {
    let topology = &start.plan.topology;
    let cache = shared_cache(topology, &site.switches);
    let mut specs = Vec::new();
    if let (Some(server), Some(port)) = (&start.prepared.db, ports.db) {
        specs.push(stores::database(site, server, port, topology.concurrency().unwrap_or_default())?);
    }
    if let (Some(redis), Some(port)) = (&start.tools.redis, ports.redis) {
        let for_cache = cache == Some(SharedCache::Redis);
        specs.push(stores::redis(site, redis, port, for_cache, start.services.queue));
    }
    if let (Some(memcached), Some(port)) = (&start.tools.memcached, ports.memcached) {
        specs.push(stores::memcached(site, memcached, port));
    }
    if let (Some(command), Some(port)) = (&start.plan.objects, ports.objects) {
        specs.extend(stores::objects(site, command, port));
    }
    Ok(specs)
}

/// HAProxy stands before nginx where that is there, else before the app servers.
fn balancer(
    site: &Site,
    haproxy: &Tool,
    ports: &Ports,
    figures: u16,
    set: &ServerSet,
) -> Result<Spec, StackError> {
    let nginx =
        ports.proxy.map(|port| Backend { name: "nginx".to_owned(), address: format!("127.0.0.1:{port}") });
    let objects = ports.objects.filter(|_| nginx.is_none());
    let servers = nginx.map_or_else(|| set.backends(&site.run), |nginx| vec![nginx]);
    balancer::spec(site, haproxy, Before { site: ports.site, figures, servers, objects })
}
