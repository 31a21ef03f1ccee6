//! The plan of a reference stack, for both drivers: topology, data and the executable that serves as engine, object store,
//! watchdog and cleaner.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::path::PathBuf;

use kneepoint_model::unmeasured::Unmeasured;
use kneepoint_process::Lifetime;

use crate::compose::{ComposeGuard, ComposePlan, ComposePrepare};
use crate::error::StackError;
use crate::host::ports::PortPlan;
use crate::native::{NativePlan, NativePrepare, PrepareNeeds};
use crate::topology::{Database, Size, Topology};
use crate::watchdog::WatchdogCommand;

/// The topology of [`TopologyChoice::Auto`] in containers: all tiers.
const AUTO_COMPOSE: &str = "full";

/// The driver of a reference stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceDriver {
    /// Processes of this machine.
    Native,
    /// Containers of a local Docker daemon.
    Compose,
}

/// Which topology is brought up.
#[derive(Debug, Clone, PartialEq)]
pub enum TopologyChoice {
    /// Natively `nginx`, or `gunicorn` where nginx is not installed; in containers `full`.
    Auto,
    /// An embedded topology by its name.
    Named(String),
    /// A topology that the caller made.
    Given(Box<Topology>),
}

/// What to prepare and bring up.
#[derive(Debug, Clone)]
pub struct ReferencePlan {
    /// The `.kneepoint` folder.
    pub root: PathBuf,
    /// Distinguishes stacks that run at the same time under one `.kneepoint` folder; each has its own data.
    pub slot: Option<String>,
    /// In processes or in containers.
    pub driver: ReferenceDriver,
    /// Resolved by [`ReferencePlan::resolve_topology`].
    pub topology: TopologyChoice,
    /// Worker processes per server, instead of the topology's.
    pub workers: Option<NonZeroU16>,
    /// The database, instead of the topology's.
    pub db: Option<Database>,
    /// The amount of data.
    pub size: Size,
    /// The seed of the generated data.
    pub seed: u64,
    /// The Python of the native driver; `None` is the first suitable one on PATH.
    pub python: Option<PathBuf>,
    /// The site's port; other services take the next free ports above.
    pub ports: PortPlan,
    /// Switches: `KP_…` variables that override those of the topology.
    pub env: BTreeMap<String, String>,
    /// The folder for logs; `None` is the stack's own, which each `bring_up` empties.
    pub logs: Option<PathBuf>,
    /// Whether the stack ends with this process.
    pub lifetime: Lifetime,
    /// kneepoint's executable, with the subcommands `engine`, `objects`, `watchdog` and `clean`.
    pub exe: PathBuf,
}

impl ReferencePlan {
    /// The topology with `workers` and `db` applied, and what cannot be measured with it and this driver.
    ///
    /// # Errors
    /// `UnknownTopology`, `BadTopology`.
    pub fn resolve_topology(&self) -> Result<(Topology, Vec<Unmeasured>), StackError> {
        let (mut topology, mut unmeasured) = match (&self.topology, self.driver) {
            (TopologyChoice::Given(topology), _) => (topology.as_ref().clone(), Vec::new()),
            (TopologyChoice::Named(name), _) => (Topology::named(name)?, Vec::new()),
            (TopologyChoice::Auto, ReferenceDriver::Compose) => (Topology::named(AUTO_COMPOSE)?, Vec::new()),
            (TopologyChoice::Auto, ReferenceDriver::Native) => {
                let (topology, missing) = Topology::default_here()?;
                (topology, missing.into_iter().collect())
            }
        };
        topology.workers = self.workers.or(topology.workers);
        topology.db = self.db.or(topology.db);
        if self.driver == ReferenceDriver::Native {
            unmeasured.extend(topology.unmeasured_natively());
        }
        Ok((topology, unmeasured))
    }

    pub(crate) fn native_prepare(&self, topology: &Topology) -> NativePrepare {
        NativePrepare {
            root: self.root.clone(),
            size: self.size,
            seed: self.seed,
            python: self.python.clone(),
            needs: PrepareNeeds::for_topology(topology, &self.env),
        }
    }

    pub(crate) fn native_plan(&self, topology: Topology) -> NativePlan {
        NativePlan {
            slot: self.slot.clone(),
            topology,
            ports: self.ports,
            env: self.env.clone(),
            logs: self.logs.clone(),
            lifetime: self.lifetime,
            engine: Some(self.command("engine")),
            objects: Some(self.command("objects")),
            watchdog: Some(self.watchdog()),
        }
    }

    pub(crate) fn compose_prepare(&self, topology: &Topology) -> ComposePrepare {
        ComposePrepare {
            root: self.root.clone(),
            size: self.size,
            seed: self.seed,
            topologies: vec![topology.clone()],
            binary: self.exe.clone(),
            guard: Some(self.guard()),
        }
    }

    pub(crate) fn compose_plan(&self, topology: Topology) -> ComposePlan {
        ComposePlan {
            slot: self.slot.clone(),
            topology,
            ports: self.ports,
            env: self.env.clone(),
            quotas: false,
            logs: self.logs.clone(),
            lifetime: self.lifetime,
            guard: Some(self.guard()),
        }
    }

    fn command(&self, subcommand: &str) -> Vec<String> {
        vec![self.exe.to_string_lossy().into_owned(), subcommand.to_owned()]
    }

    fn watchdog(&self) -> WatchdogCommand {
        WatchdogCommand { exe: self.exe.clone(), args: vec!["watchdog".to_owned()] }
    }

    fn guard(&self) -> ComposeGuard {
        ComposeGuard { watchdog: self.watchdog(), cleaner: self.command("clean") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(driver: ReferenceDriver, topology: TopologyChoice) -> ReferencePlan {
        ReferencePlan {
            root: "/x/.kneepoint".into(),
            slot: None,
            driver,
            topology,
            workers: NonZeroU16::new(3),
            db: Some(Database::Sqlite),
            size: Size::S,
            seed: 1,
            python: None,
            ports: PortPlan::default(),
            env: BTreeMap::new(),
            logs: None,
            lifetime: Lifetime::DieWithParent,
            exe: "/usr/bin/kneepoint".into(),
        }
    }

    #[test]
    fn the_plan_overrides_workers_and_database_of_any_topology() {
        let auto = plan(ReferenceDriver::Compose, TopologyChoice::Auto).resolve_topology().unwrap().0;
        assert_eq!(
            (auto.name.as_str(), auto.workers, auto.db),
            ("full", NonZeroU16::new(3), Some(Database::Sqlite))
        );
        let named = TopologyChoice::Named("db-apart".to_owned());
        let (topology, unmeasured) = plan(ReferenceDriver::Native, named.clone()).resolve_topology().unwrap();
        assert_eq!(
            (topology.db, unmeasured.len()),
            (Some(Database::Sqlite), 1),
            "one machine instead of two"
        );
        assert!(plan(ReferenceDriver::Compose, named).resolve_topology().unwrap().1.is_empty());
        let unknown =
            plan(ReferenceDriver::Native, TopologyChoice::Named("ngnix".to_owned())).resolve_topology();
        assert!(matches!(unknown, Err(StackError::UnknownTopology { .. })));
    }

    #[test]
    fn one_executable_has_all_roles() {
        let plan = plan(ReferenceDriver::Native, TopologyChoice::Auto);
        let native = plan.native_plan(Topology::named("gunicorn").unwrap());
        assert_eq!(native.engine.unwrap(), ["/usr/bin/kneepoint", "engine"]);
        assert_eq!(native.watchdog.unwrap().args, ["watchdog"]);
        assert_eq!(plan.guard().cleaner, ["/usr/bin/kneepoint", "clean"]);
    }
}
