//! Ports on the loopback, below the range from which the system takes ports for outgoing connections: a listener there
//! would collide with sockets that nobody sees.
//!
//! A port is chosen by binding it, and held until just before its service starts, so that two stacks that come up at the
//! same time do not choose the same.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use serde::{Deserialize, Serialize};

use crate::{StackError, proc_net};

/// Where the site answers when nobody says otherwise.
pub const DEFAULT_PORT: u16 = 18080;
/// The first port that outgoing connections may use, as Linux sets it.
const EPHEMERAL: u16 = 32768;

/// Which ports to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortPlan {
    /// Where the site shall answer; the other services take the next free ports above.
    pub site: u16,
    /// Whether the user asked for just this port: then another is never taken instead.
    pub fixed: bool,
}

impl Default for PortPlan {
    fn default() -> Self {
        Self { site: DEFAULT_PORT, fixed: false }
    }
}

/// The ports in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// What visitors reach: nginx, or the server itself where there is no proxy.
    pub site: u16,
    /// gunicorn or runserver; the same as `site` without a proxy.
    pub server: u16,
    /// The engine, when there is one.
    pub engine: Option<u16>,
}

/// Ports that are held by us until their services need them.
#[derive(Debug)]
pub(crate) struct HeldPorts {
    pub(crate) ports: Ports,
    held: Vec<TcpListener>,
}

impl HeldPorts {
    /// Lets go of a port, just before its service starts.
    pub(crate) fn release(&mut self, port: u16) {
        self.held.retain(|listener| listener.local_addr().is_ok_and(|address| address.port() != port));
    }
}

/// Chooses and holds the ports.
pub(crate) fn hold(plan: PortPlan, proxy: bool, engine: bool) -> Result<HeldPorts, StackError> {
    let mut held = Vec::new();
    let mut next = plan.site;
    let mut take = |fixed: bool| -> Result<u16, StackError> {
        let (port, listener) = first_free(next, fixed, bind)?;
        next = port.saturating_add(1);
        held.push(listener);
        Ok(port)
    };
    let site = take(plan.fixed)?;
    let server = if proxy { take(false)? } else { site };
    let engine = if engine { Some(take(false)?) } else { None };
    Ok(HeldPorts { ports: Ports { site, server, engine }, held })
}

/// The first port from `from` on that `bind` gives; when it is fixed, that one or none.
fn first_free<T>(from: u16, fixed: bool, bind: impl Fn(u16) -> Option<T>) -> Result<(u16, T), StackError> {
    if fixed {
        let taken = || StackError::PortTaken { port: from, holder: proc_net::holder(from) };
        return bind(from).map(|held| (from, held)).ok_or_else(taken);
    }
    let mut candidates = from.max(1)..EPHEMERAL;
    candidates.find_map(|port| Some((port, bind(port)?))).ok_or(StackError::NoPort { from })
}

fn bind(port: u16) -> Option<TcpListener> {
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
        assert_eq!(first_free(40000, true, free(&[])).unwrap().0, 40000, "the user may ask for anything");
    }

    #[test]
    fn a_fixed_port_that_is_taken_names_us() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = hold(PortPlan { site: port, fixed: true }, false, false).unwrap_err();
        let StackError::PortTaken { holder: Some(holder), .. } = &error else { panic!("{error}") };
        assert_eq!(holder.pid, std::process::id());
    }

    #[test]
    fn held_ports_differ_and_are_let_go_one_by_one() {
        let mut held = hold(PortPlan { site: 21_000, fixed: false }, true, true).unwrap();
        let Ports { site, server, engine } = held.ports;
        assert!(site < server && server < engine.unwrap());
        assert!(!is_free(site) && !is_free(server));
        held.release(site);
        assert!(is_free(site) && !is_free(server));
    }

    #[test]
    fn without_a_proxy_the_server_is_the_site() {
        let held = hold(PortPlan { site: 21_100, fixed: false }, false, false).unwrap();
        assert_eq!((held.ports.server, held.ports.engine), (held.ports.site, None));
    }
}
