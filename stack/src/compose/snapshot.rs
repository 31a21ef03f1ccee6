//! The data snapshot: made once for each size, seed, database and set of images, then restored into fresh volumes in
//! seconds, so that every stack begins with identical data.
//!
//! A stack of its own (project `…-prepare`) makes it: an empty database, and the service `seed` of `compose.yaml`. The
//! database is shut down cleanly before its folder is packed, so that no start has anything to recover.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_process::Watchdog;

use super::base::Base;
use super::docker::{Compose, Docker};
use super::home::Home;
use super::images::Images;
use super::plan::ComposeGuard;
use super::seeding::Seeding;
use super::{logs, mine, volumes};
use crate::hash::ContentHash;
use crate::topology::Database;
use crate::{Size, StackError, folder};

/// What the stack that makes data is called.
pub(super) const SLOT: &str = "prepare";

/// What a snapshot is made with.
#[derive(Clone, Copy)]
pub(super) struct Maker<'a> {
    pub(super) docker: &'a Docker,
    pub(super) compose: &'a Compose,
    pub(super) images: &'a Images,
    pub(super) root: &'a Path,
    /// The extracted stack.
    pub(super) stack: &'a Path,
    pub(super) binary: &'a Path,
    pub(super) size: Size,
    pub(super) seed: u64,
    pub(super) guard: Option<&'a ComposeGuard>,
    pub(super) bridge: bool,
    pub(super) cancel: &'a Cancel,
    pub(super) events: &'a dyn EventSink,
}

impl Maker<'_> {
    /// The snapshot's folder in `cache`, made when it is not there.
    pub(super) fn ensure(&self, cache: &Path, database: Database) -> Result<PathBuf, StackError> {
        let whole = cache.join(self.name(database));
        if whole.is_dir() {
            return Ok(whole);
        }
        let part = folder::fresh_neighbour(&whole)?;
        let home = Home::slot(self.root, Some(SLOT));
        home.make()?;
        let kept = home.logs();
        folder::remove(&kept)?;
        fs::create_dir_all(kept.join("seed")).map_err(StackError::io("make the folder", &kept))?;
        mine::remove(self.docker, home.project(), Duration::ZERO)?;
        let watchdog = self.guard.map(|guard| guard.start(home.project(), &kept)).transpose()?;
        let made = Seeding { maker: self, home: &home, database }.make(&part);
        if made.is_err() {
            logs::keep_all(self.docker, home.project(), &kept);
        }
        // Whatever came of it, and also when it was stopped on request.
        let removed = mine::remove(self.docker, home.project(), Duration::ZERO);
        // A watchdog that has gone has nothing left to do.
        drop(watchdog.map(Watchdog::finish));
        let names = made?;
        removed?;
        check(&part, &names)?;
        home.clear()?;
        folder::appear(&part, &whole)?;
        Ok(whole)
    }

    fn name(&self, database: Database) -> String {
        let bases = [Base::Mysql]
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

/// A step may succeed and still leave nothing.
fn check(part: &Path, names: &[&str]) -> Result<(), StackError> {
    for name in names {
        let path = part.join(volumes::file(name));
        if fs::metadata(&path).map_err(StackError::io("find", &path))?.len() < 4096 {
            let why = format!("{} is empty", path.display());
            return Err(StackError::System { what: "making the data snapshot", why });
        }
    }
    Ok(())
}
