//! A compose stack that runs. Dropping it takes it down, unless it is complete and detached.
//!
//! The record is on disk and the watchdog runs before anything of the stack exists.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::unmeasured::Unmeasured;
use kneepoint_process::{Lifetime, Watchdog};
use serde::Serialize;

use super::container::Container;
use super::docker::{ComposeTool, Docker};
use super::docker_resources::{self, DockerResources, Removal};
use super::home::ComposeHome;
use super::layout::Layout;
use super::logs;
use super::ports::PublishedPorts;
use super::record::ComposeRecord;
use super::service::ComposeService;
use super::tier_info::StackView;
use super::variables::SiteVariables;
use super::wait::ReadinessWaiter;
use crate::error::StackError;
use crate::owner::write_record;
use crate::topology::Topology;

/// Time between SIGTERM and SIGKILL for containers of a dropped stack.
const DROP_GRACE: Duration = Duration::from_secs(3);

/// The outcome of taking compose stacks down, with what Docker listed afterwards.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ComposeDown {
    /// Services whose containers were removed.
    pub stopped: Vec<String>,
    /// Everything that existed and was removed.
    pub removed: DockerResources,
    /// What Docker still lists.
    pub left: DockerResources,
    /// The last error, when something is left.
    pub why: Option<String>,
    /// Process id of the kneepoint that owns a stack, when it was therefore not touched.
    pub in_use_by: Option<i32>,
}

impl ComposeDown {
    /// `still there: container x (why)`; `None` when nothing is left.
    pub fn leftovers_text(&self) -> Option<String> {
        let why = self.why.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
        (!self.left.is_empty()).then(|| format!("still there: {}{why}", self.left.names()))
    }

    /// Adds the outcome for one stack.
    pub(super) fn add(&mut self, stopped: Vec<String>, removed: Removal) {
        self.stopped.extend(stopped);
        self.removed.add(removed.removed);
        self.left.add(removed.remaining);
        self.why = self.why.take().or(removed.error);
    }
}

/// A compose stack that runs.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts about this stack")]
pub struct ComposeStack {
    pub(super) docker: Docker,
    pub(super) compose: ComposeTool,
    pub(super) home: ComposeHome,
    pub(super) record: ComposeRecord,
    pub(super) topology: Topology,
    pub(super) services: Vec<ComposeService>,
    pub(super) stack: PathBuf,
    pub(super) layout: Option<Layout>,
    pub(super) held: PublishedPorts,
    pub(super) variables: SiteVariables,
    pub(super) versions: BTreeMap<String, String>,
    pub(super) bridge: bool,
    pub(super) same_host: bool,
    pub(super) keeps_clients: bool,
    pub(super) open_files: u64,
    pub(super) serving: Vec<ComposeService>,
    pub(super) lifetime: Lifetime,
    pub(super) watchdog: Option<Watchdog>,
    pub(super) is_down: bool,
}

impl ComposeStack {
    /// What runs, with addresses, processes and versions.
    ///
    /// # Panics
    /// Never for a stack that `up` returned, which is complete.
    pub fn info(&self) -> &StackInfo {
        self.record.info.as_ref().expect("`up` returns only complete stacks")
    }

    /// What cannot be measured on this stack, why, and the fix.
    pub fn unmeasured(&self) -> &[Unmeasured] {
        &self.record.unmeasured
    }

    /// Checks once whether every container runs and its service responds to a real request.
    ///
    /// # Errors
    /// `Unhealthy` for the first that does not, with how it ended and the end of its log.
    pub fn check(&self, cancel: &Cancel) -> Result<(), StackError> {
        self.waiter(cancel).check(&self.services)
    }

    /// Whether [`ComposeStack::check`] succeeds.
    pub fn is_healthy(&self) -> bool {
        self.check(&Cancel::new()).is_ok()
    }

    /// Saves the logs of all containers, stops them (SIGTERM, and SIGKILL after `grace`), removes everything of the stack, and
    /// lists again what is left.
    pub fn down(mut self, grace: Duration) -> ComposeDown {
        self.stop(grace)
    }

    pub(super) fn waiter<'a>(&'a self, cancel: &'a Cancel) -> ReadinessWaiter<'a> {
        ReadinessWaiter {
            docker: &self.docker,
            project: self.home.project(),
            bridge: self.bridge,
            logs: &self.record.logs,
            cancel,
        }
    }

    /// The current containers of its services.
    pub(super) fn containers(&self, cancel: &Cancel) -> Result<Vec<Container>, StackError> {
        let mut containers = docker_resources::list_containers(&self.docker, self.home.project(), cancel)?;
        containers
            .retain(|container| container.service.is_some_and(|service| self.services.contains(&service)));
        Ok(containers)
    }

    /// Updates `StackInfo` and the record from the current containers.
    pub(super) fn record_info(&mut self, cancel: &Cancel) -> Result<(), StackError> {
        let containers = self.containers(cancel)?;
        let view = StackView {
            topology: &self.topology,
            containers: &containers,
            bridge: self.bridge,
            same_host: self.same_host,
            logs: &self.record.logs,
            variables: &self.variables,
            versions: &self.versions,
        };
        let nowhere = || StackError::System {
            what: "inspecting the containers",
            why: "the service that users reach has no address".to_owned(),
        };
        let (info, unmeasured) = (view.info().ok_or_else(nowhere)?, view.unmeasured());
        for missing in unmeasured {
            if !self.record.unmeasured.contains(&missing) {
                self.record.unmeasured.push(missing);
            }
        }
        self.record.services.clone_from(&self.services);
        self.record.info = Some(info);
        write_record(&self.home.record_file(), &self.record)
    }

    fn stop(&mut self, grace: Duration) -> ComposeDown {
        self.is_down = true;
        let mut report = ComposeDown::default();
        match take_down(&self.docker, &self.home, &self.record.logs, grace) {
            Ok((stopped, removed)) => report.add(stopped, removed),
            Err(error) => {
                report.why = Some(error.to_string());
                report.left.containers =
                    self.services.iter().map(|service| service.name().to_owned()).collect();
            }
        }
        // When something is left, the watchdog is dropped, which makes it run the cleaner once more.
        if let Some(watchdog) = self.watchdog.take()
            && report.left.is_empty()
        {
            // A watchdog that has ended has nothing left to do.
            let _ = watchdog.finish();
        }
        report
    }
}

impl Drop for ComposeStack {
    fn drop(&mut self) {
        let survives = self.lifetime == Lifetime::Detached && self.record.info.is_some();
        if !self.is_down && !survives {
            self.stop(DROP_GRACE);
        }
    }
}

/// Saves logs, removes everything of a project, and its work folder when nothing is left.
pub(super) fn take_down(
    docker: &Docker,
    home: &ComposeHome,
    logs_dir: &std::path::Path,
    grace: Duration,
) -> Result<(Vec<String>, Removal), StackError> {
    let containers = docker_resources::list_containers(docker, home.project(), &Cancel::new())?;
    // nginx and databases write to their logs when they end, so logs are saved after the stop.
    docker_resources::stop_containers(docker, &containers, grace);
    for container in &containers {
        logs::save_log(docker, container, logs_dir);
    }
    let removed = docker_resources::remove_all(docker, home.project(), Duration::ZERO)?;
    if removed.remaining.is_empty() {
        // What cannot be removed now is removed by the next `up`.
        let _ = home.clear();
    }
    let services = containers.iter().filter_map(|container| container.service);
    Ok((services.map(|service| service.name().to_owned()).collect(), removed))
}
