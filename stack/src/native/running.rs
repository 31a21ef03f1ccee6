//! A stack that runs: started piece by piece, recorded after each piece, and stopped in the opposite order.
//!
//! Until it is complete, and as long as it is to die with us, dropping it stops everything. The record is on the disk
//! before anything runs, so that `kill -9` of us never leaves something that nobody knows of.

use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::stack::StackInfo;
use kneepoint_process::{Lifetime, ProcessInfo, Watchdog};
use serde::Serialize;

use super::UpPlan;
use super::assemble::Live;
use super::home::Home;
use super::ready;
use super::service::{Running, Spec};
use super::state::{RecordedService, State};
use super::tiers;
use crate::ask::Asker;
use crate::{Ports, StackError};

/// What a stack that is dropped gets between SIGTERM and SIGKILL.
const DROP_GRACE: Duration = Duration::from_secs(4);

/// A process that even SIGKILL did not end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leftover {
    /// Of which service.
    pub service: String,
    /// Its process id.
    pub pid: i32,
    /// Its name.
    pub name: String,
}

/// What taking a stack down did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DownReport {
    /// The services that ran and were stopped.
    pub stopped: Vec<String>,
    /// What could not be stopped.
    pub leftovers: Vec<Leftover>,
    /// The kneepoint that owns a stack which was left alone, because it is at work with it.
    pub in_use_by: Option<i32>,
}

impl DownReport {
    pub(super) fn add(&mut self, service: &str, survivors: Vec<ProcessInfo>) {
        if survivors.is_empty() {
            self.stopped.push(service.to_owned());
        }
        let leftover = |process: ProcessInfo| Leftover {
            service: service.to_owned(),
            pid: process.pid,
            name: process.comm,
        };
        self.leftovers.extend(survivors.into_iter().map(leftover));
    }
}

/// A stack that runs.
#[derive(Debug)]
pub struct RunningStack {
    info: StackInfo,
    home: Home,
    state: State,
    services: Vec<Running>,
    watchdog: Option<Watchdog>,
    lifetime: Lifetime,
    /// What manoeuvres need; absent until the stack is complete.
    live: Option<Live>,
    is_down: bool,
}

impl RunningStack {
    /// Records a stack of which nothing runs yet, and starts its watchdog.
    pub(super) fn begin(
        home: Home,
        state: State,
        info: StackInfo,
        plan: &UpPlan,
    ) -> Result<Self, StackError> {
        let mut stack = Self {
            info,
            home,
            state,
            services: Vec::new(),
            watchdog: None,
            lifetime: plan.lifetime,
            live: None,
            is_down: false,
        };
        stack.state.write(&stack.home.state())?;
        if let Some(command) = &plan.watchdog {
            let args: Vec<&str> = command.args.iter().map(String::as_str).collect();
            let watchdog = Watchdog::start(&command.exe, &args);
            stack.watchdog = Some(watchdog.map_err(start_error("the watchdog"))?);
        }
        Ok(stack)
    }

    /// Starts one service, tells the watchdog and records it.
    pub(super) fn start(&mut self, spec: Spec) -> Result<(), StackError> {
        let kind = spec.kind;
        let running = spec.start(self.lifetime).map_err(start_error(kind))?;
        let told = self.watchdog.as_ref().map_or(Ok(()), |watchdog| watchdog.watch(&running.service));
        let session = running.service.session_ref();
        self.state.services.push(RecordedService { name: running.name.clone(), session });
        self.services.push(running);
        told.map_err(start_error(kind))?;
        self.state.write(&self.home.state())
    }

    /// Everything answers: from now on a detached stack lives without us.
    pub(super) fn complete(&mut self, live: Live) -> Result<(), StackError> {
        self.live = Some(live);
        self.tell()?;
        if self.lifetime == Lifetime::Detached
            && let Some(watchdog) = self.watchdog.take()
        {
            watchdog.finish().map_err(start_error("the watchdog"))?;
        }
        Ok(())
    }

    /// Brings what is told of the stack up to date, here and on the disk.
    pub(super) fn tell(&mut self) -> Result<(), StackError> {
        self.info.tiers = tiers::of(self.services.iter().map(|running| &running.tier));
        self.state.info = Some(self.info.clone());
        self.state.write(&self.home.state())
    }

    /// Ends some services of a stack whose others stay.
    pub(super) fn end_services(&mut self, names: &[String], grace: Duration) -> Result<(), StackError> {
        let (ended, stay) = std::mem::take(&mut self.services)
            .into_iter()
            .partition(|running: &Running| names.contains(&running.name));
        self.services = stay;
        let mut failure = Ok(());
        for running in &ended {
            let stopped = running.service.stop(grace);
            if let Some(watchdog) = &self.watchdog
                && stopped.is_ok()
            {
                let _ = watchdog.forget(running.service.session());
            }
            failure =
                failure.and(stopped.map_err(|error| StackError::System {
                    what: "ending a service",
                    why: error.to_string(),
                }));
        }
        // What survived stays in the record, so that it is found again.
        if failure.is_ok() {
            let gone: Vec<_> = ended.iter().map(|running| running.service.session()).collect();
            self.state.services.retain(|service| !gone.contains(&service.session.session));
        }
        self.state.write(&self.home.state())?;
        failure
    }

    /// Another generation of app servers has taken the place of the one before.
    pub(super) fn replace_servers(&mut self, live: Live) -> Result<(), StackError> {
        self.state.ports.servers.clone_from(&live.set.ports);
        self.state.ports.hello = live.set.hello;
        self.live = Some(live);
        self.tell()
    }

    pub(super) fn assembled(&self) -> Option<&Live> {
        self.live.as_ref()
    }

    pub(super) fn services(&self) -> &[Running] {
        &self.services
    }

    /// What runs, and where it can be looked at.
    pub fn info(&self) -> &StackInfo {
        &self.info
    }

    /// Where it listens.
    pub fn ports(&self) -> &Ports {
        &self.state.ports
    }

    /// Whether every service runs and answers a real request now.
    ///
    /// # Errors
    /// `Unhealthy` for the first that has ended, or else does not answer, with the end of its log.
    pub fn check(&self, cancel: &Cancel) -> Result<(), StackError> {
        let asker = Asker::new()?;
        // One that has ended is named before those that only wait for it.
        let (ended, running): (Vec<_>, Vec<_>) =
            self.services.iter().partition(|running| running.service.exit_status().is_some());
        ended.into_iter().chain(running).try_for_each(|service| ready::check(&asker, service, cancel))
    }

    /// [`RunningStack::check`] as a yes or no.
    pub fn is_healthy(&self) -> bool {
        self.check(&Cancel::new()).is_ok()
    }

    /// Takes the stack down: SIGTERM, and after `grace` SIGKILL, to one service after the other. Its logs stay.
    pub fn down(mut self, grace: Duration) -> DownReport {
        self.stop(grace)
    }

    fn stop(&mut self, grace: Duration) -> DownReport {
        let mut report = DownReport::default();
        self.is_down = true;
        for running in self.services.iter().rev() {
            // An error says that something survived, and the members say what.
            let _ = running.service.stop(grace);
            report.add(&running.name, running.service.members());
            if let Some(watchdog) = &self.watchdog {
                // A watchdog that has gone has nothing left to end.
                let _ = watchdog.forget(running.service.session());
            }
        }
        if let Some(watchdog) = self.watchdog.take() {
            let _ = watchdog.finish();
        }
        if report.leftovers.is_empty() {
            // What cannot be removed is found and removed by the next `up`.
            let _ = self.home.clear(self.state.alias.as_deref());
        }
        report
    }
}

impl Drop for RunningStack {
    fn drop(&mut self) {
        let lives_on = self.lifetime == Lifetime::Detached && self.state.info.is_some();
        if !self.is_down && !lives_on {
            self.stop(DROP_GRACE);
        }
    }
}

fn start_error(service: &'static str) -> impl FnOnce(kneepoint_process::ProcessError) -> StackError {
    move |source| StackError::Start { service, source: Box::new(source) }
}
