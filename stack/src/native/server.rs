//! The server tier: one or several Django sites under gunicorn and supervisor, or Django's development server; and the
//! Celery worker, which runs under a supervisor too.

use std::path::{Path, PathBuf};

use kneepoint_model::stack::{Runtime, TierInfo};
use kneepoint_model::tier::Tier;
use kneepoint_process::Program;

use super::readiness::ReadinessCheck;
use super::service::ServiceSpec;
use super::site::{NativeSite, loopback_url, root_user};
use super::tier_info::new_tier_info;
use crate::error::StackError;
use crate::render::{Backend, GunicornConf, SupervisedProgram, SupervisorConf};
use crate::topology::{ServerKind, Topology};

/// A set of identical app servers, and the port of the second site. `up` starts generation 1; each blue-green switch starts
/// the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerSet {
    pub(super) generation: u32,
    pub(super) ports: Vec<u16>,
    pub(super) hello: Option<u16>,
    /// Whether the proxy connects to them over Unix sockets.
    pub(super) over_socket: bool,
}

impl ServerSet {
    /// `gunicorn` for a single server, `gunicorn-2` for the second of several.
    pub(super) fn service_name(&self, index: usize) -> String {
        format!("gunicorn{}", self.suffix(index))
    }

    /// Its name in proxies and balancers: the same in every generation, since a green server replaces a blue one.
    pub(super) fn backend_name(index: usize) -> String {
        format!("app-{}", index + 1)
    }

    fn suffix(&self, index: usize) -> String {
        let generation = if self.generation > 1 { format!("-gen{}", self.generation) } else { String::new() };
        let number = if self.ports.len() > 1 { format!("-{}", index + 1) } else { String::new() };
        generation + &number
    }

    /// The app servers with their addresses.
    pub(super) fn backends(&self, run: &Path) -> Vec<Backend> {
        let address = |index: usize, port: &u16| match self.socket(run, index) {
            Some(socket) => format!("unix:{}", socket.display()),
            None => format!("127.0.0.1:{port}"),
        };
        let backend =
            |(index, port)| Backend { name: Self::backend_name(index), address: address(index, port) };
        self.ports.iter().enumerate().map(backend).collect()
    }

    /// The second site with its address.
    pub(super) fn hello_backend(&self) -> Option<Backend> {
        self.hello.map(|port| Backend { name: "hello".to_owned(), address: format!("127.0.0.1:{port}") })
    }

    /// Its Unix socket, when the proxy connects over one.
    pub(super) fn socket(&self, run: &Path, index: usize) -> Option<PathBuf> {
        self.over_socket.then(|| run.join(format!("{}.sock", self.service_name(index))))
    }
}

/// The app servers; their configuration files are written here.
pub(super) fn server_specs(
    site: &NativeSite,
    topology: &Topology,
    servers: &ServerSet,
) -> Result<Vec<ServiceSpec>, StackError> {
    match topology.server {
        ServerKind::Gunicorn => {
            (0..servers.ports.len()).map(|index| gunicorn_spec(site, topology, servers, index)).collect()
        }
        ServerKind::Runserver => Ok(servers.ports.iter().map(|port| runserver_spec(site, *port)).collect()),
    }
}

/// One app server. The supervisor of the first also runs the second site.
fn gunicorn_spec(
    site: &NativeSite,
    topology: &Topology,
    servers: &ServerSet,
    index: usize,
) -> Result<ServiceSpec, StackError> {
    let (port, name, suffix) = (servers.ports[index], servers.service_name(index), servers.suffix(index));
    let socket = servers.socket(&site.run, index);
    let bind = socket
        .as_ref()
        .map_or_else(|| format!("127.0.0.1:{port}"), |socket| format!("unix:{}", socket.display()));
    let (workers, threads, class) =
        (topology.workers_here(), topology.threads.get(), topology.worker_class());
    let conf = GunicornConf {
        run_dir: site.run_text(),
        app_dir: site.app_text(),
        name: name.clone(),
        bind: vec![bind],
        workers,
        threads,
        worker_class: class.to_owned(),
        environment: std::collections::BTreeMap::new(),
    };
    let hello = servers.hello.filter(|_| index == 0);
    let hello_name = format!("hello{suffix}");
    let mut programs = vec![supervised_gunicorn(site, &conf, "bookstore.wsgi:application")?];
    if let Some(port) = hello {
        programs.push(hello_program(site, conf, &hello_name, port)?);
    }
    let threads_each = if threads > 1 { format!(" × {threads} threads") } else { String::new() };
    let second = if hello.is_some() { " with the second site beside it," } else { "" };
    let what = format!(
        "gunicorn {} ({workers} {class} workers{threads_each}){second} under supervisor {}",
        site.version("gunicorn"),
        site.version("supervisor")
    );
    let mut diagnostic_logs =
        vec![site.logs.join(format!("{name}-error.log")), site.logs.join(format!("{name}.log"))];
    diagnostic_logs.extend(hello.map(|_| site.logs.join(format!("{hello_name}-error.log"))));
    let check = socket.as_ref().map_or_else(
        || ReadinessCheck::http(port, "/healthz"),
        |socket| ReadinessCheck::http_over_socket(socket, "/healthz"),
    );
    let hello_check = hello.map(|port| ReadinessCheck::http_with_host(port, "/healthz", "hello.localhost"));
    let tier = TierInfo {
        url: socket.is_none().then(|| loopback_url(port, "/")),
        concurrency: Some(u32::from(workers) * u32::from(threads)),
        ..new_tier_info(Tier::Server, what, Runtime::Python)
    };
    let supervised =
        Supervised { kind: "gunicorn", name, supervisor: format!("supervisord{suffix}"), programs };
    let mut spec = supervised.spec(site, diagnostic_logs, tier)?;
    spec.checks = [check].into_iter().chain(hello_check).collect();
    spec.ports = [port].into_iter().chain(hello).collect();
    Ok(spec)
}

/// The second site's gunicorn: one worker, with settings of its own.
fn hello_program(
    site: &NativeSite,
    first: GunicornConf,
    name: &str,
    port: u16,
) -> Result<SupervisedProgram, StackError> {
    let settings = ("KNEEPOINT_DJANGO_SETTINGS".to_owned(), "bookstore.settings_hello".to_owned());
    let conf = GunicornConf {
        name: name.to_owned(),
        bind: vec![format!("127.0.0.1:{port}")],
        workers: 1,
        environment: [settings].into(),
        ..first
    };
    supervised_gunicorn(site, &conf, "bookstore.wsgi_hello:application")
}

fn supervised_gunicorn(
    site: &NativeSite,
    conf: &GunicornConf,
    application: &str,
) -> Result<SupervisedProgram, StackError> {
    let file = site.write_file(&format!("{}.conf.py", conf.name), &conf.text()?)?;
    let argv =
        [&*site.python.to_string_lossy(), "-m", "gunicorn", "-c", &*file.to_string_lossy(), application];
    Ok(SupervisedProgram { name: conf.name.clone(), argv: argv.map(str::to_owned).into() })
}

/// The Celery worker: one task at a time, as in compose.
pub(super) fn worker_spec(site: &NativeSite, broker: u16) -> Result<ServiceSpec, StackError> {
    let argv = [&*site.python.to_string_lossy(), "-m", "celery", "--app", "bookstore", "worker"];
    let argv =
        argv.into_iter().chain(["--concurrency", "1", "--loglevel", "INFO"]).map(str::to_owned).collect();
    let programs = vec![SupervisedProgram { name: "worker".to_owned(), argv }];
    let log = site.logs.join("worker.log");
    let what = format!(
        "Celery {} (1 worker) under supervisor {}",
        site.version("Celery"),
        site.version("supervisor")
    );
    let tier = TierInfo { concurrency: Some(1), ..new_tier_info(Tier::Queue, what, Runtime::Python) };
    let supervisor = "supervisord-worker".to_owned();
    let supervised = Supervised { kind: "worker", name: "worker".to_owned(), supervisor, programs };
    let mut spec = supervised.spec(site, vec![log.clone()], tier)?;
    spec.checks = vec![ReadinessCheck::log_contains(&log, " ready.", broker)];
    Ok(spec)
}

/// Programs under one supervisor.
struct Supervised {
    kind: &'static str,
    name: String,
    supervisor: String,
    programs: Vec<SupervisedProgram>,
}

impl Supervised {
    /// The service without its checks and ports.
    fn spec(
        self,
        site: &NativeSite,
        mut diagnostic_logs: Vec<PathBuf>,
        tier: TierInfo,
    ) -> Result<ServiceSpec, StackError> {
        let Self { kind, name, supervisor, programs } = self;
        let conf = SupervisorConf {
            run_dir: site.run_text(),
            app_dir: site.app_text(),
            name: supervisor.clone(),
            user: root_user().map(str::to_owned),
            programs,
        };
        let file = site.write_file(&supervisor_conf_name(&supervisor), &conf.text()?)?;
        let program = site.django_program().args(["-m", "supervisor.supervisord", "-n", "-c"]).arg(file);
        diagnostic_logs.push(site.logs.join(format!("{supervisor}.log")));
        let logs = diagnostic_logs.iter().map(|path| path.display().to_string()).collect();
        let log = site.logs.join(format!("{supervisor}-output.log"));
        let tier = TierInfo { logs, ..tier };
        Ok(ServiceSpec {
            kind,
            name,
            program,
            log,
            diagnostic_logs,
            checks: Vec::new(),
            ports: Vec::new(),
            tier,
        })
    }
}

fn supervisor_conf_name(name: &str) -> String {
    format!("{name}.conf")
}

/// supervisor's client for the supervisor of an app server, still without a command.
pub(super) fn supervisorctl(site: &NativeSite, servers: &ServerSet, index: usize) -> Program {
    let file = supervisor_conf_name(&format!("supervisord{}", servers.suffix(index)));
    site.program(&site.python).args(["-m", "supervisor.supervisorctl", "-c"]).arg(site.run.join(file))
}

fn runserver_spec(site: &NativeSite, port: u16) -> ServiceSpec {
    let listen = format!("127.0.0.1:{port}");
    let program =
        site.django_program().arg(site.app().join("manage.py")).args(["runserver", "--noreload", &listen]);
    let log = site.logs.join("runserver.log");
    let what = format!("Django {} runserver", site.version("Django"));
    let tier = TierInfo {
        url: Some(loopback_url(port, "/")),
        logs: vec![log.display().to_string()],
        ..new_tier_info(Tier::Server, what, Runtime::Python)
    };
    let (kind, name, diagnostic_logs) = ("runserver", "runserver".to_owned(), Vec::new());
    let checks = vec![ReadinessCheck::http(port, "/healthz")];
    ServiceSpec { kind, name, program, log, diagnostic_logs, checks, ports: vec![port], tier }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(generation: u32, ports: &[u16]) -> ServerSet {
        ServerSet { generation, ports: ports.to_vec(), hello: None, over_socket: false }
    }

    #[test]
    fn a_single_server_has_no_number_and_names_are_unique() {
        assert_eq!(set(1, &[1]).service_name(0), "gunicorn");
        assert_eq!(set(1, &[1, 2]).service_name(1), "gunicorn-2");
        assert_eq!(set(2, &[1]).service_name(0), "gunicorn-gen2");
        assert_eq!(set(3, &[1, 2]).service_name(1), "gunicorn-gen3-2");
    }

    #[test]
    fn a_green_server_takes_a_blue_ones_place() {
        let run = Path::new("/run");
        let blue = set(1, &[81, 82]).backends(run);
        let green = set(2, &[91, 92]).backends(run);
        let names = |backends: &[Backend]| backends.iter().map(|b| b.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&blue), names(&green));
        assert_eq!((blue[1].address.as_str(), green[1].address.as_str()), ("127.0.0.1:82", "127.0.0.1:92"));
        let over_socket = ServerSet { over_socket: true, ..set(1, &[81]) };
        assert_eq!(over_socket.backends(run)[0].address, "unix:/run/gunicorn.sock");
    }
}
