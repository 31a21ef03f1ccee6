//! Changes of a running stack while users are on the site: rolling restart and blue-green switch, which must not lose a
//! request, and the hard restart, which loses some.
//!
//! The proxy (or balancer) reads a new list of servers at a reload: its old workers finish their requests while new workers
//! take all others, so a server is stopped only when the old workers have ended.

mod workers;

use std::collections::BTreeSet;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::experiment::Rollout;

use super::docker::SHORT;
use super::docker_resources;
use super::layout::write_config;
use super::running::ComposeStack;
use super::service::{ComposeService, entry_service};
use crate::error::StackError;
use crate::rollout::{
    NGINX_CLOSES_IDLE, RolloutReport, RolloutSteps, rollout_impossible, wait_for_condition,
};
use crate::topology::ServerKind;

/// Seconds that an app server has to finish its requests: gunicorn takes 5, supervisor 8.
const STOP_SECONDS: &str = "15";
/// Timeout for restarting a container or commanding its supervisor.
const COMMAND_TIMEOUT: Duration = Duration::from_mins(1);
/// Pause between two listings of workers.
const POLL_PAUSE: Duration = Duration::from_millis(100);

impl ComposeStack {
    /// Replaces the app servers in this way. The stack keeps responding; whether requests were lost is measured by the load.
    ///
    /// # Errors
    /// `Rollout` when this stack cannot do it; `NotReady` when a new server does not respond; `Step`, `Cancelled`.
    pub fn roll_out(
        &mut self,
        which: Rollout,
        cancel: &Cancel,
        events: &dyn EventSink,
    ) -> Result<RolloutReport, StackError> {
        if self.topology.server == ServerKind::Runserver {
            return Err(rollout_impossible(
                which,
                "runserver is a single process without a supervisor; use gunicorn",
            ));
        }
        let mut steps = RolloutSteps::new(which, events);
        match which {
            Rollout::RollingRestart if self.serving.len() == 1 => {
                let server = self.serving[0];
                steps.run_step("gunicorn replaces its workers", || self.replace_workers(server, cancel))?;
            }
            Rollout::RollingRestart => self.roll_servers(&mut steps, cancel)?,
            Rollout::BlueGreen => self.switch_to_green(&mut steps, cancel)?,
            Rollout::RestartHard => self.kill_servers(&mut steps, cancel)?,
        }
        self.record_info(cancel)?;
        Ok(steps.into_report(self.notes()))
    }

    /// The app servers that receive requests.
    pub fn serving(&self) -> &[ComposeService] {
        &self.serving
    }

    /// Takes out, restarts and puts back each app server in turn, while the others serve.
    fn roll_servers(&mut self, steps: &mut RolloutSteps<'_>, cancel: &Cancel) -> Result<(), StackError> {
        let all = self.serving.clone();
        for server in &all {
            let name = server.name();
            let others: Vec<ComposeService> = all.iter().copied().filter(|other| other != server).collect();
            steps
                .run_step(&format!("{name} is taken out and drained"), || self.serve_only(others, cancel))?;
            steps.run_step(&format!("{name} is stopped and started"), || self.restart(*server, cancel))?;
            steps.run_step(&format!("{name} is put back"), || self.serve_only(all.clone(), cancel))?;
        }
        Ok(())
    }

    /// Starts a second server, switches users to it, and stops the first.
    fn switch_to_green(&mut self, steps: &mut RolloutSteps<'_>, cancel: &Cancel) -> Result<(), StackError> {
        let front = entry_service(&self.services);
        let spare = [ComposeService::Server, ComposeService::Server2];
        let green = spare.into_iter().find(|server| !self.services.contains(server));
        let (Some(green), [blue]) = (green, self.serving.as_slice()) else {
            let why = "compose.yaml has two app servers, and both are in use";
            return Err(rollout_impossible(Rollout::BlueGreen, why));
        };
        if front == ComposeService::Server {
            let why = "nothing is in front of the app server that could move users to another";
            return Err(rollout_impossible(Rollout::BlueGreen, why));
        }
        let blue = *blue;
        steps.run_step("the green server comes up", || {
            self.held.release(&[green]);
            self.start(&[green], cancel)?;
            self.services.push(green);
            self.waiter(cancel).wait_until_ready(green).map(|_| ())
        })?;
        steps.run_step("users are switched to green", || self.serve_only(vec![green], cancel))?;
        steps.run_step("the blue server is stopped", || {
            let container =
                docker_resources::find_container(&self.docker, self.home.project(), blue, cancel)?;
            let step = "stopping an app server";
            self.docker.run(
                &["stop", "--time", STOP_SECONDS, &container.id],
                step,
                COMMAND_TIMEOUT,
                cancel,
            )?;
            super::logs::save_log(&self.docker, &container, &self.record.logs);
            self.docker.run(&["rm", "--volumes", &container.id], step, COMMAND_TIMEOUT, cancel)?;
            self.services.retain(|service| *service != blue);
            Ok(())
        })
    }

    /// Kills every app server and lets supervisor start it again.
    fn kill_servers(&self, steps: &mut RolloutSteps<'_>, cancel: &Cancel) -> Result<(), StackError> {
        for server in &self.serving {
            let name = server.name();
            steps.run_step(&format!("{name} is killed"), || {
                self.run_supervisorctl(*server, &["signal", "KILL"], cancel)
            })?;
        }
        steps.run_step("all servers respond again", || {
            self.serving
                .iter()
                .try_for_each(|server| self.waiter(cancel).wait_until_ready(*server).map(|_| ()))
        })
    }

    /// On SIGHUP gunicorn starts new workers and then ends the old ones, each after its current request.
    fn replace_workers(&self, server: ComposeService, cancel: &Cancel) -> Result<(), StackError> {
        let container = docker_resources::find_container(&self.docker, self.home.project(), server, cancel)?;
        let old = self.workers(&container.id, server, cancel)?;
        self.run_supervisorctl(server, &["signal", "HUP"], cancel)?;
        let count = usize::from(self.topology.workers_here());
        self.wait_for_condition("its old workers have ended", cancel, || {
            let now = self.workers(&container.id, server, cancel)?;
            Ok(now.is_disjoint(&old) && now.len() >= count)
        })
    }

    /// Runs a supervisorctl command for the gunicorn of an app server.
    fn run_supervisorctl(
        &self,
        server: ComposeService,
        command: &[&str],
        cancel: &Cancel,
    ) -> Result<(), StackError> {
        let container = docker_resources::find_container(&self.docker, self.home.project(), server, cancel)?;
        let conf = "/etc/kneepoint/supervisord.conf";
        let tool = ["exec", &container.id, "python", "-m", "supervisor.supervisorctl", "-c", conf];
        let args: Vec<&str> = tool.into_iter().chain(command.iter().copied()).chain(["gunicorn"]).collect();
        self.docker.run(&args, "sending a command to supervisor", COMMAND_TIMEOUT, cancel).map(|_| ())
    }

    fn restart(&self, server: ComposeService, cancel: &Cancel) -> Result<(), StackError> {
        let container = docker_resources::find_container(&self.docker, self.home.project(), server, cancel)?;
        let step = "restarting an app server";
        self.docker.run(
            &["restart", "--time", STOP_SECONDS, &container.id],
            step,
            COMMAND_TIMEOUT,
            cancel,
        )?;
        self.waiter(cancel).wait_until_ready(server).map(|_| ())
    }

    /// Sends requests to these app servers only, and waits until the others have finished theirs.
    fn serve_only(&mut self, servers: Vec<ComposeService>, cancel: &Cancel) -> Result<(), StackError> {
        let front = entry_service(&self.services);
        self.serving = servers;
        let step = "reloading the proxy";
        let Some(layout) = &self.layout else {
            return Err(StackError::System {
                what: step,
                why: "the configuration was not written".to_owned(),
            });
        };
        for (name, text) in self.tier_config().config_files()? {
            if matches!(name, "nginx.conf" | "haproxy.cfg") {
                write_config(&layout.conf, name, &text)?;
            }
        }
        let container = docker_resources::find_container(&self.docker, self.home.project(), front, cancel)?;
        let before = self.workers(&container.id, front, cancel)?;
        let signal = if front == ComposeService::Balancer { "USR2" } else { "HUP" };
        self.docker.run(&["kill", "--signal", signal, &container.id], step, SHORT, cancel)?;
        self.wait_for_condition("all workers of the proxy use the new configuration", cancel, || {
            let now = self.workers(&container.id, front, cancel)?;
            Ok(!now.is_empty() && now.is_disjoint(&before))
        })
    }

    fn wait_for_condition(
        &self,
        what: &str,
        cancel: &Cancel,
        condition: impl FnMut() -> Result<bool, StackError>,
    ) -> Result<(), StackError> {
        let hint = format!("; see the logs in {}", self.record.logs.display());
        wait_for_condition(what, &hint, POLL_PAUSE, cancel, condition)
    }

    /// Processes of a container that serve users, including those that only finish their requests.
    fn workers(
        &self,
        id: &str,
        service: ComposeService,
        cancel: &Cancel,
    ) -> Result<BTreeSet<u32>, StackError> {
        let step = "listing workers";
        let list = self.docker.run(&["top", id, "-eo", "pid,ppid,args"], step, SHORT, cancel)?;
        Ok(workers::parse_workers(&list, service))
    }

    /// Limits of this proxy that explain failed requests.
    fn notes(&self) -> Vec<String> {
        let closes = self.services.contains(&ComposeService::Proxy) && !self.keeps_clients;
        closes.then(|| NGINX_CLOSES_IDLE.to_owned()).into_iter().collect()
    }
}
