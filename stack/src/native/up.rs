//! Brings a prepared stack up: from its data and packages to services that respond.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::run::{FORMAT_VERSION, names};
use kneepoint_model::stack::{Driver, StackInfo};
use kneepoint_model::stage::Stage;
use kneepoint_model::units::Bytes;

use super::home::NativeHome;
use super::media::{publish_media, restore_media};
use super::plan::NativePlan;
use super::record::NativeRecord;
use super::recorded::clean_up_stale;
use super::required_services::{RequiredServices, effective_cache};
use super::running::NativeStack;
use super::service_specs::Blueprint;
use super::site::{NativeSite, loopback_url};
use super::site_env::SiteEnv;
use super::tools::Tools;
use super::wait::{is_port_conflict, wait_until_ready};
use crate::error::StackError;
use crate::host::folder::log_path;
use crate::host::folder::{self, plain_path};
use crate::host::http::HttpClient;
use crate::host::ports::{self, HeldPorts};
use crate::host::{disk, lock};
use crate::prepare::{NativePrepared, venv};
use crate::switches::{merge_switches, public_switches};
use crate::topology::Database;

/// How long to wait for another kneepoint that brings a stack up or down in the same folder.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);
/// How often the stack is tried on other ports when a port was taken meanwhile.
const MAX_ATTEMPTS: u32 = 3;

/// Brings the stack up and waits until every tier responds. Blocks; on any failure nothing keeps running.
///
/// # Errors
/// `AlreadyUp`, `PortTaken`, `ToolMissing` (a program that the topology needs), `Start`, `NotReady` with the
/// end of the responsible log, `Cancelled`.
pub fn up(
    plan: &NativePlan,
    prepared: &NativePrepared,
    cancel: &Cancel,
    events: &dyn EventSink,
) -> Result<NativeStack, StackError> {
    let switches = merge_switches(&plan.topology.env, &plan.env)?;
    let services = RequiredServices::for_topology(&plan.topology, &switches);
    check_prepared(plan, prepared, services)?;
    let home = NativeHome::for_slot(&prepared.root, plan.slot.as_deref());
    home.create()?;
    let _lock = lock::take(&home.lock_file(), LOCK_TIMEOUT, cancel, &mut || {
        events.note(Stage::Up, "waiting for another kneepoint that works in the same folder");
    })?;
    clean_up_stale(&home, events)?;
    let tools = Tools::locate(services, cancel)?;
    let context = UpAttempt { plan, prepared, services, tools: &tools, switches, cancel, events };
    for _ in 1..MAX_ATTEMPTS {
        match context.try_up() {
            Err(StackError::NotReady(failure)) if !plan.ports.fixed && is_port_conflict(&failure) => {
                let service = failure.service;
                let note = format!("the port of {service} was taken meanwhile; retrying on other ports");
                events.note(Stage::Up, &note);
            }
            other => return other,
        }
    }
    context.try_up()
}

/// Refuses data and packages that were prepared for another topology.
fn check_prepared(
    plan: &NativePlan,
    prepared: &NativePrepared,
    services: RequiredServices,
) -> Result<(), StackError> {
    let fault = |why: &str| Err(StackError::System { what: "bringing the stack up", why: why.to_owned() });
    let wanted = plan.topology.db.unwrap_or(Database::Sqlite);
    let setting = prepared.db.as_ref().map_or("sqlite", crate::db::DbServer::setting);
    if setting != wanted.setting() {
        return fault(
            "the data were prepared for another database; prepare with `PrepareNeeds::for_topology` of this topology",
        );
    }
    if (services.queue || services.objects) && !prepared.versions.contains_key("Celery") {
        return fault(
            "the packages were prepared for another topology; prepare with `PrepareNeeds::for_topology` of this one",
        );
    }
    if services.objects && plan.objects.is_none() {
        return fault("the topology has an object store, but the plan has no command for it");
    }
    Ok(())
}

/// What every attempt needs.
struct UpAttempt<'a> {
    plan: &'a NativePlan,
    prepared: &'a NativePrepared,
    services: RequiredServices,
    tools: &'a Tools,
    switches: BTreeMap<String, String>,
    cancel: &'a Cancel,
    events: &'a dyn EventSink,
}

impl UpAttempt<'_> {
    /// One attempt, on ports that are free now.
    fn try_up(&self) -> Result<NativeStack, StackError> {
        let Self { plan, cancel, events, .. } = *self;
        let home = NativeHome::for_slot(&self.prepared.root, plan.slot.as_deref());
        home.clear(None)?;
        let with_engine = plan.topology.engine && plan.engine.is_some();
        let mut held = ports::hold(plan.ports, self.services.port_request(&plan.topology, with_engine))?;
        let site = self.lay_out_site(&home, &held)?;
        let alias = (site.run != home.run_dir()).then(|| site.run.clone());
        let record = NativeRecord::new(&plan.topology.name, plan.lifetime, held.ports.clone(), alias);
        let mut running = NativeStack::begin(home, record, self.info(&site, &held), plan)?;
        let assembled = self.blueprint().assemble(&site, &held.ports)?;
        if self.services.objects {
            restore_media(&site, &self.prepared.root, &self.prepared.data)?;
        }
        let total = Some(assembled.specs.len() as u64);
        for spec in assembled.specs {
            if cancel.is_cancelled() {
                return Err(StackError::Cancelled);
            }
            spec.ports.iter().for_each(|port| held.release(*port));
            running.start(spec)?;
        }
        let client = HttpClient::new()?;
        for (done, service) in running.services().iter().enumerate() {
            events.progress(Stage::Up, done as u64, total, &format!("waiting for {}", service.name));
            wait_until_ready(&client, service, cancel)?;
        }
        if self.services.objects {
            publish_media(&site, &self.prepared.root, &self.prepared.data, cancel, events)?;
        }
        running.complete(assembled.live)?;
        events.note(Stage::Up, &format!("the site responds at {}", running.info().base_url));
        Ok(running)
    }

    fn blueprint(&self) -> Blueprint<'_> {
        let db = self.prepared.db.as_ref();
        Blueprint { plan: self.plan, services: self.services, tools: self.tools, db }
    }

    /// Copies the data and creates the folders.
    fn lay_out_site(&self, home: &NativeHome, held: &HeldPorts) -> Result<NativeSite, StackError> {
        let Self { plan, prepared, .. } = *self;
        let data_size = folder::size(&prepared.data);
        disk::require(&prepared.root, Bytes(64 << 20) + Bytes(2 * data_size))?;
        let logs = plan.logs.clone().unwrap_or_else(|| home.logs_dir());
        if plan.logs.is_none() {
            folder::remove(&logs)?;
        }
        fs::create_dir_all(&logs).map_err(StackError::io("create the folder", &logs))?;
        let logs = logs.canonicalize().map_err(StackError::io("find", &logs))?;
        self.copy_data(&home.run_dir().join("data"), Bytes(data_size))?;
        link(&logs, &home.run_dir().join("logs"))?;
        // Last, so that nothing can fail between creating the link and the record that names it.
        let (run, _) = plain_path(&home.run_dir())?;
        let data = run.join("data");
        let driver_env = SiteEnv {
            stack: &prepared.stack,
            data: &data,
            statements: &log_path(&logs, names::STATEMENTS),
            ports: &held.ports,
            db: prepared.db.as_ref(),
            c_driver: prepared.versions.contains_key(venv::C_DRIVER),
            cache: effective_cache(&plan.topology, &self.switches),
            queue: self.services.queue,
        }
        .variables();
        Ok(NativeSite {
            run,
            data,
            logs,
            stack: prepared.stack.clone(),
            python: prepared.python(),
            driver_env,
            switches: self.switches.clone(),
            versions: prepared.versions.clone(),
        })
    }

    /// Copies the data for this stack; how long it took is noted for a database server, whose data are large.
    fn copy_data(&self, to: &Path, size: Bytes) -> Result<(), StackError> {
        let began = Instant::now();
        folder::copy(&self.prepared.data, to)?;
        if self.prepared.db.is_some() {
            let seconds = began.elapsed().as_secs_f64();
            self.events.note(Stage::Up, &format!("copied {size} of data in {seconds:.1} s"));
        }
        Ok(())
    }

    fn info(&self, site: &NativeSite, held: &HeldPorts) -> StackInfo {
        let mut versions = site.versions.clone();
        versions.extend(self.tools.versions());
        let db = self.prepared.db.as_ref();
        versions.extend(db.map(|server| (server.name().to_owned(), server.version.clone())));
        StackInfo {
            format_version: FORMAT_VERSION,
            driver: Driver::Native,
            topology: self.plan.topology.name.clone(),
            base_url: loopback_url(held.ports.site, "/"),
            host_header: None,
            via: kneepoint_model::via::Via::default(),
            tiers: Vec::new(),
            toggles: public_switches(&site.switches),
            versions,
            statements: Some(log_path(&site.logs, names::STATEMENTS).display().to_string()),
            throw_away: true,
        }
    }
}

fn link(target: &Path, at: &Path) -> Result<(), StackError> {
    symlink(target, at).map_err(StackError::io("create the link", at))
}
