//! Changes of a running stack while users are on the site: rolling restart and blue-green switch, which must not lose a
//! request, and the hard restart, which loses some.
//!
//! A server is removed from the proxy's list, drained until it has no connection any more, and only then stopped.

mod drain;
mod front;

use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::experiment::Rollout;

use self::drain::wait_drained;
use self::front::Front;
use super::live::LiveStack;
use super::running::NativeStack;
use super::server::{ServerSet, server_specs, supervisorctl};
use super::wait::wait_until_ready;
use crate::error::StackError;
use crate::host::http::HttpClient;
use crate::host::{exec, ports};
use crate::rollout::{RolloutReport, RolloutSteps, rollout_impossible};
use crate::topology::ServerKind;

/// Timeout of a command to supervisor: gunicorn's graceful end, its start, and two cold Python processes.
const SUPERVISOR_TIMEOUT: Duration = Duration::from_secs(45);
/// Time between SIGTERM and SIGKILL for drained blue servers.
const STOP_GRACE: Duration = Duration::from_secs(10);

impl NativeStack {
    /// Replaces the app servers in this way. The stack keeps responding; whether requests were lost is measured by the load.
    ///
    /// # Errors
    /// `Rollout` when this stack cannot do it; `System` when a step does not finish in time (earlier steps other_workers done);
    /// `NotReady` when a new server does not respond; `Cancelled`.
    pub fn roll_out(
        &mut self,
        which: Rollout,
        cancel: &Cancel,
        events: &dyn EventSink,
    ) -> Result<RolloutReport, StackError> {
        match which {
            Rollout::RollingRestart => self.rolling_restart(cancel, events),
            Rollout::BlueGreen => self.blue_green(cancel, events),
            Rollout::RestartHard => self.restart_hard(cancel, events),
        }
    }

    /// Restarts one app server after the other, each taken out of the proxy first. A single server is not taken out: gunicorn
    /// then replaces its own workers and keeps its listening socket.
    ///
    /// # Errors
    /// As [`NativeStack::roll_out`].
    pub fn rolling_restart(
        &mut self,
        cancel: &Cancel,
        events: &dyn EventSink,
    ) -> Result<RolloutReport, StackError> {
        let mut steps = RolloutSteps::new(Rollout::RollingRestart, events);
        let live = self.live_for_rollout(steps.which())?;
        let count = live.servers.ports.len();
        if count == 1 {
            steps.run_step("gunicorn replaces its workers", || replace_workers(self, &live, cancel))?;
            return Ok(steps.into_report(Vec::new()));
        }
        let front = Front::find(self, &live, steps.which())?;
        for index in 0..count {
            let name = live.servers.service_name(index);
            steps.run_step(&format!("{name} is taken out and drained"), || {
                front.take_out(&live, index, cancel)
            })?;
            steps.run_step(&format!("{name} is stopped and started"), || {
                run_supervisorctl(&live, &live.servers, index, &["restart"], cancel)?;
                self.wait_for_service(&name, cancel)
            })?;
            steps.run_step(&format!("{name} is put back"), || front.put_back(&live, index, cancel))?;
        }
        Ok(steps.into_report(front.notes()))
    }

    /// Starts a second (green) set of app servers beside the first (blue), switches users to it, and stops the first set once
    /// it has no connections.
    ///
    /// # Errors
    /// As [`NativeStack::roll_out`].
    pub fn blue_green(
        &mut self,
        cancel: &Cancel,
        events: &dyn EventSink,
    ) -> Result<RolloutReport, StackError> {
        let mut steps = RolloutSteps::new(Rollout::BlueGreen, events);
        let blue = self.live_for_rollout(steps.which())?;
        let mut green = blue.clone();
        // Fails before anything is started, when nothing in front of the servers can be switched.
        Front::find(self, &blue, steps.which())?;
        steps.run_step("green servers come up", || self.start_green(&mut green, cancel))?;
        let front = Front::find(self, &blue, steps.which())?;
        steps.run_step("users are switched to green", || front.switch(&mut green, cancel))?;
        steps.run_step("blue servers are drained", || wait_drained(&blue.servers, &blue.site.run, cancel))?;
        let notes = front.notes();
        steps.run_step("blue servers are stopped", || {
            let names: Vec<String> =
                (0..blue.servers.ports.len()).map(|index| blue.servers.service_name(index)).collect();
            self.end_services(&names, STOP_GRACE)?;
            self.replace_servers(green)
        })?;
        Ok(steps.into_report(notes))
    }

    /// Kills every app server and lets supervisor start it again, which loses requests: the contrast to the other two.
    ///
    /// # Errors
    /// As [`NativeStack::roll_out`].
    pub fn restart_hard(
        &mut self,
        cancel: &Cancel,
        events: &dyn EventSink,
    ) -> Result<RolloutReport, StackError> {
        let mut steps = RolloutSteps::new(Rollout::RestartHard, events);
        let live = self.live_for_rollout(steps.which())?;
        for index in 0..live.servers.ports.len() {
            let name = live.servers.service_name(index);
            steps.run_step(&format!("{name} is killed"), || {
                run_supervisorctl(&live, &live.servers, index, &["signal", "KILL"], cancel)
            })?;
        }
        steps.run_step("all servers respond again", || {
            (0..live.servers.ports.len())
                .try_for_each(|index| self.wait_for_service(&live.servers.service_name(index), cancel))
        })?;
        Ok(steps.into_report(Vec::new()))
    }

    /// # Errors
    /// `Rollout` when this stack is not complete or its server cannot be replaced.
    fn live_for_rollout(&self, which: Rollout) -> Result<LiveStack, StackError> {
        let live = self.live().cloned();
        let live = live.ok_or_else(|| rollout_impossible(which, "the stack is not complete yet"))?;
        if live.topology.server == ServerKind::Runserver {
            return Err(rollout_impossible(
                which,
                "runserver is a single process without a supervisor; use gunicorn",
            ));
        }
        Ok(live)
    }

    /// Starts the next generation; stops it again when it does not become ready.
    fn start_green(&mut self, green: &mut LiveStack, cancel: &Cancel) -> Result<(), StackError> {
        let blue = &green.servers;
        let mut held = ports::hold_more(self.ports().site, blue.ports.len(), blue.hello.is_some())?;
        green.servers = ServerSet {
            generation: blue.generation + 1,
            ports: held.ports.servers.clone(),
            hello: held.ports.hello,
            over_socket: blue.over_socket,
        };
        let names: Vec<String> =
            (0..green.servers.ports.len()).map(|index| green.servers.service_name(index)).collect();
        let started = (|| {
            for spec in server_specs(&green.site, &green.topology, &green.servers)? {
                spec.ports.iter().for_each(|port| held.release(*port));
                self.start(spec)?;
            }
            names.iter().try_for_each(|name| self.wait_for_service(name, cancel))
        })();
        if started.is_err() {
            // The first error is the one to report.
            let _ = self.end_services(&names, STOP_GRACE);
        }
        started
    }

    fn wait_for_service(&self, name: &str, cancel: &Cancel) -> Result<(), StackError> {
        let client = HttpClient::new()?;
        let mut named = self.services().iter().filter(|running| running.name == name);
        named.try_for_each(|running| wait_until_ready(&client, running, cancel))
    }
}

/// On SIGHUP gunicorn starts new workers and then ends the old ones, each after its current request.
fn replace_workers(stack: &NativeStack, live: &LiveStack, cancel: &Cancel) -> Result<(), StackError> {
    let name = live.servers.service_name(0);
    let workers = || -> Vec<i32> {
        let running = stack.services().iter().find(|running| running.name == name);
        let members = running.map(|running| running.process.members()).unwrap_or_default();
        // Children of gunicorn's masters, which are children of the supervisor.
        let masters: Vec<i32> = members
            .iter()
            .filter(|process| running.is_some_and(|running| running.process.pid() == process.ppid))
            .map(|process| process.pid)
            .collect();
        members.iter().filter(|process| masters.contains(&process.ppid)).map(|process| process.pid).collect()
    };
    let old = workers();
    // The worker of the second site's gunicorn is not replaced.
    let other_workers = usize::from(live.servers.hello.is_some());
    run_supervisorctl(live, &live.servers, 0, &["signal", "HUP"], cancel)?;
    let count = usize::from(live.topology.workers_here());
    wait_for_condition("the old workers have ended", cancel, || {
        let now = workers();
        let old_left = now.iter().filter(|pid| old.contains(pid)).count();
        old_left <= other_workers && now.len() >= count + other_workers
    })
}

/// Runs a supervisorctl command for an app server.
fn run_supervisorctl(
    live: &LiveStack,
    servers: &ServerSet,
    index: usize,
    command: &[&str],
    cancel: &Cancel,
) -> Result<(), StackError> {
    let program = supervisorctl(&live.site, servers, index).args(command).arg(servers.service_name(index));
    exec::run(program, "sending a command to supervisor", SUPERVISOR_TIMEOUT, cancel, &mut |_, _| {})
        .map(|_| ())
}

/// Polls until a condition holds, for as long as a step of a rollout may take.
fn wait_for_condition(
    what: &str,
    cancel: &Cancel,
    mut condition: impl FnMut() -> bool,
) -> Result<(), StackError> {
    crate::rollout::wait_for_condition(what, "", Duration::from_millis(15), cancel, || Ok(condition()))
}
