//! Ports on the loopback. They are below the ephemeral range, where a listener could collide with an outgoing connection.
//!
//! A port is chosen by binding it, and held until just before its service starts, so that two stacks that start at the same
//! time do not choose the same.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use serde::{Deserialize, Serialize};

use crate::error::StackError;
use crate::host::listeners;

/// Default port of the site.
pub const DEFAULT_PORT: u16 = 18080;
/// Where Linux's default range for outgoing connections begins.
const FIRST_EPHEMERAL: u16 = 32768;

/// Which ports to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortPlan {
    /// The site's port; the other services take the next free ports above.
    pub site: u16,
    /// Whether exactly this port is required: then no other is taken instead.
    pub fixed: bool,
}

impl Default for PortPlan {
    fn default() -> Self {
        Self { site: DEFAULT_PORT, fixed: false }
    }
}

/// The ports of a stack; `None` for services that it does not have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// What users reach: balancer, nginx, or the server itself without either.
    pub site: u16,
    /// nginx behind a balancer.
    #[serde(default)]
    pub proxy: Option<u16>,
    /// Each app server; the same as `site` when nothing is in front of it.
    #[serde(default)]
    pub servers: Vec<u16>,
    /// The second Django site.
    #[serde(default)]
    pub hello: Option<u16>,
    /// The search engine.
    #[serde(default)]
    pub engine: Option<u16>,
    /// MySQL or `MariaDB`.
    #[serde(default)]
    pub db: Option<u16>,
    /// Redis, for cache or queue or both.
    #[serde(default)]
    pub redis: Option<u16>,
    /// Memcached, for the shared cache.
    #[serde(default)]
    pub memcached: Option<u16>,
    /// The S3-compatible object store.
    #[serde(default)]
    pub objects: Option<u16>,
    /// HAProxy's statistics page.
    #[serde(default, rename = "stats")]
    pub stats: Option<u16>,
}

/// The services that need ports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a service that exists or not")]
pub(crate) struct PortRequest {
    pub(crate) proxy: bool,
    pub(crate) balancer: bool,
    pub(crate) servers: u8,
    pub(crate) hello: bool,
    pub(crate) engine: bool,
    pub(crate) db: bool,
    pub(crate) redis: bool,
    pub(crate) memcached: bool,
    pub(crate) objects: bool,
}

/// Chosen ports, and listeners that hold them until their services need them.
#[derive(Debug, Default)]
pub(crate) struct HeldPorts {
    pub(crate) ports: Ports,
    held: Vec<TcpListener>,
}

impl HeldPorts {
    /// Releases a port, just before its service starts.
    pub(crate) fn release(&mut self, port: u16) {
        self.held.retain(|listener| listener.local_addr().is_ok_and(|address| address.port() != port));
    }
}

/// Chooses and holds the ports.
pub(crate) fn hold(plan: PortPlan, request: PortRequest) -> Result<HeldPorts, StackError> {
    let mut held = Vec::new();
    let mut next = plan.site;
    let mut take = |fixed: bool| -> Result<u16, StackError> {
        let (port, listener) = first_free(next, fixed, bind)?;
        next = port.saturating_add(1);
        held.push(listener);
        Ok(port)
    };
    let site = take(plan.fixed)?;
    let mut some = |is_wanted: bool| if is_wanted { take(false).map(Some) } else { Ok(None) };
    let in_front = request.proxy || request.balancer;
    let servers: Result<Vec<Option<u16>>, StackError> =
        (0..request.servers).map(|_| some(in_front)).collect();
    let servers = servers?.into_iter().map(|port| port.unwrap_or(site)).collect();
    let ports = Ports {
        site,
        proxy: some(request.proxy && request.balancer)?,
        servers,
        hello: some(request.hello)?,
        engine: some(request.engine)?,
        db: some(request.db)?,
        redis: some(request.redis)?,
        memcached: some(request.memcached)?,
        objects: some(request.objects)?,
        stats: some(request.balancer)?,
    };
    Ok(HeldPorts { ports, held })
}

/// Holds ports for another set of app servers, beside those that run.
pub(crate) fn hold_more(from: u16, servers: usize, hello: bool) -> Result<HeldPorts, StackError> {
    let mut held = Vec::new();
    let mut next = from;
    let mut take = || -> Result<u16, StackError> {
        let (port, listener) = first_free(next, false, bind)?;
        next = port.saturating_add(1);
        held.push(listener);
        Ok(port)
    };
    let servers: Result<Vec<u16>, StackError> = (0..servers).map(|_| take()).collect();
    let hello = if hello { Some(take()?) } else { None };
    Ok(HeldPorts { ports: Ports { servers: servers?, hello, ..Ports::default() }, held })
}

/// A port that is free now, for a service that runs only briefly.
pub(crate) fn find_free() -> Result<u16, StackError> {
    first_free(DEFAULT_PORT, false, bind).map(|(port, _)| port)
}

/// The first port from `from` on that `bind` accepts; with `fixed` only `from` itself.
pub(crate) fn first_free<T>(
    from: u16,
    fixed: bool,
    bind: impl Fn(u16) -> Option<T>,
) -> Result<(u16, T), StackError> {
    if fixed {
        let taken = || StackError::PortTaken { port: from, holder: listeners::find_holder(from) };
        return bind(from).map(|held| (from, held)).ok_or_else(taken);
    }
    let mut candidates = from.max(1)..FIRST_EPHEMERAL;
    candidates.find_map(|port| Some((port, bind(port)?))).ok_or(StackError::NoPort { from })
}

/// Holds a port of the loopback by binding it; `None` when it is taken.
pub(crate) fn bind(port: u16) -> Option<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).ok()
}

/// Whether nothing listens there.
pub(crate) fn is_free(port: u16) -> bool {
    bind(port).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_free_port_is_taken_and_never_an_ephemeral_one() {
        let free = |taken: &'static [u16]| move |port: u16| (!taken.contains(&port)).then_some(());
        assert_eq!(first_free(18080, false, free(&[])).unwrap().0, 18080);
        assert_eq!(first_free(18080, false, free(&[18080, 18081])).unwrap().0, 18082);
        assert!(matches!(first_free(32767, false, free(&[32767])), Err(StackError::NoPort { from: 32767 })));
        assert!(matches!(first_free(40000, false, free(&[])), Err(StackError::NoPort { .. })));
        assert_eq!(first_free(40000, true, free(&[])).unwrap().0, 40000, "a fixed port may be any");
    }

    #[test]
    fn a_fixed_port_that_is_taken_names_us() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = hold(PortPlan { site: port, fixed: true }, servers_only(1)).unwrap_err();
        let StackError::PortTaken { holder: Some(holder), .. } = &error else { panic!("{error}") };
        assert_eq!(holder.pid, std::process::id());
    }

    fn servers_only(servers: u8) -> PortRequest {
        PortRequest { servers, ..PortRequest::default() }
    }

    #[test]
    fn held_ports_differ_and_are_released_one_by_one() {
        let request = PortRequest { proxy: true, engine: true, ..servers_only(2) };
        let mut held = hold(PortPlan { site: 21_000, fixed: false }, request).unwrap();
        let Ports { site, servers, engine, proxy, db, .. } = held.ports.clone();
        assert!(site < servers[0] && servers[0] < servers[1] && servers[1] < engine.unwrap());
        assert_eq!((proxy, db), (None, None));
        assert!(!is_free(site) && !is_free(servers[1]));
        held.release(site);
        assert!(is_free(site) && !is_free(servers[1]));
        let green = hold_more(21_000, 2, true).unwrap();
        assert!(!green.ports.servers.contains(&servers[0]) && green.ports.hello.is_some());
    }

    #[test]
    fn every_service_gets_its_own_port() {
        let request = PortRequest {
            proxy: true,
            balancer: true,
            servers: 3,
            hello: true,
            engine: true,
            db: true,
            redis: true,
            memcached: true,
            objects: true,
        };
        let held = hold(PortPlan { site: 21_200, fixed: false }, request).unwrap();
        assert_eq!(held.held.len(), 12);
        let Ports { proxy, hello, db, redis, memcached, objects, stats, .. } = held.ports;
        assert!([proxy, hello, db, redis, memcached, objects, stats].iter().all(Option::is_some));
    }

    #[test]
    fn without_a_proxy_the_server_is_the_site() {
        let held = hold(PortPlan { site: 21_100, fixed: false }, servers_only(1)).unwrap();
        assert_eq!((held.ports.servers, held.ports.engine), (vec![held.ports.site], None));
    }
}
