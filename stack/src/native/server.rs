//! The server tier: Django under gunicorn under supervisor, once or several times, or Django's own development server
//! alone; and the queue's worker, which is kept alive in the same way.

use std::fs;
use std::path::{Path, PathBuf};

use kneepoint_model::stack::{Runtime, TierInfo};
use kneepoint_model::tier::Tier;
use kneepoint_process::Program;

use super::ready::Ready;
use super::service::Spec;
use super::stores;
use super::up::{Site, url, user};
use crate::StackError;
use crate::render::{Backend, GunicornConf, SupervisedProgram, SupervisorConf};
use crate::topology::{ServerKind, Topology};

/// A set of identical app servers, and the second site beside them. The first generation is that of `up`; another comes
/// with each blue-green switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerSet {
    pub(super) generation: u32,
    pub(super) ports: Vec<u16>,
    pub(super) hello: Option<u16>,
    /// Whether the proxy reaches them by Unix sockets.
    pub(super) by_socket: bool,
}

impl ServerSet {
    /// What the app server of this index is called: `gunicorn` when it is alone, else `gunicorn-2`.
    pub(super) fn name(&self, index: usize) -> String {
        format!("gunicorn{}", self.suffix(index))
    }

    /// What balancers call it; the same in every generation, since a green server takes a blue one's place.
    pub(super) fn backend(index: usize) -> String {
        format!("app-{}", index + 1)
    }

    fn suffix(&self, index: usize) -> String {
        let generation = if self.generation > 1 { format!("-gen{}", self.generation) } else { String::new() };
        let number = if self.ports.len() > 1 { format!("-{}", index + 1) } else { String::new() };
        generation + &number
    }

    /// Where each app server is reached.
    pub(super) fn backends(&self, run: &Path) -> Vec<Backend> {
        let address = |index: usize, port: &u16| match self.socket(run, index) {
            Some(socket) => format!("unix:{}", socket.display()),
            None => format!("127.0.0.1:{port}"),
        };
        let backend = |(index, port)| Backend { name: Self::backend(index), address: address(index, port) };
        self.ports.iter().enumerate().map(backend).collect()
    }

    /// Where the second site is reached.
    pub(super) fn hello_backend(&self) -> Option<Backend> {
        self.hello.map(|port| Backend { name: "hello".to_owned(), address: format!("127.0.0.1:{port}") })
    }

    /// Its Unix socket, where it is reached by one.
    pub(super) fn socket(&self, run: &Path, index: usize) -> Option<PathBuf> {
        self.by_socket.then(|| run.join(format!("{}.sock", self.name(index))))
    }
}

/// What the site runs on, its configuration written.
pub(super) fn specs(site: &Site, topology: &Topology, set: &ServerSet) -> Result<Vec<Spec>, StackError> {
    match topology.server {
        ServerKind::Gunicorn => {
            (0..set.ports.len()).map(|index| gunicorn(site, topology, set, index)).collect()
        }
        ServerKind::Runserver => Ok(set.ports.iter().map(|port| runserver(site, *port)).collect()),
    }
}

/// One app server. The first of its set also keeps the second site alive.
fn gunicorn(site: &Site, topology: &Topology, set: &ServerSet, index: usize) -> Result<Spec, StackError> {
    let (port, name, suffix) = (set.ports[index], set.name(index), set.suffix(index));
    let socket = set.socket(&site.run, index);
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
    let hello = set.hello.filter(|_| index == 0);
    let hello_name = format!("hello{suffix}");
    let mut programs = vec![program(site, &conf, "bookstore.wsgi:application")?];
    if let Some(port) = hello {
        let settings = ("KNEEPOINT_DJANGO_SETTINGS".to_owned(), "bookstore.settings_hello".to_owned());
        let conf = GunicornConf {
            name: hello_name.clone(),
            bind: vec![format!("127.0.0.1:{port}")],
            workers: 1,
            environment: [settings].into(),
            ..conf
        };
        programs.push(program(site, &conf, "bookstore.wsgi_hello:application")?);
    }
    let threads_each = if threads > 1 { format!(" × {threads} threads") } else { String::new() };
    let second = if hello.is_some() { " with the second site beside it," } else { "" };
    let what = format!(
        "gunicorn {} ({workers} {class} workers{threads_each}){second} under supervisor {}",
        site.version("gunicorn"),
        site.version("supervisor")
    );
    let mut telling =
        vec![site.logs.join(format!("{name}-error.log")), site.logs.join(format!("{name}.log"))];
    telling.extend(hello.map(|_| site.logs.join(format!("{hello_name}-error.log"))));
    let ready = socket
        .as_ref()
        .map_or_else(|| Ready::http(port, "/healthz"), |socket| Ready::http_by_socket(socket, "/healthz"));
    let hello_ready = hello.map(|port| Ready::http_as(port, "/healthz", "hello.localhost"));
    let concurrency = u32::from(workers) * u32::from(threads);
    let tier = TierInfo {
        url: socket.is_none().then(|| url(port, "/")),
        concurrency: Some(concurrency),
        ..stores::tier(Tier::Server, what, Runtime::Python)
    };
    let supervised =
        Supervised { kind: "gunicorn", name, supervisor: format!("supervisord{suffix}"), programs };
    let mut spec = supervised.spec(site, telling, tier)?;
    spec.ready = [ready].into_iter().chain(hello_ready).collect();
    spec.ports = [port].into_iter().chain(hello).collect();
    Ok(spec)
}

fn program(site: &Site, conf: &GunicornConf, application: &str) -> Result<SupervisedProgram, StackError> {
    let file = write(site, &format!("{}.conf.py", conf.name), &conf.text()?)?;
    let argv =
        [&*site.python.to_string_lossy(), "-m", "gunicorn", "-c", &*file.to_string_lossy(), application];
    Ok(SupervisedProgram { name: conf.name.clone(), argv: argv.map(str::to_owned).into() })
}

/// The queue's worker: one task at a time, as in compose.
pub(super) fn worker(site: &Site, broker: u16) -> Result<Spec, StackError> {
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
    let tier = TierInfo { concurrency: Some(1), ..stores::tier(Tier::Queue, what, Runtime::Python) };
    let supervisor = "supervisord-worker".to_owned();
    let supervised = Supervised { kind: "worker", name: "worker".to_owned(), supervisor, programs };
    let mut spec = supervised.spec(site, vec![log.clone()], tier)?;
    spec.ready = vec![Ready::says(&log, " ready.", broker)];
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
    /// The service but for its questions and ports.
    fn spec(self, site: &Site, mut telling: Vec<PathBuf>, tier: TierInfo) -> Result<Spec, StackError> {
        let Self { kind, name, supervisor, programs } = self;
        let conf = SupervisorConf {
            run_dir: site.run_text(),
            app_dir: site.app_text(),
            name: supervisor.clone(),
            user: user().map(str::to_owned),
            programs,
        };
        let file = write(site, &supervisor_file(&supervisor), &conf.text()?)?;
        let program = with_switches(site, site.program(&site.python))
            .args(["-m", "supervisor.supervisord", "-n", "-c"])
            .arg(file);
        telling.push(site.logs.join(format!("{supervisor}.log")));
        let logs = telling.iter().map(|path| path.display().to_string()).collect();
        let log = site.logs.join(format!("{supervisor}-output.log"));
        let tier = TierInfo { logs, ..tier };
        Ok(Spec { kind, name, program, log, telling, ready: Vec::new(), ports: Vec::new(), tier })
    }
}

/// The configuration of the supervisor of this name.
fn supervisor_file(name: &str) -> String {
    format!("{name}.conf")
}

/// supervisor's own client, for the supervisor of an app server; commands are added.
pub(super) fn supervisorctl(site: &Site, set: &ServerSet, index: usize) -> Program {
    let file = supervisor_file(&format!("supervisord{}", set.suffix(index)));
    site.program(&site.python).args(["-m", "supervisor.supervisorctl", "-c"]).arg(site.run.join(file))
}

fn runserver(site: &Site, port: u16) -> Spec {
    let listen = format!("127.0.0.1:{port}");
    let program = with_switches(site, site.program(&site.python)).arg(site.app().join("manage.py")).args([
        "runserver",
        "--noreload",
        &listen,
    ]);
    let log = site.logs.join("runserver.log");
    let what = format!("Django {} runserver", site.version("Django"));
    let tier = TierInfo {
        url: Some(url(port, "/")),
        logs: vec![log.display().to_string()],
        ..stores::tier(Tier::Server, what, Runtime::Python)
    };
    let (kind, name, telling) = ("runserver", "runserver".to_owned(), Vec::new());
    let ready = vec![Ready::http(port, "/healthz")];
    Spec { kind, name, program, log, telling, ready, ports: vec![port], tier }
}

/// In the site's folder, with all variables of the site.
pub(super) fn with_switches(site: &Site, program: Program) -> Program {
    let program = program.cwd(site.app());
    let program = site.own.iter().fold(program, |program, (name, value)| program.env(name, value));
    site.switches.iter().fold(program, |program, (name, value)| {
        if kneepoint_model::secret::is_secret(name) {
            program.secret_env(name, value)
        } else {
            program.env(name, value)
        }
    })
}

pub(super) fn write(site: &Site, name: &str, text: &str) -> Result<PathBuf, StackError> {
    let path = site.run.join(name);
    fs::write(&path, text).map_err(StackError::io("write", &path))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(generation: u32, ports: &[u16]) -> ServerSet {
        ServerSet { generation, ports: ports.to_vec(), hello: None, by_socket: false }
    }

    #[test]
    fn a_server_alone_has_no_number_and_no_two_have_one_name() {
        assert_eq!(set(1, &[1]).name(0), "gunicorn");
        assert_eq!(set(1, &[1, 2]).name(1), "gunicorn-2");
        assert_eq!(set(2, &[1]).name(0), "gunicorn-gen2");
        assert_eq!(set(3, &[1, 2]).name(1), "gunicorn-gen3-2");
    }

    #[test]
    fn a_green_server_takes_a_blue_ones_place() {
        let run = Path::new("/run");
        let blue = set(1, &[81, 82]).backends(run);
        let green = set(2, &[91, 92]).backends(run);
        let names = |backends: &[Backend]| backends.iter().map(|b| b.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&blue), names(&green));
        assert_eq!((blue[1].address.as_str(), green[1].address.as_str()), ("127.0.0.1:82", "127.0.0.1:92"));
        let by_socket = ServerSet { by_socket: true, ..set(1, &[81]) };
        assert_eq!(by_socket.backends(run)[0].address, "unix:/run/gunicorn.sock");
    }
}
