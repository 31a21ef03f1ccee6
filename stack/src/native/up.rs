//! Brings the stack up: from a prepared stack to services that answer.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::run::FORMAT_VERSION;
use kneepoint_model::stack::{Driver, StackInfo};
use kneepoint_model::stage::Stage;
use kneepoint_model::units::Bytes;
use kneepoint_process::Program;
use url::Url;

use super::home::{Home, plain_path};
use super::recorded::clear_way;
use super::running::RunningStack;
use super::state::State;
use super::switches::{self, Own};
use super::tools::Tools;
use super::wanted::{Services, shared_cache};
use super::{UpPlan, assemble, media, ready};
use crate::ask::Asker;
use crate::ports::HeldPorts;
use crate::prepare::Prepared;
use crate::topology::Database;
use crate::{StackError, disk, folder, lock, ports, venv};

/// How long another kneepoint may take to bring its stack up or down under the same root.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often to try again when somebody takes a port that was free a moment ago.
const ATTEMPTS: u32 = 3;
/// What services inherit of our environment: nothing that could change what is measured.
const INHERITED: [&str; 6] = ["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LD_LIBRARY_PATH"];

/// What the tiers need to know of the site as it is laid out.
#[derive(Debug, Clone)]
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

    pub(super) fn app_text(&self) -> String {
        self.app().to_string_lossy().into_owned()
    }

    /// Where the object store keeps its buckets.
    pub(super) fn objects(&self) -> PathBuf {
        self.run.join("objects")
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

/// Whom services run as that would else choose a user of their own: root stays root, since only it can read its own
/// project folder.
pub(super) fn user() -> Option<&'static str> {
    rustix::process::geteuid().is_root().then_some("root")
}

/// Brings the stack up and waits until every tier answers. Blocks; on any failure nothing is left running.
///
/// # Errors
/// `AlreadyUp`, `PortTaken`, `ToolMissing` (what the topology needs and this machine lacks), `Start`, `NotReady` with the
/// end of the responsible log, `Cancelled`.
pub fn up(
    plan: &UpPlan,
    prepared: &Prepared,
    cancel: &Cancel,
    events: &dyn EventSink,
) -> Result<RunningStack, StackError> {
    let switches = switches::merge(&plan.topology.env, &plan.env)?;
    let services = Services::of(&plan.topology, &switches);
    fits(plan, prepared, services)?;
    let home = Home::slot(&prepared.root, plan.slot.as_deref());
    home.make()?;
    let _lock = lock::take(&home.lock(), PATIENCE, cancel, &mut || {
        events.note(Stage::Up, "waiting for another kneepoint under the same folder");
    })?;
    clear_way(&home, events)?;
    let tools = Tools::locate(services, cancel)?;
    let start = Start { plan, prepared, services, tools: &tools, switches, cancel, events };
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

/// Whether what was prepared is what this topology needs.
fn fits(plan: &UpPlan, prepared: &Prepared, services: Services) -> Result<(), StackError> {
    let fault = |why: &str| Err(StackError::System { what: "bringing the stack up", why: why.to_owned() });
    let wanted = plan.topology.db.unwrap_or(Database::Sqlite);
    let setting = prepared.db.as_ref().map_or("sqlite", crate::db::DbServer::setting);
    if setting != wanted.setting() {
        return fault("the data were prepared for another database: prepare with `Needs::of` this topology");
    }
    if (services.queue || services.objects) && !prepared.versions.contains_key("Celery") {
        return fault("the packages were prepared for another topology: prepare with `Needs::of` this one");
    }
    if services.objects && plan.objects.is_none() {
        return fault("the topology has an object store, and no command was given that runs one");
    }
    Ok(())
}

/// All that an attempt needs.
pub(super) struct Start<'a> {
    pub(super) plan: &'a UpPlan,
    pub(super) prepared: &'a Prepared,
    pub(super) services: Services,
    pub(super) tools: &'a Tools,
    switches: BTreeMap<String, String>,
    cancel: &'a Cancel,
    events: &'a dyn EventSink,
}

impl Start<'_> {
    /// Brings the stack up on ports that are free now.
    fn attempt(&self) -> Result<RunningStack, StackError> {
        let Self { plan, cancel, events, .. } = *self;
        let home = Home::slot(&self.prepared.root, plan.slot.as_deref());
        home.clear(None)?;
        let with_engine = plan.topology.engine && plan.engine.is_some();
        let mut held = ports::hold(plan.ports, self.services.ports(&plan.topology, with_engine))?;
        let site = self.lay_out(&home, &held)?;
        let alias = (site.run != home.run()).then(|| site.run.clone());
        let state = State::begin(&plan.topology.name, plan.lifetime, held.ports.clone(), alias);
        let mut running = RunningStack::begin(home, state, self.info(&site, &held), plan)?;
        let assembled = assemble::all(self, &site, &held.ports)?;
        if self.services.objects {
            media::restore(&site, &self.prepared.root, &self.prepared.data)?;
        }
        let total = Some(assembled.specs.len() as u64);
        for spec in assembled.specs {
            if cancel.is_cancelled() {
                return Err(StackError::Cancelled);
            }
            spec.ports.iter().for_each(|port| held.release(*port));
            running.start(spec)?;
        }
        let asker = Asker::new()?;
        for (done, service) in running.services().iter().enumerate() {
            events.progress(Stage::Up, done as u64, total, &format!("waiting for {}", service.name));
            ready::wait(&asker, service, cancel)?;
        }
        if self.services.objects {
            media::publish(&site, &self.prepared.root, &self.prepared.data, cancel, events)?;
        }
        running.complete(assembled.live)?;
        events.note(Stage::Up, &format!("the site answers at {}", running.info().base_url));
        Ok(running)
    }

    /// Copies the data and makes the folders.
    fn lay_out(&self, home: &Home, held: &HeldPorts) -> Result<Site, StackError> {
        let Self { plan, prepared, .. } = *self;
        let data_size = folder::size(&prepared.data);
        disk::require(&prepared.root, Bytes(64 << 20) + Bytes(2 * data_size))?;
        let logs = plan.logs.clone().unwrap_or_else(|| home.logs());
        if plan.logs.is_none() {
            folder::remove(&logs)?;
        }
        fs::create_dir_all(&logs).map_err(StackError::io("make the folder", &logs))?;
        let logs = logs.canonicalize().map_err(StackError::io("find", &logs))?;
        self.copy_data(&home.run().join("data"), Bytes(data_size))?;
        link(&logs, &home.run().join("logs"))?;
        // Last, so that nothing can fail between the making of the link and the record that names it.
        let (run, _) = plain_path(&home.run())?;
        let data = run.join("data");
        let own = Own {
            stack: &prepared.stack,
            data: &data,
            statements: &logs.join("statements.jsonl"),
            ports: &held.ports,
            db: prepared.db.as_ref(),
            c_driver: prepared.versions.contains_key(venv::C_DRIVER),
            cache: shared_cache(&plan.topology, &self.switches),
            queue: self.services.queue,
        }
        .variables();
        Ok(Site {
            run,
            data,
            logs,
            stack: prepared.stack.clone(),
            python: prepared.python(),
            own,
            switches: self.switches.clone(),
            versions: prepared.versions.clone(),
        })
    }

    /// The stack's own copy; a database server's is large enough for its time to be told.
    fn copy_data(&self, to: &Path, size: Bytes) -> Result<(), StackError> {
        let began = Instant::now();
        folder::copy(&self.prepared.data, to)?;
        if self.prepared.db.is_some() {
            let seconds = began.elapsed().as_secs_f64();
            self.events.note(Stage::Up, &format!("{size} of data copied in {seconds:.1} s"));
        }
        Ok(())
    }

    fn info(&self, site: &Site, held: &HeldPorts) -> StackInfo {
        let mut versions = site.versions.clone();
        versions.extend(self.tools.versions());
        let db = self.prepared.db.as_ref();
        versions.extend(db.map(|server| (server.name().to_owned(), server.version.clone())));
        StackInfo {
            format_version: FORMAT_VERSION,
            driver: Driver::Native,
            topology: self.plan.topology.name.clone(),
            base_url: url(held.ports.site, "/"),
            host_header: None,
            via: kneepoint_model::via::Via::default(),
            tiers: Vec::new(),
            toggles: switches::shown(&site.switches),
            versions,
            statements: Some(site.logs.join("statements.jsonl").display().to_string()),
            throw_away: true,
        }
    }
}

fn link(target: &Path, at: &Path) -> Result<(), StackError> {
    symlink(target, at).map_err(StackError::io("make the link", at))
}
