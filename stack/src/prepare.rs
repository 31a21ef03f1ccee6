//! Prepares everything that the native driver needs: the extracted stack, a virtual environment, a data snapshot.
//!
//! Earlier results are reused. One process prepares at a time, and each part appears complete or not at all, so the next call
//! repairs the effects of `kill -9` at any moment.

pub(crate) mod data;
pub(crate) mod python;
pub(crate) mod venv;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stage::Stage;

use self::data::SnapshotRecipe;
use self::venv::Packages;
use crate::assets;
use crate::db::{self, DbServer};
use crate::error::StackError;
use crate::host::{disk, folder, lock};
use crate::topology::{Database, Size, Topology};

/// How long to wait for another kneepoint that prepares in the same folder.
const LOCK_TIMEOUT: Duration = Duration::from_mins(15);

/// Input of [`prepare()`].
#[derive(Debug, Clone)]
pub struct NativePrepare {
    /// The `.kneepoint` folder.
    pub root: PathBuf,
    /// The amount of data.
    pub size: Size,
    /// The seed of the generated data.
    pub seed: u64,
    /// The Python to use; `None` is the first suitable one on PATH.
    pub python: Option<PathBuf>,
    /// Database and packages that the topology needs.
    pub needs: PrepareNeeds,
}

/// Database and packages that a topology needs. The default is `SQLite` without further packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrepareNeeds {
    /// Where the site keeps its data.
    pub db: Database,
    /// Whether the packages for queue, object store and connection pool are needed.
    pub extras: bool,
}

impl Default for PrepareNeeds {
    fn default() -> Self {
        Self { db: Database::Sqlite, extras: false }
    }
}

impl PrepareNeeds {
    /// `switches` override those of the topology.
    pub fn for_topology(topology: &Topology, switches: &BTreeMap<String, String>) -> Self {
        let set = |name: &str| switches.get(name).or_else(|| topology.env.get(name));
        let pool = set("KP_POOL").is_some_and(|value| value != "0");
        let db = topology.db.unwrap_or(Database::Sqlite);
        Self { db, extras: topology.queue || topology.objects || pool }
    }

    fn packages(self, bookstore: &Path, python: &Path, cancel: &Cancel) -> Packages {
        let files = ["requirements.txt"].into_iter();
        let extras = ["requirements-queue.txt", "requirements-objects.txt", "requirements-pool.txt"];
        let files = files.chain(extras.into_iter().filter(|_| self.extras));
        let with_driver = self.db != Database::Sqlite && venv::can_build_driver(python, cancel);
        Packages {
            wheels: files.map(|name| bookstore.join(name)).collect(),
            source: with_driver.then(|| bookstore.join("requirements-mysql.txt")),
        }
    }
}

/// What `native::up` needs; valid while `<root>/cache` stays unchanged.
#[derive(Debug, Clone)]
pub struct NativePrepared {
    /// The `.kneepoint` folder.
    pub root: PathBuf,
    /// The folder of the extracted stack.
    pub stack: PathBuf,
    /// The folder of the virtual environment.
    pub venv: PathBuf,
    /// The folder of the data snapshot.
    pub data: PathBuf,
    /// The amount of data.
    pub size: Size,
    /// The seed of the generated data.
    pub seed: u64,
    /// Versions of Python and of packages.
    pub versions: BTreeMap<String, String>,
    /// The database server of the data; `None` is `SQLite`.
    pub(crate) db: Option<DbServer>,
}

impl NativePrepared {
    /// The interpreter of the virtual environment.
    pub fn python(&self) -> PathBuf {
        self.venv.join("bin/python")
    }
}

/// Prepares, or finds what was prepared before. Blocks; checks `cancel` at least every 50 ms.
///
/// # Errors
/// `PythonMissing`, `PythonTooOld`, `VenvMissing`, `PipNetwork`, `ToolMissing`, `DiskFull`, `Locked`, `Step`, `Io`,
/// `Cancelled`.
pub fn prepare(
    plan: &NativePrepare,
    cancel: &Cancel,
    events: &dyn EventSink,
) -> Result<NativePrepared, StackError> {
    folder::create_ignored(&plan.root)?;
    let root = plan.root.canonicalize().map_err(StackError::io("find", &plan.root))?;
    let cache = root.join("cache");
    fs::create_dir_all(&cache).map_err(StackError::io("create the folder", &cache))?;
    disk::require(&cache, disk::MIN_FREE)?;
    let python = python::locate(plan.python.as_deref(), cancel)?;
    let _lock = lock::take(&cache.join("prepare.lock"), LOCK_TIMEOUT, cancel, &mut || {
        events.note(Stage::Up, "waiting for another kneepoint that prepares in the same folder");
    })?;
    let stack = assets::extract(&cache)?;
    let db = db::obtain(plan.needs.db, &cache, &stack, cancel, events)?;
    let packages = plan.needs.packages(&stack.join("bookstore"), &python.path, cancel);
    let venv = venv::ensure(&cache, &python, &packages, cancel, events)?;
    let (size, seed) = (plan.size, plan.seed);
    let recipe = SnapshotRecipe { stack: &stack, python: &venv.python(), size, seed, db: db.as_ref() };
    let data = data::ensure(&cache, recipe, cancel, events)?;
    remove_parts(&cache);
    Ok(NativePrepared {
        root,
        stack,
        venv: venv.folder,
        data,
        size: plan.size,
        seed: plan.seed,
        versions: venv.versions,
        db,
    })
}

/// Removes `.part` folders of killed processes. Complete entries stay: another size or version of kneepoint may need them.
fn remove_parts(cache: &Path) {
    let Ok(entries) = fs::read_dir(cache) else { return };
    let parts = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "part"));
    for part in parts {
        // A folder that cannot be removed only wastes space.
        let _ = folder::remove(&part);
    }
}

#[cfg(test)]
mod tests {
    use kneepoint_model::event::NullEventSink;

    use super::*;

    #[test]
    fn a_missing_python_is_reported_before_anything_is_created() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join(".kneepoint");
        let python = Some("/no/python".into());
        let plan = NativePrepare {
            root: root.clone(),
            size: Size::S,
            seed: 1,
            python,
            needs: PrepareNeeds::default(),
        };
        let error = prepare(&plan, &Cancel::new(), &NullEventSink).unwrap_err();
        assert!(matches!(error, StackError::PythonMissing), "{error}");
        assert_eq!(fs::read_dir(root.join("cache")).unwrap().count(), 0);
        assert_eq!(fs::read_to_string(root.join(".gitignore")).unwrap(), "*\n");
    }

    #[test]
    fn only_what_a_topology_needs_is_prepared() {
        let needs =
            |name: &str| PrepareNeeds::for_topology(&Topology::named(name).unwrap(), &BTreeMap::new());
        for light in ["runserver", "gunicorn", "nginx", "multi-app"] {
            assert_eq!(needs(light), PrepareNeeds::default(), "{light}");
        }
        assert_eq!(needs("db-apart"), PrepareNeeds { db: Database::Mysql, extras: false });
        assert_eq!(needs("queued"), PrepareNeeds { db: Database::Mysql, extras: true });
        let pool = BTreeMap::from([("KP_POOL".to_owned(), "1".to_owned())]);
        assert!(PrepareNeeds::for_topology(&Topology::named("nginx").unwrap(), &pool).extras);
        let light = PrepareNeeds::default().packages(Path::new("/b"), Path::new("python"), &Cancel::new());
        assert_eq!(light, Packages { wheels: vec!["/b/requirements.txt".into()], source: None });
    }

    #[test]
    fn part_folders_of_killed_processes_are_removed() {
        let temp = tempfile::tempdir().unwrap();
        for name in ["data-1-S-1.part", "data-1-M-1", "venv-2"] {
            fs::create_dir(temp.path().join(name)).unwrap();
        }
        remove_parts(temp.path());
        let left = fs::read_dir(temp.path()).unwrap().count();
        assert!(left == 2 && !temp.path().join("data-1-S-1.part").exists());
    }
}
