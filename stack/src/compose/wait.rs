//! Waits until a container's service responds to a real request, and checks later whether it still does.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use url::Url;

use super::container::Container;
use super::docker::Docker;
use super::docker_resources::{find_container, list_containers};
use super::logs;
use super::project::Project;
use super::service::ComposeService;
use super::tcp_probe::{TcpProtocol, probe_tcp};
use crate::error::{ServiceFailure, StackError};
use crate::host::http::HttpClient;

/// A cold Python on a busy machine compiles and imports for seconds; an empty database is initialised for longer.
const DEADLINE: Duration = Duration::from_mins(2);
/// Timeout of one probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// Longer, since pinging the worker starts a Python process in its container.
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Pause between two probes, doubled from the first value up to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));
/// Pause between two inspections of the container.
const INSPECT_INTERVAL: Duration = Duration::from_millis(700);

/// What shows that a service is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ServiceProbe {
    /// A path that must return 200.
    Path(&'static str),
    /// A path with any response but a server error: the store refuses anonymous users.
    AnyStatus(&'static str),
    /// A request in another protocol than HTTP.
    Tcp(TcpProtocol),
    /// A ping through the queue, sent from the worker's own container.
    Celery,
}

const fn probe_for(service: ComposeService) -> ServiceProbe {
    match service {
        ComposeService::Proxy
        | ComposeService::Balancer
        | ComposeService::Server
        | ComposeService::Server2
        | ComposeService::Hello
        | ComposeService::Engine => ServiceProbe::Path("/healthz"),
        ComposeService::Objects => ServiceProbe::AnyStatus("/"),
        ComposeService::Db => ServiceProbe::Tcp(TcpProtocol::Mysql),
        ComposeService::Redis => ServiceProbe::Tcp(TcpProtocol::Redis),
        ComposeService::Memcached => ServiceProbe::Tcp(TcpProtocol::Memcached),
        ComposeService::Worker => ServiceProbe::Celery,
    }
}

/// The address of a container's service: on the bridge, or published on the loopback where the bridge cannot be reached.
pub(super) fn service_address(container: &Container, bridge: bool) -> Option<SocketAddr> {
    let (inside, _) = container.service?.port()?;
    if bridge {
        return Some(SocketAddr::new(IpAddr::V4(container.address?), inside));
    }
    Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), *container.published.get(&inside)?))
}

pub(super) fn http_url(address: SocketAddr, path: &str) -> Url {
    Url::parse(&format!("http://{address}{path}")).expect("an address with a path is a URL")
}

#[derive(Clone, Copy)]
pub(super) struct ReadinessWaiter<'a> {
    pub(super) docker: &'a Docker,
    pub(super) project: &'a Project,
    /// Whether this machine can reach addresses on the bridge.
    pub(super) bridge: bool,
    /// The folder for logs of containers.
    pub(super) logs: &'a Path,
    pub(super) cancel: &'a Cancel,
}

/// The first container that has ended, and how. Services in front of it do not respond either, but are not the cause.
fn first_exited<'a>(
    services: &[ComposeService],
    containers: &'a [Container],
) -> Option<(&'a Container, String)> {
    let mut ours =
        containers.iter().filter(|own| own.service.is_some_and(|service| services.contains(&service)));
    ours.find_map(|container| Some((container, container.end.as_ref()?.describe())))
}

impl ReadinessWaiter<'_> {
    /// Waits until a service responds; returns its container.
    ///
    /// # Errors
    /// `NotReady` with the end of its log when it does not respond, or when its container ended; `Cancelled`.
    pub(super) fn wait_until_ready(&self, service: ComposeService) -> Result<Container, StackError> {
        let (client, started) = (HttpClient::new()?, Instant::now());
        let mut container = find_container(self.docker, self.project, service, self.cancel)?;
        let mut inspected = Instant::now();
        let mut pause = PAUSE.0;
        loop {
            let why = match self.run_probe(&client, &container) {
                Ok(()) => return Ok(container),
                Err(why) => why,
            };
            if self.cancel.is_cancelled() {
                return Err(StackError::Cancelled);
            }
            if inspected.elapsed() >= INSPECT_INTERVAL {
                container = find_container(self.docker, self.project, service, self.cancel)?;
                inspected = Instant::now();
            }
            let fatal = container.end.as_ref().map(super::container::ContainerExit::describe);
            let fatal =
                fatal.or_else(|| logs::boot_failed(self.logs, service).then(|| "it cannot start".to_owned()));
            if fatal.is_some() || started.elapsed() >= DEADLINE {
                let why = fatal.unwrap_or(why);
                return Err(StackError::NotReady(self.describe_failure(&container, started.elapsed(), why)));
            }
            if self.cancel.sleep(pause) {
                return Err(StackError::Cancelled);
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// Checks once whether each of these services runs and responds.
    ///
    /// # Errors
    /// `Unhealthy` for the first that has ended or does not respond, with the end of its log.
    pub(super) fn check(&self, services: &[ComposeService]) -> Result<(), StackError> {
        let client = HttpClient::new()?;
        let containers = list_containers(self.docker, self.project, self.cancel)?;
        if let Some((container, why)) = first_exited(services, &containers) {
            return Err(StackError::Unhealthy(self.describe_failure(container, Duration::ZERO, why)));
        }
        for service in services {
            let Some(container) = containers.iter().find(|container| container.service == Some(*service))
            else {
                let why = format!("the container of `{}` does not exist any more", service.name());
                return Err(StackError::System { what: "checking the stack", why });
            };
            // A ping would start a Python process beside the busy worker; a running container is enough.
            let result =
                if *service == ComposeService::Worker { Ok(()) } else { self.run_probe(&client, container) };
            result.map_err(|why| {
                StackError::Unhealthy(self.describe_failure(container, Duration::ZERO, why))
            })?;
        }
        Ok(())
    }

    fn run_probe(&self, client: &HttpClient, container: &Container) -> Result<(), String> {
        let Some(service) = container.service else {
            return Err("it is not a service of the stack".to_owned());
        };
        let probe = probe_for(service);
        if probe == ServiceProbe::Celery {
            return self.ping_worker(container);
        }
        let address = service_address(container, self.bridge).ok_or("it has no address yet")?;
        let status = |path| {
            client
                .get(&http_url(address, path), None, PROBE_TIMEOUT, self.cancel)
                .map(|response| response.status)
        };
        match probe {
            ServiceProbe::Tcp(protocol) => probe_tcp(protocol, address, PROBE_TIMEOUT),
            ServiceProbe::Path(path) => match status(path)? {
                200 => Ok(()),
                status => Err(format!("it returned status {status}")),
            },
            ServiceProbe::AnyStatus(path) => match status(path)? {
                500.. => Err("it returned a server error".to_owned()),
                _ => Ok(()),
            },
            ServiceProbe::Celery => Err("it is not probed over HTTP".to_owned()),
        }
    }

    fn ping_worker(&self, container: &Container) -> Result<(), String> {
        let args =
            ["exec", &container.id, "celery", "--app", "bookstore", "inspect", "--timeout", "2", "ping"];
        let result = self.docker.run(&args, "pinging the worker", PING_TIMEOUT, self.cancel);
        result.map(|_| ()).map_err(|error| match error {
            StackError::Step { source, .. } => super::images::error_tail(&source),
            other => other.to_string(),
        })
    }

    fn describe_failure(&self, container: &Container, waited: Duration, why: String) -> Box<ServiceFailure> {
        let service = container.service.unwrap_or(ComposeService::Server);
        logs::save_log(self.docker, container, self.logs);
        let (log, tail) = logs::log_tail(self.logs, service);
        Box::new(ServiceFailure {
            service: service.name(),
            url: self.probe_url(container),
            waited,
            why,
            log,
            tail,
        })
    }

    fn probe_url(&self, container: &Container) -> Url {
        let service = container.service.unwrap_or(ComposeService::Server);
        let path = match probe_for(service) {
            ServiceProbe::Path(path) | ServiceProbe::AnyStatus(path) => path,
            ServiceProbe::Tcp(_) | ServiceProbe::Celery => "/",
        };
        let scheme = if matches!(probe_for(service), ServiceProbe::Path(_) | ServiceProbe::AnyStatus(_)) {
            "http"
        } else {
            "tcp"
        };
        let host = service_address(container, self.bridge)
            .map_or_else(|| service.name().to_owned(), |address| address.to_string());
        Url::parse(&format!("{scheme}://{host}{path}")).expect("an address with a path is a URL")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::container::ContainerExit;
    use super::*;

    fn container(service: ComposeService) -> Container {
        Container {
            id: "a".repeat(64),
            name: "x".to_owned(),
            service: Some(service),
            project: "kneepoint-1".to_owned(),
            running: true,
            end: None,
            pid: Some(7),
            address: Some(Ipv4Addr::new(172, 18, 0, 5)),
            published: BTreeMap::from([(8080, 28_080)]),
        }
    }

    #[test]
    fn on_the_bridge_or_published() {
        let proxy = container(ComposeService::Proxy);
        assert_eq!(service_address(&proxy, true).unwrap().to_string(), "172.18.0.5:8080");
        assert_eq!(service_address(&proxy, false).unwrap().to_string(), "127.0.0.1:28080");
        let mut gone = proxy;
        gone.address = None;
        gone.published.clear();
        assert!(service_address(&gone, true).is_none() && service_address(&gone, false).is_none());
        assert!(service_address(&container(ComposeService::Worker), true).is_none());
    }

    /// Regression: when the app server was killed under load, the proxy was reported instead.
    #[test]
    fn the_container_that_ended_is_reported_and_not_the_one_in_front_of_it() {
        let (proxy, mut server) = (container(ComposeService::Proxy), container(ComposeService::Server));
        let services = [ComposeService::Proxy, ComposeService::Server];
        assert_eq!(first_exited(&services, &[proxy.clone(), server.clone()]), None);
        server.end = Some(ContainerExit { code: 137, out_of_memory: false, error: String::new() });
        let all = [proxy, server];
        let (named, why) = first_exited(&services, &all).unwrap();
        assert_eq!(
            (named.service, why.as_str()),
            (Some(ComposeService::Server), "its container ended with exit code 137 (signal 9 ended it)")
        );
        assert_eq!(first_exited(&services[..1], &all), None, "a service that is not checked");
    }
}
