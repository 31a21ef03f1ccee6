//! A compose stack that runs: dropped before it is complete, or as long as it is to die with us, it is taken down.
//!
//! The record is on the disk and the watchdog is told before anything of it exists.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::unmeasured::Unmeasured;
use kneepoint_process::{Lifetime, Watchdog};
use serde::Serialize;

use super::container::Container;
use super::docker::{Compose, Docker};
use super::home::Home;
use super::layout::Layout;
use super::logs;
use super::mine::{self, Holdings, Removed};
use super::ports::HeldPorts;
use super::service::ComposeService;
use super::state::State;
use super::tiers::Standing;
use super::variables::Variables;
use super::wait::Waiter;
use crate::{StackError, Topology};

/// What a stack that is dropped gives its containers to end by themselves.
const DROP_GRACE: Duration = Duration::from_secs(3);

/// What taking a stack down did, and the proof: what a new list showed afterwards.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ComposeDown {
    /// The services whose containers were removed.
    pub stopped: Vec<String>,
    /// Everything that was there and was removed.
    pub removed: Holdings,
    /// What Docker still lists.
    pub left: Holdings,
    /// The last complaint, when something is left.
    pub why: Option<String>,
    /// The kneepoint that owns a stack which was left alone, because it is at work with it.
    pub in_use_by: Option<i32>,
}

impl ComposeDown {
    /// Adds what the removal of one stack did.
    pub(super) fn add(&mut self, stopped: Vec<String>, removed: Removed) {
        self.stopped.extend(stopped);
        self.removed.add(removed.gone);
        self.left.add(removed.left);
        self.why = self.why.take().or(removed.why);
    }
}

/// A stack that runs.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts about this stack")]
pub struct ComposeStack {
    pub(super) docker: Docker,
    pub(super) compose: Compose,
    pub(super) home: Home,
    pub(super) state: State,
    pub(super) topology: Topology,
    pub(super) services: Vec<ComposeService>,
    pub(super) stack: PathBuf,
    pub(super) layout: Option<Layout>,
    pub(super) held: HeldPorts,
    pub(super) variables: Variables,
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
    /// What runs, and where it can be looked at.
    ///
    /// # Panics
    /// Never for a stack that `up` gave: it is complete.
    pub fn info(&self) -> &StackInfo {
        self.state.info.as_ref().expect("a stack is handed out only when it is complete")
    }

    /// What cannot be seen of it, why, and what would mend that.
    pub fn unmeasured(&self) -> &[Unmeasured] {
        &self.state.unmeasured
    }

    /// Whether every container runs and its service answers a real request now.
    ///
    /// # Errors
    /// `Unhealthy` for the first that does not, with how it ended and the end of its log.
    pub fn check(&self, cancel: &Cancel) -> Result<(), StackError> {
        self.waiter(cancel).check(&self.services)
    }

    /// [`ComposeStack::check`] as a yes or no.
    pub fn is_healthy(&self) -> bool {
        self.check(&Cancel::new()).is_ok()
    }

    /// Keeps the logs of all containers and takes the stack down: SIGTERM, after `grace` SIGKILL, then everything of it is
    /// removed, and it is listed again whether anything is left.
    pub fn down(mut self, grace: Duration) -> ComposeDown {
        self.stop(grace)
    }

    pub(super) fn waiter<'a>(&'a self, cancel: &'a Cancel) -> Waiter<'a> {
        Waiter {
            docker: &self.docker,
            project: self.home.project(),
            bridge: self.bridge,
            logs: &self.state.logs,
            cancel,
        }
    }

    /// Its containers as they are now.
    pub(super) fn containers(&self, cancel: &Cancel) -> Result<Vec<Container>, StackError> {
        let mut containers = mine::containers(&self.docker, self.home.project(), cancel)?;
        containers
            .retain(|container| container.service.is_some_and(|service| self.services.contains(&service)));
        Ok(containers)
    }

    /// Looks at the containers as they are now and records what they are.
    pub(super) fn tell(&mut self, cancel: &Cancel) -> Result<(), StackError> {
        let containers = self.containers(cancel)?;
        let standing = Standing {
            topology: &self.topology,
            containers: &containers,
            bridge: self.bridge,
            same_host: self.same_host,
            logs: &self.state.logs,
            variables: &self.variables,
            versions: &self.versions,
        };
        let nowhere = || StackError::System {
            what: "looking at the containers",
            why: "what visitors reach has no address".to_owned(),
        };
        let (info, unmeasured) = (standing.info().ok_or_else(nowhere)?, standing.unmeasured());
        for missing in unmeasured {
            if !self.state.unmeasured.contains(&missing) {
                self.state.unmeasured.push(missing);
            }
        }
        self.state.services.clone_from(&self.services);
        self.state.info = Some(info);
        self.state.write(&self.home.state())
    }

    fn stop(&mut self, grace: Duration) -> ComposeDown {
        self.is_down = true;
        let mut report = ComposeDown::default();
        match take_down(&self.docker, &self.home, &self.state.logs, grace) {
            Ok((stopped, removed)) => report.add(stopped, removed),
            Err(error) => {
                report.why = Some(error.to_string());
                report.left.containers =
                    self.services.iter().map(|service| service.name().to_owned()).collect();
            }
        }
        // Where something is left, the watchdog is dropped, which means to it that we died: it tries once more.
        if let Some(watchdog) = self.watchdog.take()
            && report.left.is_empty()
        {
            // A watchdog that has gone has nothing left to end.
            let _ = watchdog.finish();
        }
        report
    }
}

impl Drop for ComposeStack {
    fn drop(&mut self) {
        let lives_on = self.lifetime == Lifetime::Detached && self.state.info.is_some();
        if !self.is_down && !lives_on {
            self.stop(DROP_GRACE);
        }
    }
}

/// Keeps logs, removes everything of a project, and its work folder when nothing is left.
pub(super) fn take_down(
    docker: &Docker,
    home: &Home,
    kept: &std::path::Path,
    grace: Duration,
) -> Result<(Vec<String>, Removed), StackError> {
    let containers = mine::containers(docker, home.project(), &Cancel::new())?;
    // nginx writes its buffered log when it ends, and databases say goodbye: so they end first and their logs are kept then.
    mine::stop(docker, &containers, grace);
    for container in &containers {
        logs::keep(docker, container, kept);
    }
    let removed = mine::remove(docker, home.project(), Duration::ZERO)?;
    if removed.left.is_empty() {
        // What cannot be removed is found and removed by the next `up`.
        let _ = home.clear();
    }
    let services = containers.iter().filter_map(|container| container.service);
    Ok((services.map(|service| service.name().to_owned()).collect(), removed))
}
