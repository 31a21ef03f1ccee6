//! Changes of a running stack while visitors are on the site: app servers are replaced and no request may be lost; and the
//! crude restart that loses some, for contrast.
//!
//! The proxy (or balancer) reads a new list of servers at a reload: its old workers finish their requests while new ones
//! take all others, so a server is stopped only when the old workers have gone.

mod workers;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::experiment::Rollout;

use super::docker::SHORT;
use super::layout::write_conf;
use super::mine;
use super::running::ComposeStack;
use super::service::{ComposeService, entry};
use crate::native::manoeuvre::{Steps, impossible};
use crate::topology::ServerKind;
use crate::{ManoeuvreReport, StackError};

/// How long old workers may take to finish their requests.
const FINISH: Duration = Duration::from_secs(40);
/// What an app server gets to finish its requests: gunicorn takes 5 s, supervisor 8.
const RESTART: &str = "15";
/// Restarting one container, and telling its supervisor.
const ORDER: Duration = Duration::from_mins(1);
/// Between two looks at workers.
const LOOK: Duration = Duration::from_millis(100);

impl ComposeStack {
    /// Makes the manoeuvre. The stack answers during it; whether it answered *everything* is for the visitors to say.
    ///
    /// # Errors
    /// `Manoeuvre` when this stack cannot make it; `NotReady` when a new server does not answer; `Step`, `Cancelled`.
    pub fn manoeuvre(
        &mut self,
        which: Rollout,
        cancel: &Cancel,
        events: &dyn EventSink,
    ) -> Result<ManoeuvreReport, StackError> {
        if self.topology.server == ServerKind::Runserver {
            return Err(impossible(which, "runserver is one process that nobody keeps alive; use gunicorn"));
        }
        let mut steps = Steps::new(which, events);
        match which {
            Rollout::RollingRestart if self.serving.len() == 1 => {
                let server = self.serving[0];
                steps.step("gunicorn replaces its workers", || self.replace_workers(server, cancel))?;
            }
            Rollout::RollingRestart => self.roll(&mut steps, cancel)?,
            Rollout::BlueGreen => self.switch(&mut steps, cancel)?,
            Rollout::RestartHard => self.kill(&mut steps, cancel)?,
        }
        self.tell(cancel)?;
        Ok(steps.done(self.notes()))
    }

    /// The app servers that get requests.
    pub fn serving(&self) -> &[ComposeService] {
        &self.serving
    }

    /// Each app server in turn is taken out, restarted, and put back, the others serving meanwhile.
    fn roll(&mut self, steps: &mut Steps<'_>, cancel: &Cancel) -> Result<(), StackError> {
        let all = self.serving.clone();
        for server in &all {
            let name = server.name();
            let others: Vec<ComposeService> = all.iter().copied().filter(|other| other != server).collect();
            steps.step(&format!("{name} is taken out and drained"), || self.serve_only(others, cancel))?;
            steps.step(&format!("{name} is stopped and started"), || self.restart(*server, cancel))?;
            steps.step(&format!("{name} is put back"), || self.serve_only(all.clone(), cancel))?;
        }
        Ok(())
    }

    /// A second server comes up, visitors are switched to it, the first goes.
    fn switch(&mut self, steps: &mut Steps<'_>, cancel: &Cancel) -> Result<(), StackError> {
        let front = entry(&self.services);
        let spare = [ComposeService::Server, ComposeService::Server2];
        let green = spare.into_iter().find(|server| !self.services.contains(server));
        let (Some(green), [blue]) = (green, self.serving.as_slice()) else {
            let why = "compose.yaml has two app servers, and both are in use";
            return Err(impossible(Rollout::BlueGreen, why));
        };
        if front == ComposeService::Server {
            let why = "nothing stands before the app server that could move visitors to another";
            return Err(impossible(Rollout::BlueGreen, why));
        }
        let blue = *blue;
        steps.step("the green server comes up", || {
            self.held.release(&[green]);
            self.start(&[green], cancel)?;
            self.services.push(green);
            self.waiter(cancel).wait(green).map(|_| ())
        })?;
        steps.step("visitors are switched to green", || self.serve_only(vec![green], cancel))?;
        steps.step("the blue server is stopped", || {
            let container = mine::container(&self.docker, self.home.project(), blue, cancel)?;
            let step = "stopping an app server";
            self.docker.ask(&["stop", "--time", RESTART, &container.id], step, ORDER, cancel)?;
            super::logs::keep(&self.docker, &container, &self.state.logs);
            self.docker.ask(&["rm", "--volumes", &container.id], step, ORDER, cancel)?;
            self.services.retain(|service| *service != blue);
            Ok(())
        })
    }

    /// Kills every app server as it stands and lets supervisor start it again.
    fn kill(&self, steps: &mut Steps<'_>, cancel: &Cancel) -> Result<(), StackError> {
        for server in &self.serving {
            let name = server.name();
            steps.step(&format!("{name} is killed"), || {
                self.supervise(*server, &["signal", "KILL"], cancel)
            })?;
        }
        steps.step("all answer again", || {
            self.serving.iter().try_for_each(|server| self.waiter(cancel).wait(*server).map(|_| ()))
        })
    }

    /// gunicorn's own way: on SIGHUP it starts new workers and then ends the old ones, each after the request it is at.
    fn replace_workers(&self, server: ComposeService, cancel: &Cancel) -> Result<(), StackError> {
        let container = mine::container(&self.docker, self.home.project(), server, cancel)?;
        let old = self.workers(&container.id, server, cancel)?;
        self.supervise(server, &["signal", "HUP"], cancel)?;
        let count = usize::from(self.topology.workers_here());
        self.until("its old workers have ended", cancel, || {
            let now = self.workers(&container.id, server, cancel)?;
            Ok(now.is_disjoint(&old) && now.len() >= count)
        })
    }

    /// Tells the supervisor of an app server something about gunicorn.
    fn supervise(&self, server: ComposeService, command: &[&str], cancel: &Cancel) -> Result<(), StackError> {
        let container = mine::container(&self.docker, self.home.project(), server, cancel)?;
        let conf = "/etc/kneepoint/supervisord.conf";
        let tool = ["exec", &container.id, "python", "-m", "supervisor.supervisorctl", "-c", conf];
        let args: Vec<&str> = tool.into_iter().chain(command.iter().copied()).chain(["gunicorn"]).collect();
        self.docker.ask(&args, "telling supervisor", ORDER, cancel).map(|_| ())
    }

    fn restart(&self, server: ComposeService, cancel: &Cancel) -> Result<(), StackError> {
        let container = mine::container(&self.docker, self.home.project(), server, cancel)?;
        let step = "restarting an app server";
        self.docker.ask(&["restart", "--time", RESTART, &container.id], step, ORDER, cancel)?;
        self.waiter(cancel).wait(server).map(|_| ())
    }

    /// Gives requests to these app servers alone, and waits until the others have finished theirs.
    fn serve_only(&mut self, servers: Vec<ComposeService>, cancel: &Cancel) -> Result<(), StackError> {
        let front = entry(&self.services);
        self.serving = servers;
        let step = "reloading the proxy";
        let Some(layout) = &self.layout else {
            return Err(StackError::System { what: step, why: "nothing was laid out".to_owned() });
        };
        for (name, text) in self.conf().files()? {
            if matches!(name, "nginx.conf" | "haproxy.cfg") {
                write_conf(&layout.conf, name, &text)?;
            }
        }
        let container = mine::container(&self.docker, self.home.project(), front, cancel)?;
        let before = self.workers(&container.id, front, cancel)?;
        let signal = if front == ComposeService::Balancer { "USR2" } else { "HUP" };
        self.docker.ask(&["kill", "--signal", signal, &container.id], step, SHORT, cancel)?;
        self.until("the proxy works with its new configuration alone", cancel, || {
            let now = self.workers(&container.id, front, cancel)?;
            Ok(!now.is_empty() && now.is_disjoint(&before))
        })
    }

    fn until(
        &self,
        what: &str,
        cancel: &Cancel,
        mut is_so: impl FnMut() -> Result<bool, StackError>,
    ) -> Result<(), StackError> {
        let began = Instant::now();
        while !is_so()? {
            if began.elapsed() >= FINISH {
                let logs = self.state.logs.display();
                let why =
                    format!("after {} s it was not so that {what}; see the logs in {logs}", FINISH.as_secs());
                return Err(StackError::System { what: "a manoeuvre", why });
            }
            if cancel.sleep(LOOK) {
                return Err(StackError::Cancelled);
            }
        }
        Ok(())
    }

    /// The processes of a container that answer visitors, those that only finish among them.
    fn workers(
        &self,
        id: &str,
        service: ComposeService,
        cancel: &Cancel,
    ) -> Result<BTreeSet<u32>, StackError> {
        let step = "looking at workers";
        let list = self.docker.ask(&["top", id, "-eo", "pid,ppid,args"], step, SHORT, cancel)?;
        Ok(workers::of(&list, service))
    }

    /// What must be known to read what visitors noticed.
    fn notes(&self) -> Vec<String> {
        let closes = self.services.contains(&ComposeService::Proxy) && !self.keeps_clients;
        let note = "this nginx (before 1.27.4) closes idle connections of clients when it is reloaded; a request that \
                    crosses the closing must be sent again by the client";
        closes.then(|| note.to_owned()).into_iter().collect()
    }
}
