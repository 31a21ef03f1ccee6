//! Brings a prepared stack up: fresh volumes from the snapshot, cgroups of machines, and containers in dependency order, each
//! ready when it has responded to a real request. Any failure takes everything down again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stage::Stage;
use kneepoint_model::units::Bytes;
use kneepoint_process::Lifetime;

use super::base::BaseImage;
use super::cgroup::{self, CgroupTrees};
use super::conf::TierConfig;
use super::docker::{self, ComposeInvocation};
use super::home::ComposeHome;
use super::layout;
use super::machines::{HostAccess, Machines};
use super::override_file::OverrideFile;
use super::plan::ComposePlan;
use super::ports::{self, PublishedPorts};
use super::prepared::ComposePrepared;
use super::record::ComposeRecord;
use super::recorded::clean_up_stale;
use super::running::ComposeStack;
use super::service::{
    ComposeService, database_of, entry_service, required_services, start_order, with_spare_server,
};
use super::variables::{SiteVariables, site_variables};
use super::volumes;
use crate::error::StackError;
use crate::host::{disk, folder, lock};
use crate::owner::write_record;
use crate::rollout::NGINX_KEEPS_IDLE;
use crate::version::is_at_least;
use crate::watchdog::watchdog_error;

/// How long to wait for another kneepoint that brings a stack up or down in the same folder.
const LOCK_TIMEOUT: Duration = Duration::from_mins(1);
/// How often the stack is tried on other ports when a port was taken meanwhile.
const MAX_ATTEMPTS: u32 = 3;
/// Timeout for creating and starting one group of containers.
const START_TIMEOUT: Duration = Duration::from_mins(3);

/// Brings the stack up and waits until every tier responds. Blocks; on any failure nothing keeps running.
///
/// # Errors
/// `AlreadyUp`, `BadTopology`, `PortTaken`, `DiskFull`, `Step` (compose), `NotReady` with the end of the responsible log,
/// `Cancelled`, and errors of the daemon.
pub fn up(
    plan: &ComposePlan,
    prepared: &ComposePrepared,
    cancel: &Cancel,
    events: &dyn EventSink,
) -> Result<ComposeStack, StackError> {
    let services = required_services(&plan.topology)?;
    let variables = site_variables(&plan.topology, &plan.env, &services)?;
    let home = ComposeHome::for_slot(&prepared.root, plan.slot.as_deref());
    home.create()?;
    let _lock = lock::take(&home.lock_file(), LOCK_TIMEOUT, cancel, &mut || {
        events.note(Stage::Up, "waiting for another kneepoint that works in the same folder");
    })?;
    clean_up_stale(&prepared.docker, &home, events)?;
    let context =
        UpContext { plan, prepared, home: &home, services: &services, variables: &variables, cancel, events };
    for _ in 1..MAX_ATTEMPTS {
        match context.try_up() {
            Err(StackError::Step { source, .. })
                if !plan.ports.fixed && ports::is_port_conflict(&source.to_string()) =>
            {
                events.note(Stage::Up, "a port was taken meanwhile; retrying on other ports");
            }
            other => return other,
        }
    }
    context.try_up()
}

/// What every attempt needs.
struct UpContext<'a> {
    plan: &'a ComposePlan,
    prepared: &'a ComposePrepared,
    home: &'a ComposeHome,
    services: &'a [ComposeService],
    variables: &'a SiteVariables,
    cancel: &'a Cancel,
    events: &'a dyn EventSink,
}

impl UpContext<'_> {
    fn try_up(&self) -> Result<ComposeStack, StackError> {
        let (plan, prepared) = (self.plan, self.prepared);
        let snapshot = prepared.snapshot(database_of(&plan.topology)?)?;
        disk::require(&prepared.root, Bytes(64 << 20) + Bytes(2 * folder::size(snapshot)))?;
        // Includes the second app server that a blue-green switch may start later.
        let known = with_spare_server(self.services, &plan.topology);
        let held = PublishedPorts::reserve(plan.ports, entry_service(self.services), &known)?;
        let logs = self.prepare_logs()?;
        let mut stack = self.begin(&logs, held)?;
        let machines = self.create_machines()?;
        stack.layout = Some(self.write_layout(&stack, &known, &machines)?);
        volumes::create_volumes(&prepared.docker, self.home.project(), self.cancel)?;
        self.events.progress(Stage::Up, 0, None, "restoring the data");
        volumes::restore(&prepared.docker, self.home.project(), snapshot, self.debian_image(), self.cancel)?;
        let total = Some(self.services.len() as u64);
        let mut done = 0;
        for group in start_order(self.services) {
            stack.held.release(&group);
            self.events.progress(
                Stage::Up,
                done,
                total,
                &format!("starting {}", service_names(&group).join(", ")),
            );
            stack.start(&group, self.cancel)?;
            for service in group {
                self.events.progress(Stage::Up, done, total, &format!("waiting for {}", service.name()));
                stack.waiter(self.cancel).wait_until_ready(service)?;
                done += 1;
            }
        }
        self.complete(&mut stack, &machines)?;
        self.events.note(Stage::Up, &format!("the site responds at {}", stack.info().base_url));
        Ok(stack)
    }

    fn prepare_logs(&self) -> Result<PathBuf, StackError> {
        let logs = self.plan.logs.clone().unwrap_or_else(|| self.home.logs_dir());
        if self.plan.logs.is_none() {
            folder::remove(&logs)?;
        }
        fs::create_dir_all(&logs).map_err(StackError::io("create the folder", &logs))?;
        logs.canonicalize().map_err(StackError::io("find", &logs))
    }

    /// Writes the record before anything exists, and starts the watchdog.
    fn begin(&self, logs: &Path, held: PublishedPorts) -> Result<ComposeStack, StackError> {
        let (plan, prepared) = (self.plan, self.prepared);
        let project = self.home.project();
        let record = ComposeRecord::new(project, &plan.topology.name, self.services, logs, plan.lifetime);
        write_record(&self.home.record_file(), &record)?;
        let servers = [ComposeService::Server, ComposeService::Server2];
        let nginx = prepared.versions.get("nginx").map(String::as_str).unwrap_or_default();
        Ok(ComposeStack {
            docker: prepared.docker.clone(),
            compose: prepared.compose.clone(),
            home: self.home.clone(),
            record,
            topology: plan.topology.clone(),
            services: self.services.to_vec(),
            stack: prepared.stack.clone(),
            layout: None,
            held,
            variables: self.variables.clone(),
            versions: prepared.versions.clone(),
            bridge: prepared.same_host,
            same_host: prepared.same_host,
            keeps_clients: is_at_least(nginx, NGINX_KEEPS_IDLE),
            open_files: prepared.images.open_files,
            serving: servers.into_iter().filter(|server| self.services.contains(server)).collect(),
            lifetime: plan.lifetime,
            watchdog: plan.guard.as_ref().map(|guard| guard.start(project, logs)).transpose()?,
            is_down: false,
        })
    }

    /// Decides how machines are limited, and creates their cgroups.
    fn create_machines(&self) -> Result<Machines, StackError> {
        let access =
            HostAccess { root: rustix::process::geteuid().is_root(), same_host: self.prepared.same_host };
        let wanted = self.plan.quotas;
        let machines = &self.plan.topology.machines;
        let machines = Machines::plan(wanted, machines, self.home.project(), &self.prepared.daemon, access);
        if let Machines::Shared { manager, parents, .. } = &machines {
            cgroup::create_machines(*manager, parents, &CgroupTrees::mounted(), self.cancel)?;
        }
        Ok(machines)
    }

    fn write_layout(
        &self,
        stack: &ComposeStack,
        known: &[ComposeService],
        machines: &Machines,
    ) -> Result<layout::Layout, StackError> {
        let plan = layout::LayoutPlan {
            work: &self.home.work_dir(),
            logs: &stack.record.logs,
            project: self.home.project(),
            prepared: self.prepared,
            conf: stack.tier_config(),
            override_file: OverrideFile {
                services: known,
                topology: &self.plan.topology,
                variables: &self.variables.all,
                machines,
                logs: &stack.record.logs,
            },
            ports: &stack.held,
        };
        plan.write()
    }

    fn debian_image(&self) -> &str {
        self.prepared
            .images
            .bases
            .get(&BaseImage::Debian)
            .map(|image| image.name.as_str())
            .unwrap_or_default()
    }

    /// Called when every service is ready: records the stack; from now on a detached stack outlives this process.
    fn complete(&self, stack: &mut ComposeStack, machines: &Machines) -> Result<(), StackError> {
        if let Machines::PerContainer { unmeasured, .. } = machines {
            stack.record.unmeasured.push(unmeasured.as_ref().clone());
        }
        stack.record_info(self.cancel)?;
        if stack.lifetime == Lifetime::Detached
            && let Some(watchdog) = stack.watchdog.take()
        {
            watchdog.finish().map_err(watchdog_error)?;
        }
        Ok(())
    }
}

fn service_names(services: &[ComposeService]) -> Vec<&'static str> {
    services.iter().map(|service| service.name()).collect()
}

impl ComposeStack {
    /// The configuration for the servers that receive requests now.
    pub(super) fn tier_config(&self) -> TierConfig<'_> {
        TierConfig {
            topology: &self.topology,
            services: &self.services,
            serving: &self.serving,
            open_files: self.open_files,
            keeps_clients: self.keeps_clients,
        }
    }

    /// Creates and starts the containers of these services.
    pub(super) fn start(&self, services: &[ComposeService], cancel: &Cancel) -> Result<(), StackError> {
        let up = ["up", "--detach", "--no-deps", "--no-build", "--no-color"];
        let args: Vec<&str> = up.into_iter().chain(service_names(services)).collect();
        self.compose_step(&args, "starting containers", cancel)
    }

    /// Runs one compose command for this stack.
    pub(super) fn compose_step(
        &self,
        args: &[&str],
        step: &'static str,
        cancel: &Cancel,
    ) -> Result<(), StackError> {
        let Some(layout) = &self.layout else {
            return Err(StackError::System {
                what: step,
                why: "the configuration was not written".to_owned(),
            });
        };
        let call = ComposeInvocation {
            project: self.home.project().name(),
            folder: &self.stack,
            override_file: &layout.override_file,
            variables: &layout.variables,
        };
        let program = self.docker.compose_command(&self.compose, &call, args);
        docker::run_tool(program, step, START_TIMEOUT, cancel, &mut |_, _| {}).map(|_| ())
    }
}
