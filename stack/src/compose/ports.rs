//! Ports on the loopback at which services are published: below the range of outgoing connections, and held until Docker
//! binds them, so that two stacks that come up at the same time do not choose the same.

use std::net::TcpListener;

use super::service::ComposeService;
use crate::StackError;
use crate::ports::{PortPlan, bind, first_free};

/// Ports that are held by us until Docker needs them.
#[derive(Debug)]
pub(super) struct HeldPorts {
    of: Vec<(ComposeService, u16)>,
    held: Vec<TcpListener>,
}

impl HeldPorts {
    /// Chooses and holds a port for each service that is published: the plan's for `entry`, the next free ones above for
    /// the others.
    ///
    /// # Errors
    /// `PortTaken` when the plan's port is fixed and taken; `NoPort`.
    pub(super) fn hold(
        plan: PortPlan,
        entry: ComposeService,
        services: &[ComposeService],
    ) -> Result<Self, StackError> {
        let others = services.iter().copied().filter(|service| *service != entry);
        let mut ports = Self { of: Vec::new(), held: Vec::new() };
        let mut next = plan.site;
        for service in std::iter::once(entry).chain(others).filter(|service| service.port().is_some()) {
            let (port, listener) = first_free(next, plan.fixed && service == entry, bind)?;
            next = port.saturating_add(1);
            ports.of.push((service, port));
            ports.held.push(listener);
        }
        Ok(ports)
    }

    /// Variables of `compose.yaml`.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let named = |(service, port): &(ComposeService, u16)| {
            service.port().map(|(_, variable)| (variable.to_owned(), port.to_string()))
        };
        self.of.iter().filter_map(named).collect()
    }

    /// Lets go of the ports of these services, just before they start.
    pub(super) fn release(&mut self, services: &[ComposeService]) {
        let ours = self.of.iter().filter(|(service, _)| services.contains(service)).map(|(_, port)| *port);
        let ours: Vec<u16> = ours.collect();
        self.held
            .retain(|listener| !listener.local_addr().is_ok_and(|address| ours.contains(&address.port())));
    }
}

/// Whether Docker's complaint is that another took a port between our letting go of it and its binding.
pub(super) fn lost(words: &str) -> bool {
    ["port is already allocated", "ddress already in use"].iter().any(|sign| words.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_its_port_until_it_starts() {
        let services = [ComposeService::Proxy, ComposeService::Server, ComposeService::Worker];
        let plan = PortPlan { site: 22_300, fixed: false };
        let mut ports = HeldPorts::hold(plan, ComposeService::Proxy, &services).unwrap();
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
        let error = HeldPorts::hold(plan, ComposeService::Server, &[ComposeService::Server]).unwrap_err();
        assert!(matches!(error, StackError::PortTaken { .. }), "{error}");
    }

    #[test]
    fn a_lost_port_is_told_from_other_trouble() {
        assert!(lost("Bind for 127.0.0.1:18080 failed: port is already allocated"));
        assert!(lost(
            "Error starting userland proxy: listen tcp4 127.0.0.1:18080: bind: address already in use"
        ));
        assert!(!lost("no such image"));
    }
}
