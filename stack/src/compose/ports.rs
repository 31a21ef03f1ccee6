//! Ports of the loopback at which services are published. They are below the ephemeral range, and held until Docker binds
//! them, so that two stacks that start at the same time do not choose the same.

use std::net::TcpListener;

use super::service::ComposeService;
use crate::error::StackError;
use crate::host::ports::{PortPlan, bind, first_free};

/// Chosen ports, and listeners that hold them until Docker needs them.
#[derive(Debug)]
pub(super) struct PublishedPorts {
    ports: Vec<(ComposeService, u16)>,
    held: Vec<TcpListener>,
}

impl PublishedPorts {
    /// Chooses and holds a port for each published service: the plan's for `entry`, the next free ones above for the others.
    ///
    /// # Errors
    /// `PortTaken` when the plan's port is fixed and taken; `NoPort`.
    pub(super) fn reserve(
        plan: PortPlan,
        entry: ComposeService,
        services: &[ComposeService],
    ) -> Result<Self, StackError> {
        let others = services.iter().copied().filter(|service| *service != entry);
        let mut reserved = Self { ports: Vec::new(), held: Vec::new() };
        let mut next = plan.site;
        for service in std::iter::once(entry).chain(others).filter(|service| service.port().is_some()) {
            let (port, listener) = first_free(next, plan.fixed && service == entry, bind)?;
            next = port.saturating_add(1);
            reserved.ports.push((service, port));
            reserved.held.push(listener);
        }
        Ok(reserved)
    }

    /// Variables of `compose.yaml`.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let named = |(service, port): &(ComposeService, u16)| {
            service.port().map(|(_, variable)| (variable.to_owned(), port.to_string()))
        };
        self.ports.iter().filter_map(named).collect()
    }

    /// Releases the ports of these services, just before they start.
    pub(super) fn release(&mut self, services: &[ComposeService]) {
        let released =
            self.ports.iter().filter(|(service, _)| services.contains(service)).map(|(_, port)| *port);
        let released: Vec<u16> = released.collect();
        self.held.retain(|listener| {
            !listener.local_addr().is_ok_and(|address| released.contains(&address.port()))
        });
    }
}

/// Whether Docker's error says that another process took a port after kneepoint released it and before Docker bound it.
pub(super) fn is_port_conflict(words: &str) -> bool {
    ["port is already allocated", "ddress already in use"].iter().any(|sign| words.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_its_port_until_it_starts() {
        let services = [ComposeService::Proxy, ComposeService::Server, ComposeService::Worker];
        let plan = PortPlan { site: 22_300, fixed: false };
        let mut ports = PublishedPorts::reserve(plan, ComposeService::Proxy, &services).unwrap();
        let variables = ports.variables();
        let names: Vec<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["KP_PORT_PROXY", "KP_PORT_SERVER"]);
        let port = |index: usize| variables[index].1.parse::<u16>().unwrap();
        assert!(port(0) < port(1) && bind(port(0)).is_none() && bind(port(1)).is_none());
        ports.release(&[ComposeService::Server]);
        assert!(bind(port(0)).is_none() && bind(port(1)).is_some());
    }

    #[test]
    fn a_fixed_port_that_is_taken_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let plan = PortPlan { site: listener.local_addr().unwrap().port(), fixed: true };
        let error =
            PublishedPorts::reserve(plan, ComposeService::Server, &[ComposeService::Server]).unwrap_err();
        assert!(matches!(error, StackError::PortTaken { .. }), "{error}");
    }

    #[test]
    fn a_port_conflict_is_told_from_other_errors() {
        assert!(is_port_conflict("Bind for 127.0.0.1:18080 failed: port is already allocated"));
        assert!(is_port_conflict(
            "Error starting userland proxy: listen tcp4 127.0.0.1:18080: bind: address already in use"
        ));
        assert!(!is_port_conflict("no such image"));
    }
}
