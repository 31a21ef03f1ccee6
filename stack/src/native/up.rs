//! Brings the stack up: from a prepared stack to services that answer.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::{EventSink, Stage};
use kneepoint_model::run::FORMAT_VERSION;
use kneepoint_model::stack::{Driver, StackInfo};
use kneepoint_process::Program;
use url::Url;

use super::home::{Home, plain_path};
use super::proxy::Nginx;
use super::recorded::clear_way;
use super::running::RunningStack;
use super::service::Spec;
use super::state::State;
use super::switches::{self, Own};
use super::{UpPlan, engine, proxy, ready, server};
use crate::ask::Asker;
use crate::ports::HeldPorts;
use crate::prepare::Prepared;
use crate::{StackError, disk, folder, lock, ports};

/// How long another kneepoint may take to bring its stack up or down under the same root.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often to try again when somebody takes a port that was free a moment ago.
const ATTEMPTS: u32 = 3;
/// What services inherit of our environment: nothing that could change what is measured.
const INHERITED: [&str; 6] = ["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LD_LIBRARY_PATH"];

/// What the tiers need to know of the site as it is laid out.
pub(super) struct Site {
    /// Short and plain path of the run folder.
    pub(super) run: PathBuf,
    pub(super) logs: PathBuf,
    /// This stack's own copy of the data.
    pub(super) data: PathBuf,
    pub(super) stack: PathBuf,
    pub(super) python: PathBuf,
    pub(super) own: BTreeMap<String, String>,
    pub(super) switches: BTreeMap<String, String>,
    versions: BTreeMap<String, String>,
}

impl Site {
    pub(super) fn run_text(&self) -> String {
        self.run.to_string_lossy().into_owned()
    }

    pub(super) fn app(&self) -> PathBuf {
        self.stack.join("bookstore")
    }

    pub(super) fn version(&self, name: &str) -> &str {
        self.versions.get(name).map_or("of unknown version", String::as_str)
    }

    /// A program with a small, known environment.
    pub(super) fn program(&self, executable: impl AsRef<OsStr>) -> Program {
        let program = Program::new(executable).env_clear().env("LANG", "C.UTF-8").cwd(&self.run);
        let inherited = INHERITED.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        inherited.fold(program, |program, (name, value)| program.env(name, value))
    }
}

/// An address of this stack.
pub(super) fn url(port: u16, path: &str) -> Url {
    Url::parse(&format!("http://127.0.0.1:{port}{path}")).expect("a loopback address with a path is a URL")
}

/// Whom nginx's workers and supervisor run as: root stays root, since only it can read its own project folder.
pub(super) fn user() -> Option<&'static str> {
    rustix::process::geteuid().is_root().then_some("root")
}

/// Brings the stack up and waits until every tier answers. Blocks; on any failure nothing is left running.
///
/// # Errors
/// `AlreadyUp`, `PortTaken`, `ToolMissing` (nginx), `Start`, `NotReady` with the end of the responsible log, `Cancelled`.
pub fn up(
    plan: &UpPlan,
    prepared: &Prepared,
    cancel: &Cancel,
    events: &dyn EventSink,
) -> Result<RunningStack, StackError> {
    let switches = switches::merge(&plan.topology.env, &plan.env)?;
    let home = Home::slot(&prepared.root, plan.slot.as_deref());
    home.make()?;
    let _lock = lock::take(&home.lock(), PATIENCE, cancel, &mut || {
        events.note(Stage::Up, "waiting for another kneepoint under the same folder");
    })?;
    clear_way(&home, events)?;
    let nginx = plan.topology.proxy.as_ref().map(|_| proxy::locate(cancel)).transpose()?;
    let start = Start { plan, prepared, nginx: nginx.as_ref(), switches, cancel, events };
    for _ in 1..ATTEMPTS {
        match start.attempt() {
            Err(StackError::NotReady(trouble)) if !plan.ports.fixed && ready::lost_its_port(&trouble) => {
                let service = trouble.service;
                events.note(Stage::Up, &format!("{service} came too late to its port; trying with others"));
            }
            other => return other,
        }
    }
    start.attempt()
}

/// All that an attempt needs.
struct Start<'a> {
    plan: &'a UpPlan,
    prepared: &'a Prepared,
    nginx: Option<&'a Nginx>,
    switches: BTreeMap<String, String>,
    cancel: &'a Cancel,
    events: &'a dyn EventSink,
}

impl Start<'_> {
    /// Brings the stack up on ports that are free now.
    fn attempt(&self) -> Result<RunningStack, StackError> {
        let Self { plan, nginx, cancel, events, .. } = *self;
        let home = Home::slot(&self.prepared.root, plan.slot.as_deref());
        home.clear(None)?;
        let with_engine = plan.topology.engine && plan.engine.is_some();
        let mut held = ports::hold(plan.ports, nginx.is_some(), with_engine)?;
        let site = lay_out(plan, self.prepared, &home, &held, self.switches.clone())?;
        let alias = (site.run != home.run()).then(|| site.run.clone());
        let state = State::begin(&plan.topology.name, plan.lifetime, held.ports, alias);
        let mut running = RunningStack::begin(home, state, info(plan, &site, &held, nginx), plan)?;
        let specs = specs(plan, &site, &held, nginx)?;
        let total = Some(specs.len() as u64);
        for spec in specs {
            if cancel.is_set() {
                return Err(StackError::Cancelled);
            }
            held.release(spec.port);
            running.start(spec)?;
        }
        let asker = Asker::new()?;
        for (done, service) in running.services().iter().enumerate() {
            events.progress(Stage::Up, done as u64, total, &format!("waiting for {}", service.name));
            ready::wait(&asker, service, cancel)?;
        }
        running.complete()?;
        events.note(Stage::Up, &format!("the site answers at {}", running.info().base_url));
        Ok(running)
    }
}

/// Copies the data and makes the folders.
fn lay_out(
    plan: &UpPlan,
    prepared: &Prepared,
    home: &Home,
    held: &HeldPorts,
    switches: BTreeMap<String, String>,
) -> Result<Site, StackError> {
    let needed = kneepoint_model::units::Bytes(64 << 20)
        + kneepoint_model::units::Bytes(2 * folder::size(&prepared.data));
    disk::require(&prepared.root, needed)?;
    let logs = plan.logs.clone().unwrap_or_else(|| home.logs());
    if plan.logs.is_none() {
        folder::remove(&logs)?;
    }
    fs::create_dir_all(&logs).map_err(StackError::io("make the folder", &logs))?;
    let logs = logs.canonicalize().map_err(StackError::io("find", &logs))?;
    folder::copy(&prepared.data, &home.run().join("data"))?;
    link(&logs, &home.run().join("logs"))?;
    // Last, so that nothing can fail between the making of the link and the record that names it.
    let (run, _) = plain_path(&home.run())?;
    let data = run.join("data");
    let engine_port = held.ports.engine;
    let own = Own {
        stack: &prepared.stack,
        data: &data,
        statements: &logs.join("statements.jsonl"),
        engine_url: engine_port.map(|port| format!("http://127.0.0.1:{port}")),
    }
    .variables();
    Ok(Site {
        run,
        data,
        logs,
        stack: prepared.stack.clone(),
        python: prepared.python(),
        own,
        switches,
        versions: prepared.versions.clone(),
    })
}

fn link(target: &Path, at: &Path) -> Result<(), StackError> {
    symlink(target, at).map_err(StackError::io("make the link", at))
}

/// What is to be started, in the order in which one needs the other.
fn specs(
    plan: &UpPlan,
    site: &Site,
    held: &HeldPorts,
    nginx: Option<&Nginx>,
) -> Result<Vec<Spec>, StackError> {
    let ports = held.ports;
    let engine_spec =
        ports.engine.zip(plan.engine.as_ref()).and_then(|(port, command)| engine::spec(site, command, port));
    let server_spec = server::spec(site, &plan.topology, ports.server)?;
    let proxy_spec = match (&plan.topology.proxy, nginx) {
        (Some(settings), Some(nginx)) => Some(proxy::spec(site, settings, nginx, ports)?),
        _ => None,
    };
    Ok(engine_spec.into_iter().chain([server_spec]).chain(proxy_spec).collect())
}

fn info(plan: &UpPlan, site: &Site, held: &HeldPorts, nginx: Option<&Nginx>) -> StackInfo {
    let mut versions = site.versions.clone();
    versions.extend(nginx.map(|nginx| ("nginx".to_owned(), nginx.version.clone())));
    StackInfo {
        format_version: FORMAT_VERSION,
        driver: Driver::Native,
        topology: plan.topology.name.clone(),
        base_url: url(held.ports.site, "/"),
        host_header: None,
        tiers: Vec::new(),
        toggles: switches::shown(&site.switches),
        versions,
        statements: Some(site.logs.join("statements.jsonl").display().to_string()),
        throw_away: true,
    }
}
