//! From nothing to everything that `up` needs: the extracted stack, images, a data snapshot.
//!
//! Whatever was prepared before is used again. One process prepares at a time; each part appears whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stage::Stage;
use kneepoint_model::units::Bytes;

use super::daemon::Daemon;
use super::docker::{Compose, Docker};
use super::home::Home;
use super::images::{Images, Workshop};
use super::plan::ComposePrepare;
use super::service::{ComposeService, database, wanted};
use super::snapshot::{Maker, SLOT};
use super::{home, versions};
use crate::topology::{Database, Topology};
use crate::{Size, StackError, assets, disk, folder, lock};

/// How long to wait for another kneepoint that prepares the same folder.
const PATIENCE: Duration = Duration::from_mins(30);
/// What images and volumes take where Docker keeps them.
const DOCKER_NEEDS: Bytes = Bytes(5 << 30);

/// What `up` needs; valid as long as `<root>/cache` and the images are left alone.
#[derive(Debug, Clone)]
pub struct ComposePrepared {
    /// The `.kneepoint` folder.
    pub root: PathBuf,
    /// The extracted stack, with `compose.yaml`.
    pub stack: PathBuf,
    /// How much data.
    pub size: Size,
    /// From which number.
    pub seed: u64,
    /// Versions of what runs in the containers, and of the tools.
    pub versions: BTreeMap<String, String>,
    pub(super) binary: PathBuf,
    pub(super) docker: Docker,
    pub(super) compose: Compose,
    pub(super) daemon: Daemon,
    pub(super) same_host: bool,
    pub(super) images: Images,
    pub(super) snapshots: BTreeMap<&'static str, PathBuf>,
}

impl ComposePrepared {
    /// Whether official images could not be had.
    pub fn stand_ins(&self) -> bool {
        self.images.stand_ins
    }

    /// The data for a database.
    pub(super) fn snapshot(&self, database: Database) -> Result<&Path, StackError> {
        self.snapshots.get(key(database)).map(PathBuf::as_path).ok_or_else(|| StackError::System {
            what: "restoring the data",
            why: format!("nothing was prepared for {}", key(database)),
        })
    }
}

const fn key(database: Database) -> &'static str {
    match database {
        Database::Sqlite => "SQLite",
        Database::Mysql => "MySQL",
        Database::Mariadb => "MariaDB",
    }
}

/// Prepares, or finds what was prepared. Blocks; looks at `cancel` at least every 50 ms.
///
/// # Errors
/// `ToolMissing`, `NoDaemon`, `DaemonDenied`, `DaemonElsewhere`, `DiskFull`, `Image`, `StandIns`, `NotReady` (the database
/// that is filled), `Step`, `Cancelled`. Nothing is left running.
pub fn prepare(
    plan: &ComposePrepare,
    cancel: &Cancel,
    events: &dyn EventSink,
) -> Result<ComposePrepared, StackError> {
    let docker = Docker::locate()?;
    let daemon = docker.daemon(cancel)?;
    let compose = docker.compose(cancel)?;
    let needs = needs(&plan.topologies)?;
    folder::self_ignoring(&plan.root)?;
    let root = home::absolute(&plan.root);
    let cache = root.join("cache");
    fs::create_dir_all(&cache).map_err(StackError::io("make the folder", &cache))?;
    let same_host = daemon.shares_kernel(&kernel());
    room(&cache, &daemon, same_host)?;
    let _lock = lock::take(&cache.join("prepare.lock"), PATIENCE, cancel, &mut || {
        events.note(Stage::Up, "waiting for another kneepoint that prepares the same folder");
    })?;
    let stack = assets::extract(&cache)?;
    let project = Home::slot(&root, Some(SLOT)).project().clone();
    let label = project.label();
    let workshop = Workshop { docker: &docker, stack: &stack, label: &label, cancel, events };
    let images = workshop.images(&needs.services)?;
    let mut versions = versions::of(&docker, &images, &cache, &project, cancel)?;
    versions.insert("docker".to_owned(), daemon.version.clone());
    versions.insert("compose".to_owned(), compose.version().to_owned());
    let maker = Maker {
        docker: &docker,
        compose: &compose,
        images: &images,
        root: &root,
        stack: &stack,
        binary: &plan.binary,
        size: plan.size,
        seed: plan.seed,
        guard: plan.guard.as_ref(),
        bridge: same_host,
        cancel,
        events,
    };
    let mut snapshots = BTreeMap::new();
    for database in needs.databases {
        snapshots.insert(key(database), maker.ensure(&cache, database)?);
    }
    Ok(ComposePrepared {
        root,
        stack,
        size: plan.size,
        seed: plan.seed,
        versions,
        binary: plan.binary.clone(),
        docker,
        compose,
        daemon,
        same_host,
        images,
        snapshots,
    })
}

/// What a list of topologies needs.
struct Needs {
    services: BTreeSet<ComposeService>,
    databases: Vec<Database>,
}

fn needs(topologies: &[Topology]) -> Result<Needs, StackError> {
    let mut needs = Needs { services: BTreeSet::new(), databases: Vec::new() };
    for topology in topologies {
        needs.services.extend(wanted(topology)?);
        let database = database(topology)?;
        if !needs.databases.contains(&database) {
            needs.databases.push(database);
        }
    }
    Ok(needs)
}

/// Our own kernel's release.
pub(super) fn kernel() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

fn room(cache: &Path, daemon: &Daemon, same_host: bool) -> Result<(), StackError> {
    disk::require(cache, disk::NEEDED)?;
    let docker = Path::new(&daemon.folder);
    // Its folder may be closed to us; the one above it is on the same disk more often than not.
    let visible = docker.ancestors().find(|path| path.is_dir());
    visible.filter(|_| same_host).map_or(Ok(()), |path| disk::require(path, DOCKER_NEEDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_needs_both_databases() {
        let needs = needs(&Topology::ladder().unwrap()).unwrap();
        assert_eq!(needs.databases, [Database::Sqlite, Database::Mysql]);
        assert_eq!(needs.services.len(), ComposeService::ALL.len());
    }

    #[test]
    fn this_kernel_has_a_name() {
        assert!(!kernel().is_empty());
    }
}
