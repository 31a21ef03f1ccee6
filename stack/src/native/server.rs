//! The server tier: Django under gunicorn under supervisor, or Django's own development server alone.

use std::fs;
use std::path::PathBuf;

use kneepoint_model::stack::{Runtime, TierInfo};
use kneepoint_model::tier::Tier;
use kneepoint_process::Program;

use super::service::Spec;
use super::up::{Site, url, user};
use crate::StackError;
use crate::render::{GunicornConf, SupervisedProgram, SupervisorConf};
use crate::topology::{ServerKind, Topology};

/// What the site runs on, its configuration written.
pub(super) fn spec(site: &Site, topology: &Topology, port: u16) -> Result<Spec, StackError> {
    match topology.server {
        ServerKind::Gunicorn => gunicorn(site, topology, port),
        ServerKind::Runserver => Ok(runserver(site, port)),
    }
}

fn gunicorn(site: &Site, topology: &Topology, port: u16) -> Result<Spec, StackError> {
    // The socket comes second: whether the server is ready is asked by TCP in any case.
    let by_socket = topology.proxy.as_ref().is_some_and(|proxy| proxy.socket == Some(true));
    let socket = by_socket.then(|| format!("unix:{}", socket_path(site).display()));
    let bind = [format!("127.0.0.1:{port}")].into_iter().chain(socket).collect();
    let (workers, threads, class) =
        (topology.workers_here(), topology.threads.get(), topology.worker_class());
    let (run_dir, app_dir) = (site.run_text(), site.app().to_string_lossy().into_owned());
    let conf = GunicornConf {
        run_dir: run_dir.clone(),
        app_dir: app_dir.clone(),
        bind,
        workers,
        threads,
        name: "gunicorn".to_owned(),
        worker_class: class.to_owned(),
    };
    let gunicorn_conf = write(site, "gunicorn.conf.py", &conf.text()?)?;
    let argv = [&site.python.to_string_lossy(), "-m", "gunicorn", "-c", &gunicorn_conf.to_string_lossy()];
    let argv = argv.into_iter().chain(["bookstore.wsgi:application"]).map(str::to_owned).collect();
    let programs = vec![SupervisedProgram { name: "gunicorn".to_owned(), argv }];
    let name = "supervisord".to_owned();
    let conf = SupervisorConf { run_dir, app_dir, name, user: user().map(str::to_owned), programs };
    let supervisor_conf = write(site, "supervisord.conf", &conf.text()?)?;
    let program = with_switches(site, site.program(&site.python))
        .args(["-m", "supervisor.supervisord", "-n", "-c"])
        .arg(supervisor_conf);
    let threads_each = if threads > 1 { format!(" × {threads} threads") } else { String::new() };
    let what = format!(
        "gunicorn {} ({workers} {class} workers{threads_each}) under supervisor {}",
        site.version("gunicorn"),
        site.version("supervisor")
    );
    let telling = ["gunicorn-error.log", "gunicorn.log", "supervisord.log"].map(|name| site.logs.join(name));
    let log = site.logs.join("supervisord-output.log");
    let tier = tier(what, topology.concurrency(), port, &telling);
    let ready = url(port, "/healthz");
    Ok(Spec { name: "gunicorn", program, log, telling: telling.into(), ready, port, tier })
}

fn runserver(site: &Site, port: u16) -> Spec {
    let program = with_switches(site, site.program(&site.python)).arg(site.app().join("manage.py")).args([
        "runserver",
        "--noreload",
        &format!("127.0.0.1:{port}"),
    ]);
    let log = site.logs.join("runserver.log");
    let what = format!("Django {} runserver", site.version("Django"));
    let tier = tier(what, None, port, std::slice::from_ref(&log));
    Spec { name: "runserver", program, log, telling: Vec::new(), ready: url(port, "/healthz"), port, tier }
}

fn with_switches(site: &Site, program: Program) -> Program {
    let program = program.cwd(site.app());
    let program = site.own.iter().fold(program, |program, (name, value)| program.env(name, value));
    site.switches.iter().fold(program, |program, (name, value)| {
        if crate::mask::is_secret_name(name) {
            program.secret_env(name, value)
        } else {
            program.env(name, value)
        }
    })
}

fn tier(what: String, concurrency: Option<u32>, port: u16, logs: &[PathBuf]) -> TierInfo {
    TierInfo {
        tier: Tier::Server,
        what,
        roots: Vec::new(),
        runtime: Runtime::Python,
        url: Some(url(port, "/")),
        concurrency,
        status_url: None,
        pprof_url: None,
        access_log: None,
        logs: logs.iter().map(|path| path.display().to_string()).collect(),
        instruments: Vec::new(),
        containers: Vec::new(),
    }
}

/// Where gunicorn listens beside its port, when the proxy is to reach it by a Unix socket.
pub(super) fn socket_path(site: &Site) -> PathBuf {
    site.run.join("gunicorn.sock")
}

pub(super) fn write(site: &Site, name: &str, text: &str) -> Result<PathBuf, StackError> {
    let path = site.run.join(name);
    fs::write(&path, text).map_err(StackError::io("write", &path))?;
    Ok(path)
}
