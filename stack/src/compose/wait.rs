//! Waits until a container's service answers a real request, for as long as it makes sense to wait.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use url::Url;

use super::ask_tcp::{self, Speaks};
use super::container::Container;
use super::docker::Docker;
use super::project::Project;
use super::service::ComposeService;
use super::{logs, mine};
use crate::StackError;
use crate::ask::Asker;
use crate::error::Trouble;

/// A cold Python on a busy machine compiles and imports for seconds; an empty database is initialised for longer.
const DEADLINE: Duration = Duration::from_mins(2);
/// One question.
const QUESTION: Duration = Duration::from_secs(3);
/// Asking the worker starts a Python in its container.
const CELERY: Duration = Duration::from_secs(20);
/// Between two questions, growing from the first to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));
/// Between two looks at the container.
const LOOK: Duration = Duration::from_millis(700);

/// How a service is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// A path that answers 200.
    Path(&'static str),
    /// A path that answers at all: the store refuses strangers.
    AnyAnswer(&'static str),
    /// Something else than HTTP.
    Tcp(Speaks),
    /// Through its queue, from its own container.
    Celery,
}

const fn question(service: ComposeService) -> Question {
    match service {
        ComposeService::Proxy
        | ComposeService::Balancer
        | ComposeService::Server
        | ComposeService::Server2
        | ComposeService::Hello
        | ComposeService::Engine => Question::Path("/healthz"),
        ComposeService::Objects => Question::AnyAnswer("/"),
        ComposeService::Db => Question::Tcp(Speaks::Mysql),
        ComposeService::Redis => Question::Tcp(Speaks::Redis),
        ComposeService::Memcached => Question::Tcp(Speaks::Memcached),
        ComposeService::Worker => Question::Celery,
    }
}

/// Where a container's service answers: on the bridge, or published on the loopback where the bridge cannot be reached.
pub(super) fn address(container: &Container, bridge: bool) -> Option<SocketAddr> {
    let (inside, _) = container.service?.port()?;
    if bridge {
        return Some(SocketAddr::new(IpAddr::V4(container.address?), inside));
    }
    Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), *container.published.get(&inside)?))
}

/// `http://address/path`.
pub(super) fn url(address: SocketAddr, path: &str) -> Url {
    Url::parse(&format!("http://{address}{path}")).expect("an address with a path is a URL")
}

/// Waits, and looks again later.
#[derive(Clone, Copy)]
pub(super) struct Waiter<'a> {
    pub(super) docker: &'a Docker,
    pub(super) project: &'a Project,
    /// Whether addresses on the bridge can be reached from here.
    pub(super) bridge: bool,
    /// Where the logs of containers are kept.
    pub(super) logs: &'a Path,
    pub(super) cancel: &'a Cancel,
}

/// The first container that has ended, and how: those in front of it do not answer either, and are not to blame.
fn ended<'a>(services: &[ComposeService], containers: &'a [Container]) -> Option<(&'a Container, String)> {
    let mut ours =
        containers.iter().filter(|own| own.service.is_some_and(|service| services.contains(&service)));
    ours.find_map(|container| Some((container, container.end.as_ref()?.words())))
}

impl Waiter<'_> {
    /// Waits until a service answers; gives its container.
    ///
    /// # Errors
    /// `NotReady` with the end of its log when it does not, or when its container ended; `Cancelled`.
    pub(super) fn wait(&self, service: ComposeService) -> Result<Container, StackError> {
        let (asker, started) = (Asker::new()?, Instant::now());
        let mut container = mine::container(self.docker, self.project, service, self.cancel)?;
        let mut looked = Instant::now();
        let mut pause = PAUSE.0;
        loop {
            let why = match self.ask(&asker, &container) {
                Ok(()) => return Ok(container),
                Err(why) => why,
            };
            if self.cancel.is_cancelled() {
                return Err(StackError::Cancelled);
            }
            if looked.elapsed() >= LOOK {
                container = mine::container(self.docker, self.project, service, self.cancel)?;
                looked = Instant::now();
            }
            let hopeless = container.end.as_ref().map(super::container::End::words);
            let hopeless = hopeless
                .or_else(|| logs::says_it_cannot(self.logs, service).then(|| "it cannot start".to_owned()));
            if hopeless.is_some() || started.elapsed() >= DEADLINE {
                let why = hopeless.unwrap_or(why);
                return Err(StackError::NotReady(self.trouble(&container, started.elapsed(), why)));
            }
            if self.cancel.sleep(pause) {
                return Err(StackError::Cancelled);
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// Whether each of these services runs and answers now.
    ///
    /// # Errors
    /// `Unhealthy` for the first that has ended, or else does not answer, with the end of its log.
    pub(super) fn check(&self, services: &[ComposeService]) -> Result<(), StackError> {
        let asker = Asker::new()?;
        let containers = mine::containers(self.docker, self.project, self.cancel)?;
        if let Some((container, why)) = ended(services, &containers) {
            return Err(StackError::Unhealthy(self.trouble(container, Duration::ZERO, why)));
        }
        for service in services {
            let Some(container) = containers.iter().find(|container| container.service == Some(*service))
            else {
                let why = format!("the container of `{}` has gone", service.name());
                return Err(StackError::System { what: "looking at the stack", why });
            };
            // The worker is busy with what it is for, and asking it starts a Python beside it: that it runs is enough.
            let answer =
                if *service == ComposeService::Worker { Ok(()) } else { self.ask(&asker, container) };
            answer.map_err(|why| StackError::Unhealthy(self.trouble(container, Duration::ZERO, why)))?;
        }
        Ok(())
    }

    fn ask(&self, asker: &Asker, container: &Container) -> Result<(), String> {
        let Some(service) = container.service else { return Err("it is no service of ours".to_owned()) };
        let question = question(service);
        if question == Question::Celery {
            return self.celery(container);
        }
        let address = address(container, self.bridge).ok_or("it has no address yet")?;
        let status =
            |path| asker.get(&url(address, path), None, QUESTION, self.cancel).map(|reply| reply.status);
        match question {
            Question::Tcp(speaks) => ask_tcp::ask(speaks, address, QUESTION),
            Question::Path(path) => match status(path)? {
                200 => Ok(()),
                status => Err(format!("it answered with status {status}")),
            },
            Question::AnyAnswer(path) => match status(path)? {
                500.. => Err("it answered with an error of its own".to_owned()),
                _ => Ok(()),
            },
            Question::Celery => Err("it is question otherwise".to_owned()),
        }
    }

    fn celery(&self, container: &Container) -> Result<(), String> {
        let args =
            ["exec", &container.id, "celery", "--app", "bookstore", "inspect", "--timeout", "2", "ping"];
        let answer = self.docker.ask(&args, "asking the worker", CELERY, self.cancel);
        answer.map(|_| ()).map_err(|error| match error {
            StackError::Step { source, .. } => super::images::last_words(&source),
            other => other.to_string(),
        })
    }

    fn trouble(&self, container: &Container, waited: Duration, why: String) -> Box<Trouble> {
        let service = container.service.unwrap_or(ComposeService::Server);
        logs::keep(self.docker, container, self.logs);
        let (log, tail) = logs::last_words(self.logs, service);
        Box::new(Trouble { service: service.name(), url: self.shown(container), waited, why, log, tail })
    }

    fn shown(&self, container: &Container) -> Url {
        let (service, asked) = (container.service.unwrap_or(ComposeService::Server), question);
        let path = match asked(service) {
            Question::Path(path) | Question::AnyAnswer(path) => path,
            Question::Tcp(_) | Question::Celery => "/",
        };
        let scheme =
            if matches!(asked(service), Question::Path(_) | Question::AnyAnswer(_)) { "http" } else { "tcp" };
        let host = address(container, self.bridge)
            .map_or_else(|| service.name().to_owned(), |address| address.to_string());
        Url::parse(&format!("{scheme}://{host}{path}")).expect("an address with a path is a URL")
    }
}

/// Where a log of this name is.
pub(super) fn log_path(folder: &Path, service: ComposeService) -> PathBuf {
    folder.join(format!("{}.log", service.name()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::container::End;
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
        assert_eq!(address(&proxy, true).unwrap().to_string(), "172.18.0.5:8080");
        assert_eq!(address(&proxy, false).unwrap().to_string(), "127.0.0.1:28080");
        let mut gone = proxy;
        gone.address = None;
        gone.published.clear();
        assert!(address(&gone, true).is_none() && address(&gone, false).is_none());
        assert!(address(&container(ComposeService::Worker), true).is_none());
    }

    /// Found by killing the app server under load: the proxy, which waited for it, was named.
    #[test]
    fn the_one_that_ended_is_named_and_not_the_one_that_waits_for_it() {
        let (proxy, mut server) = (container(ComposeService::Proxy), container(ComposeService::Server));
        let services = [ComposeService::Proxy, ComposeService::Server];
        assert_eq!(ended(&services, &[proxy.clone(), server.clone()]), None);
        server.end = Some(End { code: 137, out_of_memory: false, error: String::new() });
        let all = [proxy, server];
        let (named, why) = ended(&services, &all).unwrap();
        assert_eq!(
            (named.service, why.as_str()),
            (Some(ComposeService::Server), "its container ended with exit code 137 (signal 9 ended it)")
        );
        assert_eq!(ended(&services[..1], &all), None, "what is not asked about");
    }
}
