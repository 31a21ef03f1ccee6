//! All services of a stack in start order, with their configuration files written.

use super::balancer::{HaproxyInput, haproxy_spec};
use super::engine::engine_spec;
use super::live::LiveStack;
use super::plan::NativePlan;
use super::proxy::{nginx_conf, nginx_spec};
use super::required_services::{RequiredServices, effective_cache};
use super::server::{ServerSet, server_specs, worker_spec};
use super::service::ServiceSpec;
use super::site::NativeSite;
use super::stores;
use super::tools::{Tool, Tools};
use crate::db::DbServer;
use crate::error::StackError;
use crate::host::ports::Ports;
use crate::render::Backend;
use crate::topology::SharedCache;

/// What decides which services there are.
pub(super) struct Blueprint<'a> {
    pub(super) plan: &'a NativePlan,
    pub(super) services: RequiredServices,
    pub(super) tools: &'a Tools,
    /// The server of the prepared data; `None` is `SQLite`.
    pub(super) db: Option<&'a DbServer>,
}

/// A stack that is ready to be started.
pub(super) struct AssembledStack {
    pub(super) specs: Vec<ServiceSpec>,
    pub(super) live: LiveStack,
}

impl Blueprint<'_> {
    /// Every service of the stack: stores first, then app servers, then what is in front of them.
    pub(super) fn assemble(&self, site: &NativeSite, ports: &Ports) -> Result<AssembledStack, StackError> {
        let topology = &self.plan.topology;
        let over_socket = topology.proxy.as_ref().is_some_and(|proxy| proxy.socket == Some(true));
        let servers =
            ServerSet { generation: 1, ports: ports.servers.clone(), hello: ports.hello, over_socket };
        let mut specs = self.store_specs(site, ports)?;
        let engine = ports.engine.zip(self.plan.engine.as_ref());
        specs.extend(engine.and_then(|(port, command)| engine_spec(site, command, port)));
        specs.extend(server_specs(site, topology, &servers)?);
        if let (true, Some(broker)) = (self.services.queue, ports.redis) {
            specs.push(worker_spec(site, broker)?);
        }
        let mut nginx = None;
        if let (Some(settings), Some(tool)) = (&topology.proxy, &self.tools.nginx) {
            let port = ports.proxy.unwrap_or(ports.site);
            let conf = nginx_conf(site, settings, tool, port, &servers, ports.objects);
            specs.push(nginx_spec(site, &conf, tool, port)?);
            nginx = Some(conf);
        }
        if let (Some(haproxy), Some(stats)) = (&self.tools.haproxy, ports.stats) {
            specs.push(balancer_spec(site, haproxy, ports, stats, &servers)?);
        }
        let haproxy = self.tools.haproxy.is_some() && nginx.is_none();
        let live = LiveStack { site: site.clone(), topology: topology.clone(), servers, nginx, haproxy };
        Ok(AssembledStack { specs, live })
    }

    fn store_specs(&self, site: &NativeSite, ports: &Ports) -> Result<Vec<ServiceSpec>, StackError> {
        let topology = &self.plan.topology;
        let cache = effective_cache(topology, &site.switches);
        let mut specs = Vec::new();
        if let (Some(server), Some(port)) = (self.db, ports.db) {
            let max_in_flight = topology.concurrency().unwrap_or_default();
            specs.push(stores::database_spec(site, server, port, max_in_flight)?);
        }
        if let (Some(redis), Some(port)) = (&self.tools.redis, ports.redis) {
            let for_cache = cache == Some(SharedCache::Redis);
            specs.push(stores::redis_spec(site, redis, port, for_cache, self.services.queue));
        }
        if let (Some(memcached), Some(port)) = (&self.tools.memcached, ports.memcached) {
            specs.push(stores::memcached_spec(site, memcached, port));
        }
        if let (Some(command), Some(port)) = (&self.plan.objects, ports.objects) {
            specs.extend(stores::objects_spec(site, command, port));
        }
        Ok(specs)
    }
}

/// HAProxy in front of nginx when there is one, else in front of the app servers.
fn balancer_spec(
    site: &NativeSite,
    haproxy: &Tool,
    ports: &Ports,
    stats: u16,
    servers: &ServerSet,
) -> Result<ServiceSpec, StackError> {
    let nginx =
        ports.proxy.map(|port| Backend { name: "nginx".to_owned(), address: format!("127.0.0.1:{port}") });
    let objects = ports.objects.filter(|_| nginx.is_none());
    let servers = nginx.map_or_else(|| servers.backends(&site.run), |nginx| vec![nginx]);
    haproxy_spec(site, haproxy, HaproxyInput { site: ports.site, stats, servers, objects })
}
