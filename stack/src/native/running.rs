//! A native stack that runs: its services are started and recorded one by one, and stopped in the opposite order.
//!
//! Dropping it stops everything, unless it is complete and detached. The record is on disk before anything runs, so that
//! `kill -9` of kneepoint never leaves a process without a record.

use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::stack::StackInfo;
use kneepoint_process::{Lifetime, ProcessInfo, Watchdog};
use serde::Serialize;

use super::home::NativeHome;
use super::live::LiveStack;
use super::plan::NativePlan;
use super::record::{NativeRecord, RecordedService};
use super::service::{RunningService, ServiceSpec};
use super::tier_info::merge_tiers;
use super::wait;
use crate::error::StackError;
use crate::host::http::HttpClient;
use crate::host::ports::Ports;
use crate::owner::write_record;
use crate::watchdog::{WatchdogCommand, watchdog_error};

/// Time between SIGTERM and SIGKILL for the services of a dropped stack.
const DROP_GRACE: Duration = Duration::from_secs(4);

/// A process that even SIGKILL did not end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftoverProcess {
    /// Name of the service that it belongs to.
    pub service: String,
    /// Its number at the time of the report.
    pub pid: i32,
    /// Its command name.
    pub name: String,
}

/// The outcome of taking a native stack down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NativeDown {
    /// The services that ran and were stopped.
    pub stopped: Vec<String>,
    /// Processes that survived SIGKILL.
    pub leftovers: Vec<LeftoverProcess>,
    /// Process id of the kneepoint that owns the stack, when it was therefore not touched.
    pub in_use_by: Option<i32>,
}

impl NativeDown {
    /// `still running: nginx (pid 7, of nginx)`; `None` when nothing survived.
    pub fn leftovers_text(&self) -> Option<String> {
        let names = self
            .leftovers
            .iter()
            .map(|left| format!("{} (pid {}, of {})", left.name, left.pid, left.service));
        let names = names.collect::<Vec<_>>().join(", ");
        (!names.is_empty()).then(|| format!("still running: {names}"))
    }

    pub(super) fn add(&mut self, service: &str, survivors: Vec<ProcessInfo>) {
        if survivors.is_empty() {
            self.stopped.push(service.to_owned());
        }
        let leftover = |process: ProcessInfo| LeftoverProcess {
            service: service.to_owned(),
            pid: process.pid,
            name: process.comm,
        };
        self.leftovers.extend(survivors.into_iter().map(leftover));
    }
}

/// A native stack that runs.
#[derive(Debug)]
pub struct NativeStack {
    info: StackInfo,
    home: NativeHome,
    record: NativeRecord,
    services: Vec<RunningService>,
    watchdog: Option<Watchdog>,
    lifetime: Lifetime,
    /// What rollouts need; `None` until the stack is complete.
    live: Option<LiveStack>,
    is_down: bool,
}

impl NativeStack {
    /// Writes the record before anything runs, and starts the watchdog.
    pub(super) fn begin(
        home: NativeHome,
        record: NativeRecord,
        info: StackInfo,
        plan: &NativePlan,
    ) -> Result<Self, StackError> {
        let mut stack = Self {
            info,
            home,
            record,
            services: Vec::new(),
            watchdog: None,
            lifetime: plan.lifetime,
            live: None,
            is_down: false,
        };
        stack.save_record()?;
        stack.watchdog = plan.watchdog.as_ref().map(WatchdogCommand::start).transpose()?;
        Ok(stack)
    }

    /// Starts one service, registers it with the watchdog and records it.
    pub(super) fn start(&mut self, spec: ServiceSpec) -> Result<(), StackError> {
        let kind = spec.kind;
        let running = spec.start(self.lifetime).map_err(start_error(kind))?;
        let watched = self.watchdog.as_ref().map_or(Ok(()), |watchdog| watchdog.watch(&running.process));
        let session = running.process.session_ref();
        self.record.services.push(RecordedService { name: running.name.clone(), session });
        self.services.push(running);
        watched.map_err(start_error(kind))?;
        self.save_record()
    }

    /// Called when every service is ready: from now on a detached stack outlives this process.
    pub(super) fn complete(&mut self, live: LiveStack) -> Result<(), StackError> {
        self.live = Some(live);
        self.publish_info()?;
        if self.lifetime == Lifetime::Detached
            && let Some(watchdog) = self.watchdog.take()
        {
            watchdog.finish().map_err(watchdog_error)?;
        }
        Ok(())
    }

    /// Updates `StackInfo` and the record from the services that run now.
    pub(super) fn publish_info(&mut self) -> Result<(), StackError> {
        self.info.tiers = merge_tiers(self.services.iter().map(|running| &running.tier));
        self.record.info = Some(self.info.clone());
        self.save_record()
    }

    /// Stops some services; the others continue.
    pub(super) fn end_services(&mut self, names: &[String], grace: Duration) -> Result<(), StackError> {
        let (ended, stay) = std::mem::take(&mut self.services)
            .into_iter()
            .partition(|running: &RunningService| names.contains(&running.name));
        self.services = stay;
        let mut failure = Ok(());
        for running in &ended {
            let stopped = running.process.stop(grace);
            if let Some(watchdog) = &self.watchdog
                && stopped.is_ok()
            {
                let _ = watchdog.forget(running.process.session());
            }
            failure =
                failure.and(stopped.map_err(|error| StackError::System {
                    what: "stopping a service",
                    why: error.to_string(),
                }));
        }
        // What survived stays in the record, so that the next `down` finds it.
        if failure.is_ok() {
            let ended_sessions: Vec<_> = ended.iter().map(|running| running.process.session()).collect();
            self.record.services.retain(|service| !ended_sessions.contains(&service.session.session));
        }
        self.save_record()?;
        failure
    }

    /// Records that another generation of app servers has replaced the previous one.
    pub(super) fn replace_servers(&mut self, live: LiveStack) -> Result<(), StackError> {
        self.record.ports.servers.clone_from(&live.servers.ports);
        self.record.ports.hello = live.servers.hello;
        self.live = Some(live);
        self.publish_info()
    }

    pub(super) fn live(&self) -> Option<&LiveStack> {
        self.live.as_ref()
    }

    pub(super) fn services(&self) -> &[RunningService] {
        &self.services
    }

    /// What runs, with addresses, processes and versions.
    pub fn info(&self) -> &StackInfo {
        &self.info
    }

    /// The ports of its services.
    pub fn ports(&self) -> &Ports {
        &self.record.ports
    }

    /// Checks once whether every service runs and responds to a real request.
    ///
    /// # Errors
    /// `Unhealthy` for the first service that has ended or does not respond, with the end of its log.
    pub fn check(&self, cancel: &Cancel) -> Result<(), StackError> {
        let client = HttpClient::new()?;
        // A service that ended is named before those that depend on it.
        let (ended, running): (Vec<_>, Vec<_>) =
            self.services.iter().partition(|running| running.process.exit_status().is_some());
        ended.into_iter().chain(running).try_for_each(|service| wait::check_health(&client, service, cancel))
    }

    /// Whether [`NativeStack::check`] succeeds.
    pub fn is_healthy(&self) -> bool {
        self.check(&Cancel::new()).is_ok()
    }

    /// Stops one service after the other: SIGTERM, and SIGKILL after `grace`. Logs are kept.
    pub fn down(mut self, grace: Duration) -> NativeDown {
        self.stop(grace)
    }

    fn save_record(&self) -> Result<(), StackError> {
        write_record(&self.home.record_file(), &self.record)
    }

    fn stop(&mut self, grace: Duration) -> NativeDown {
        let mut report = NativeDown::default();
        self.is_down = true;
        for running in self.services.iter().rev() {
            // On an error something survived; the members are what survived.
            let _ = running.process.stop(grace);
            report.add(&running.name, running.process.members());
            if let Some(watchdog) = &self.watchdog {
                // A watchdog that has ended has nothing left to do.
                let _ = watchdog.forget(running.process.session());
            }
        }
        if let Some(watchdog) = self.watchdog.take() {
            let _ = watchdog.finish();
        }
        if report.leftovers.is_empty() {
            // What cannot be removed now is removed by the next `up`.
            let _ = self.home.clear(self.record.alias.as_deref());
        }
        report
    }
}

impl Drop for NativeStack {
    fn drop(&mut self) {
        let lives_on = self.lifetime == Lifetime::Detached && self.record.info.is_some();
        if !self.is_down && !lives_on {
            self.stop(DROP_GRACE);
        }
    }
}

fn start_error(service: &'static str) -> impl FnOnce(kneepoint_process::ProcessError) -> StackError {
    move |source| StackError::Start { service, source: Box::new(source) }
}
