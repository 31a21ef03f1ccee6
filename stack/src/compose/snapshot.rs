//! The data snapshot: filled once for each size, seed, database and set of images, then restored into fresh volumes in
//! seconds, so that every stack starts with identical data.
//!
//! A separate stack (project `…-prepare`) makes it with an empty database and the service `seed` of `compose.yaml`. The
//! database is shut down cleanly before its folder is packed, so that no start needs a recovery.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_process::Watchdog;

use super::base::BaseImage;
use super::home::ComposeHome;
use super::seeding::{Seeding, SnapshotBuilder};
use super::{docker_resources, logs, volumes};
use crate::error::StackError;
use crate::host::folder;
use crate::host::hash::ContentHash;
use crate::topology::Database;

/// The slot of the stack that makes the data.
pub(super) const SLOT: &str = "prepare";

impl SnapshotBuilder<'_> {
    /// Returns the folder of the snapshot in `cache`, after making it when it does not exist.
    pub(super) fn ensure(&self, cache: &Path, database: Database) -> Result<PathBuf, StackError> {
        let whole = cache.join(self.snapshot_name(database));
        if whole.is_dir() {
            return Ok(whole);
        }
        let part = folder::create_part(&whole)?;
        let home = ComposeHome::for_slot(self.root, Some(SLOT));
        home.create()?;
        let logs_dir = home.logs_dir();
        folder::remove(&logs_dir)?;
        fs::create_dir_all(logs_dir.join("seed")).map_err(StackError::io("create the folder", &logs_dir))?;
        docker_resources::remove_all(self.docker, home.project(), Duration::ZERO)?;
        let watchdog = self.guard.map(|guard| guard.start(home.project(), &logs_dir)).transpose()?;
        let filled = Seeding { builder: self, home: &home, database }.fill(&part);
        if filled.is_err() {
            logs::save_all_logs(self.docker, home.project(), &logs_dir);
        }
        // After success, failure and cancellation alike.
        let removed = docker_resources::remove_all(self.docker, home.project(), Duration::ZERO);
        // A watchdog that has ended has nothing left to do.
        drop(watchdog.map(Watchdog::finish));
        let names = filled?;
        removed?;
        require_filled(&part, &names)?;
        home.clear()?;
        folder::move_into_place(&part, &whole)?;
        Ok(whole)
    }

    fn snapshot_name(&self, database: Database) -> String {
        let bases = [BaseImage::Mysql]
            .iter()
            .filter(|_| database == Database::Mysql)
            .filter_map(|base| self.images.bases.get(base));
        let ids = bases.chain(&self.images.server).map(|image| image.id.as_bytes());
        let stack = self.stack.file_name().unwrap_or_default().as_encoded_bytes();
        let hash = ids.fold(ContentHash::new().part(stack), ContentHash::part).short();
        let kind = if database == Database::Sqlite { "sqlite" } else { "mysql" };
        format!("compose-data-{hash}-{kind}-{}-{}", self.size, self.seed)
    }
}

/// A step may succeed without producing anything.
fn require_filled(part: &Path, names: &[&str]) -> Result<(), StackError> {
    for name in names {
        let path = part.join(volumes::archive_name(name));
        if fs::metadata(&path).map_err(StackError::io("find", &path))?.len() < 4096 {
            let why = format!("{} is empty", path.display());
            return Err(StackError::System { what: "making the data snapshot", why });
        }
    }
    Ok(())
}
