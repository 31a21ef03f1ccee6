//! Brings the stack up: fresh volumes from the snapshot, machines, containers in the order in which one needs the other,
//! each ready when it answers a real request. Whatever fails on the way takes everything down.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stage::Stage;
use kneepoint_model::units::Bytes;
use kneepoint_process::Lifetime;

use super::base::Base;
use super::cgroup::{self, Trees};
use super::conf::Conf;
use super::docker::{self, ComposeCall};
use super::home::Home;
use super::layout;
use super::machines::{Machines, Powers};
use super::override_file::Override;
use super::plan::ComposePlan;
use super::ports::{self, HeldPorts};
use super::prepare::ComposePrepared;
use super::recorded::clear_way;
use super::running::ComposeStack;
use super::service::{ComposeService, database, entry, stages, wanted, with_spare};
use super::state::State;
use super::variables::{self, Variables};
use super::volumes;
use crate::{StackError, disk, folder, lock};

/// How long another kneepoint may take to bring its stack up or down under the same root.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often to try again when somebody takes a port that was free a moment ago.
const ATTEMPTS: u32 = 3;
/// Making and starting the containers of one stage.
const START: Duration = Duration::from_mins(3);
/// From this version on nginx can keep idle clients while it is reloaded.
const KEEPS_CLIENTS: (u32, u32, u32) = (1, 27, 4);

/// Brings the stack up and waits until every tier answers. Blocks; on any failure nothing is left running.
///
/// # Errors
/// `AlreadyUp`, `BadTopology`, `PortTaken`, `DiskFull`, `Step` (compose), `NotReady` with the end of the responsible log,
/// `Cancelled`, and those of the daemon.
pub fn up(
    plan: &ComposePlan,
    prepared: &ComposePrepared,
    cancel: &Cancel,
    events: &dyn EventSink,
) -> Result<ComposeStack, StackError> {
    let services = wanted(&plan.topology)?;
    let variables = variables::of(&plan.topology, &plan.env, &services)?;
    let home = Home::slot(&prepared.root, plan.slot.as_deref());
    home.make()?;
    let _lock = lock::take(&home.lock(), PATIENCE, cancel, &mut || {
        events.note(Stage::Up, "waiting for another kneepoint under the same folder");
    })?;
    clear_way(&prepared.docker, &home, events)?;
    let start =
        Start { plan, prepared, home: &home, services: &services, variables: &variables, cancel, events };
    for _ in 1..ATTEMPTS {
        match start.attempt() {
            Err(StackError::Step { source, .. }) if !plan.ports.fixed && ports::lost(&source.to_string()) => {
                events.note(Stage::Up, "a port was taken meanwhile; trying with others");
            }
            other => return other,
        }
    }
    start.attempt()
}

/// All that an attempt needs.
struct Start<'a> {
    plan: &'a ComposePlan,
    prepared: &'a ComposePrepared,
    home: &'a Home,
    services: &'a [ComposeService],
    variables: &'a Variables,
    cancel: &'a Cancel,
    events: &'a dyn EventSink,
}

impl Start<'_> {
    fn attempt(&self) -> Result<ComposeStack, StackError> {
        let (plan, prepared) = (self.plan, self.prepared);
        let snapshot = prepared.snapshot(database(&plan.topology)?)?;
        disk::require(&prepared.root, Bytes(64 << 20) + Bytes(2 * folder::size(snapshot)))?;
        // With a second app server, which a blue-green switch may start later.
        let known = with_spare(self.services, &plan.topology);
        let held = HeldPorts::hold(plan.ports, entry(self.services), &known)?;
        let logs = self.logs()?;
        let mut stack = self.begin(&logs, held)?;
        let machines = self.machines()?;
        stack.layout = Some(self.lay_out(&stack, &known, &machines)?);
        volumes::make(&prepared.docker, self.home.project(), self.cancel)?;
        self.events.progress(Stage::Up, 0, None, "restoring the data");
        volumes::restore(&prepared.docker, self.home.project(), snapshot, self.debian(), self.cancel)?;
        let total = Some(self.services.len() as u64);
        let mut done = 0;
        for stage in stages(self.services) {
            stack.held.release(&stage);
            self.events.progress(Stage::Up, done, total, &format!("starting {}", names(&stage).join(", ")));
            stack.start(&stage, self.cancel)?;
            for service in stage {
                self.events.progress(Stage::Up, done, total, &format!("waiting for {}", service.name()));
                stack.waiter(self.cancel).wait(service)?;
                done += 1;
            }
        }
        self.complete(&mut stack, &machines)?;
        self.events.note(Stage::Up, &format!("the site answers at {}", stack.info().base_url));
        Ok(stack)
    }

    fn logs(&self) -> Result<PathBuf, StackError> {
        let logs = self.plan.logs.clone().unwrap_or_else(|| self.home.logs());
        if self.plan.logs.is_none() {
            folder::remove(&logs)?;
        }
        fs::create_dir_all(&logs).map_err(StackError::io("make the folder", &logs))?;
        logs.canonicalize().map_err(StackError::io("find", &logs))
    }

    /// Records a stack of which nothing exists yet, and starts its watchdog.
    fn begin(&self, logs: &Path, held: HeldPorts) -> Result<ComposeStack, StackError> {
        let (plan, prepared) = (self.plan, self.prepared);
        let project = self.home.project();
        let state = State::begin(project, &plan.topology.name, self.services, logs, plan.lifetime);
        state.write(&self.home.state())?;
        let servers = [ComposeService::Server, ComposeService::Server2];
        let nginx = prepared.versions.get("nginx").map(String::as_str).unwrap_or_default();
        Ok(ComposeStack {
            docker: prepared.docker.clone(),
            compose: prepared.compose.clone(),
            home: self.home.clone(),
            state,
            topology: plan.topology.clone(),
            services: self.services.to_vec(),
            stack: prepared.stack.clone(),
            layout: None,
            held,
            variables: self.variables.clone(),
            versions: prepared.versions.clone(),
            bridge: prepared.same_host,
            same_host: prepared.same_host,
            keeps_clients: crate::native::since(nginx, KEEPS_CLIENTS),
            open_files: prepared.images.open_files,
            serving: servers.into_iter().filter(|server| self.services.contains(server)).collect(),
            lifetime: plan.lifetime,
            watchdog: plan.guard.as_ref().map(|guard| guard.start(project, logs)).transpose()?,
            is_down: false,
        })
    }

    /// Decides how machines are made, and makes them.
    fn machines(&self) -> Result<Machines, StackError> {
        let powers =
            Powers { root: rustix::process::geteuid().is_root(), same_host: self.prepared.same_host };
        let wanted = self.plan.quotas;
        let machines = &self.plan.topology.machines;
        let machines = Machines::plan(wanted, machines, self.home.project(), &self.prepared.daemon, powers);
        if let Machines::Shared { keeper, parents, .. } = &machines {
            cgroup::make(*keeper, parents, &Trees::here(), self.cancel)?;
        }
        Ok(machines)
    }

    fn lay_out(
        &self,
        stack: &ComposeStack,
        known: &[ComposeService],
        machines: &Machines,
    ) -> Result<layout::Layout, StackError> {
        let plan = layout::Plan {
            work: &self.home.work(),
            logs: &stack.state.logs,
            project: self.home.project(),
            prepared: self.prepared,
            conf: stack.conf(),
            override_file: Override {
                services: known,
                topology: &self.plan.topology,
                variables: &self.variables.all,
                machines,
                logs: &stack.state.logs,
            },
            ports: &stack.held,
        };
        plan.lay_out()
    }

    fn debian(&self) -> &str {
        self.prepared.images.bases.get(&Base::Debian).map(|image| image.name.as_str()).unwrap_or_default()
    }

    /// Everything answers: what it is, is recorded, and from now on a detached stack lives without us.
    fn complete(&self, stack: &mut ComposeStack, machines: &Machines) -> Result<(), StackError> {
        if let Machines::Alone { unmeasured, .. } = machines {
            stack.state.unmeasured.push(unmeasured.as_ref().clone());
        }
        stack.tell(self.cancel)?;
        if stack.lifetime == Lifetime::Detached
            && let Some(watchdog) = stack.watchdog.take()
        {
            let failed = |source| StackError::Start { service: "the watchdog", source: Box::new(source) };
            watchdog.finish().map_err(failed)?;
        }
        Ok(())
    }
}

fn names(services: &[ComposeService]) -> Vec<&'static str> {
    services.iter().map(|service| service.name()).collect()
}

impl ComposeStack {
    /// The configuration as it should be now.
    pub(super) fn conf(&self) -> Conf<'_> {
        Conf {
            topology: &self.topology,
            services: &self.services,
            serving: &self.serving,
            open_files: self.open_files,
            keeps_clients: self.keeps_clients,
        }
    }

    /// Makes and starts the containers of these services.
    pub(super) fn start(&self, services: &[ComposeService], cancel: &Cancel) -> Result<(), StackError> {
        let up = ["up", "--detach", "--no-deps", "--no-build", "--no-color"];
        let args: Vec<&str> = up.into_iter().chain(names(services)).collect();
        self.compose_step(&args, "starting containers", cancel)
    }

    /// One compose command of this stack.
    pub(super) fn compose_step(
        &self,
        args: &[&str],
        step: &'static str,
        cancel: &Cancel,
    ) -> Result<(), StackError> {
        let Some(layout) = &self.layout else {
            return Err(StackError::System { what: step, why: "nothing was laid out".to_owned() });
        };
        let call = ComposeCall {
            project: self.home.project().name(),
            folder: &self.stack,
            override_file: &layout.override_file,
            variables: &layout.variables,
        };
        let program = self.docker.compose_command(&self.compose, &call, args);
        docker::run(program, step, START, cancel, &mut |_, _| {}).map(|_| ())
    }
}
