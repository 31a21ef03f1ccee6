//! The result of `prepare`, the input of `up`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::daemon::Daemon;
use super::docker::{ComposeTool, Docker};
use super::images::ImageSet;
use crate::error::StackError;
use crate::topology::{Database, Size};

/// What `up` needs; valid while `<root>/cache` and the images stay unchanged.
#[derive(Debug, Clone)]
pub struct ComposePrepared {
    /// The `.kneepoint` folder.
    pub root: PathBuf,
    /// The extracted stack, with `compose.yaml`.
    pub stack: PathBuf,
    /// The amount of data.
    pub size: Size,
    /// The seed of the generated data.
    pub seed: u64,
    /// Versions of the programs in the containers and of the Docker tools.
    pub versions: BTreeMap<String, String>,
    pub(super) binary: PathBuf,
    pub(super) docker: Docker,
    pub(super) compose: ComposeTool,
    pub(super) daemon: Daemon,
    pub(super) same_host: bool,
    pub(super) images: ImageSet,
    pub(super) snapshots: BTreeMap<&'static str, PathBuf>,
}

impl ComposePrepared {
    /// Whether stand-ins replace official images.
    pub fn stand_ins(&self) -> bool {
        self.images.stand_ins
    }

    /// The data snapshot for this database.
    pub(super) fn snapshot(&self, database: Database) -> Result<&Path, StackError> {
        self.snapshots.get(database_name(database)).map(PathBuf::as_path).ok_or_else(|| StackError::System {
            what: "restoring the data",
            why: format!("no data were prepared for {}", database_name(database)),
        })
    }
}

pub(super) const fn database_name(database: Database) -> &'static str {
    match database {
        Database::Sqlite => "SQLite",
        Database::Mysql => "MySQL",
        Database::Mariadb => "MariaDB",
    }
}
