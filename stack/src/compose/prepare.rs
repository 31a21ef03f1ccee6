//! Prepares everything that `up` parts: the extracted stack, images, data snapshots.
//!
//! Earlier results are reused. One process prepares at a time, and each part appears by rename, complete or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stage::Stage;
use kneepoint_model::units::Bytes;

use super::daemon::Daemon;
use super::docker::Docker;
use super::home;
use super::home::ComposeHome;
use super::images::ImageBuilder;
use super::plan::ComposePrepare;
use super::prepared::{ComposePrepared, database_name};
use super::seeding::SnapshotBuilder;
use super::service::{ComposeService, database_of, required_services};
use super::snapshot::SLOT;
use super::versions::image_versions;
use crate::assets;
use crate::error::StackError;
use crate::host::{disk, folder, lock};
use crate::topology::{Database, Topology};

/// How long to wait for another kneepoint that prepares in the same folder.
const LOCK_TIMEOUT: Duration = Duration::from_mins(30);
/// Free space for images and volumes in Docker's folder.
const DOCKER_SPACE: Bytes = Bytes(5 << 30);

/// Prepares, or finds what was prepared before. Blocks; checks `cancel` at least every 50 ms.
///
/// # Errors
/// `ToolMissing`, `NoDaemon`, `DaemonDenied`, `DaemonElsewhere`, `DiskFull`, `Image`, `StandIns`, `NotReady` (the database
/// that is filled), `Step`, `Cancelled`. No container keeps running.
pub fn prepare(
    plan: &ComposePrepare,
    cancel: &Cancel,
    events: &dyn EventSink,
) -> Result<ComposePrepared, StackError> {
    let docker = Docker::locate()?;
    let daemon = docker.inspect_daemon(cancel)?;
    let compose = docker.find_compose(cancel)?;
    let parts = required_parts(&plan.topologies)?;
    folder::create_ignored(&plan.root)?;
    let root = home::absolute(&plan.root);
    let cache = root.join("cache");
    fs::create_dir_all(&cache).map_err(StackError::io("create the folder", &cache))?;
    let same_host = daemon.shares_kernel(&kernel_release());
    require_disk_space(&cache, &daemon, same_host)?;
    let _lock = lock::take(&cache.join("prepare.lock"), LOCK_TIMEOUT, cancel, &mut || {
        events.note(Stage::Up, "waiting for another kneepoint that prepares in the same folder");
    })?;
    let stack = assets::extract(&cache)?;
    let project = ComposeHome::for_slot(&root, Some(SLOT)).project().clone();
    let label = project.label();
    let builder = ImageBuilder { docker: &docker, stack: &stack, label: &label, cancel, events };
    let images = builder.ensure_all(&parts.services)?;
    let mut versions = image_versions(&docker, &images, &cache, &project, cancel)?;
    versions.insert("docker".to_owned(), daemon.version.clone());
    versions.insert("compose".to_owned(), compose.version().to_owned());
    let builder = SnapshotBuilder {
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
    for database in parts.databases {
        snapshots.insert(database_name(database), builder.ensure(&cache, database)?);
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

/// What a list of topologies requires.
struct RequiredParts {
    services: BTreeSet<ComposeService>,
    databases: Vec<Database>,
}

fn required_parts(topologies: &[Topology]) -> Result<RequiredParts, StackError> {
    let mut parts = RequiredParts { services: BTreeSet::new(), databases: Vec::new() };
    for topology in topologies {
        parts.services.extend(required_services(topology)?);
        let database = database_of(topology)?;
        if !parts.databases.contains(&database) {
            parts.databases.push(database);
        }
    }
    Ok(parts)
}

/// Release of this machine's kernel.
pub(super) fn kernel_release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

fn require_disk_space(cache: &Path, daemon: &Daemon, same_host: bool) -> Result<(), StackError> {
    disk::require(cache, disk::MIN_FREE)?;
    let docker = Path::new(&daemon.folder);
    // Its folder may be unreadable; the folder above is usually on the same disk.
    let visible = docker.ancestors().find(|path| path.is_dir());
    visible.filter(|_| same_host).map_or(Ok(()), |path| disk::require(path, DOCKER_SPACE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_requires_both_databases() {
        let parts = required_parts(&Topology::ladder().unwrap()).unwrap();
        assert_eq!(parts.databases, [Database::Sqlite, Database::Mysql]);
        assert_eq!(parts.services.len(), ComposeService::ALL.len());
    }

    #[test]
    fn this_kernel_has_a_name() {
        assert!(!kernel_release().is_empty());
    }
}
