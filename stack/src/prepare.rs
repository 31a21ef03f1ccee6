//! From nothing to everything that `up` needs: the extracted stack, a virtual environment, a data snapshot.
//!
//! Whatever was prepared before is used again. One process prepares at a time; each part appears whole or not at all,
//! so `kill -9` at any moment is repaired by the next call.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stage::Stage;

use crate::data::{self, Recipe};
use crate::db::{self, DbServer};
use crate::topology::{Database, Topology};
use crate::venv::Packages;
use crate::{Size, StackError, assets, disk, folder, lock, python, venv};

/// How long to wait for another kneepoint that prepares the same folder.
const PATIENCE: Duration = Duration::from_mins(15);

/// What to prepare.
#[derive(Debug, Clone)]
pub struct PreparePlan {
    /// The `.kneepoint` folder.
    pub root: PathBuf,
    /// How much data.
    pub size: Size,
    /// From which number.
    pub seed: u64,
    /// A Python of the user's choice; without it, the first on PATH that will do.
    pub python: Option<PathBuf>,
    /// What the topology needs beyond the site itself.
    pub needs: Needs,
}

/// What a topology needs beyond the site itself. The default is nothing: `SQLite`, and no further packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// The database that keeps the data.
    pub db: Database,
    /// Whether the packages for queue, object store and connection pool are wanted.
    pub extras: bool,
}

impl Default for Needs {
    fn default() -> Self {
        Self { db: Database::Sqlite, extras: false }
    }
}

impl Needs {
    /// What this topology needs natively, with these switches on top.
    pub fn of(topology: &Topology, switches: &BTreeMap<String, String>) -> Self {
        let set = |name: &str| switches.get(name).or_else(|| topology.env.get(name));
        let pool = set("KP_POOL").is_some_and(|value| value != "0");
        let db = topology.db.unwrap_or(Database::Sqlite);
        Self { db, extras: topology.queue || topology.objects || pool }
    }

    fn packages(self, bookstore: &Path, python: &Path, cancel: &Cancel) -> Packages {
        let files = ["requirements.txt"].into_iter();
        let extras = ["requirements-queue.txt", "requirements-objects.txt", "requirements-pool.txt"];
        let files = files.chain(extras.into_iter().filter(|_| self.extras));
        let with_driver = self.db != Database::Sqlite && venv::can_build(python, cancel);
        Packages {
            wheels: files.map(|name| bookstore.join(name)).collect(),
            source: with_driver.then(|| bookstore.join("requirements-mysql.txt")),
        }
    }
}

/// What `up` needs; valid as long as `<root>/cache` is left alone.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The `.kneepoint` folder.
    pub root: PathBuf,
    /// The extracted stack.
    pub stack: PathBuf,
    /// The virtual environment.
    pub venv: PathBuf,
    /// The data snapshot.
    pub data: PathBuf,
    /// How much data.
    pub size: Size,
    /// From which number.
    pub seed: u64,
    /// Versions of Python and the packages.
    pub versions: BTreeMap<String, String>,
    /// The server that keeps the data; absent with `SQLite`.
    pub(crate) db: Option<DbServer>,
}

impl Prepared {
    /// The interpreter of the virtual environment.
    pub fn python(&self) -> PathBuf {
        self.venv.join("bin/python")
    }
}

/// Prepares, or finds what was prepared. Blocks; looks at `cancel` at least every 50 ms.
pub fn prepare(plan: &PreparePlan, cancel: &Cancel, events: &dyn EventSink) -> Result<Prepared, StackError> {
    folder::self_ignoring(&plan.root)?;
    let root = plan.root.canonicalize().map_err(StackError::io("find", &plan.root))?;
    let cache = root.join("cache");
    fs::create_dir_all(&cache).map_err(StackError::io("make the folder", &cache))?;
    disk::require(&cache, disk::NEEDED)?;
    let python = python::locate(plan.python.as_deref(), cancel)?;
    let _lock = lock::take(&cache.join("prepare.lock"), PATIENCE, cancel, &mut || {
        events.note(Stage::Up, "waiting for another kneepoint that prepares the same folder");
    })?;
    let stack = assets::extract(&cache)?;
    let db = db::obtain(plan.needs.db, &cache, &stack, cancel, events)?;
    let packages = plan.needs.packages(&stack.join("bookstore"), &python.path, cancel);
    let venv = venv::ensure(&cache, &python, &packages, cancel, events)?;
    let (size, seed) = (plan.size, plan.seed);
    let recipe = Recipe { stack: &stack, python: &venv.python(), size, seed, db: db.as_ref() };
    let data = data::ensure(&cache, recipe, cancel, events)?;
    clear_parts(&cache);
    Ok(Prepared {
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

/// Neighbours that killed processes left are of no use to anyone. Whole entries stay: another size or an older version
/// of kneepoint may want them again.
fn clear_parts(cache: &Path) {
    let Ok(entries) = fs::read_dir(cache) else { return };
    let parts = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "part"));
    for part in parts {
        // A leftover that cannot be removed wastes space, no more.
        let _ = folder::remove(&part);
    }
}

#[cfg(test)]
mod tests {
    use kneepoint_model::event::NullEventSink;

    use super::*;

    #[test]
    fn a_python_that_is_not_there_is_told_before_anything_is_made() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join(".kneepoint");
        let python = Some("/no/python".into());
        let plan =
            PreparePlan { root: root.clone(), size: Size::S, seed: 1, python, needs: Needs::default() };
        let error = prepare(&plan, &Cancel::new(), &NullEventSink).unwrap_err();
        assert!(matches!(error, StackError::PythonMissing), "{error}");
        assert_eq!(fs::read_dir(root.join("cache")).unwrap().count(), 0);
        assert_eq!(fs::read_to_string(root.join(".gitignore")).unwrap(), "*\n");
    }

    #[test]
    fn only_what_a_topology_needs_is_prepared() {
        let needs = |name: &str| Needs::of(&Topology::named(name).unwrap(), &BTreeMap::new());
        for light in ["runserver", "gunicorn", "nginx", "multi-app"] {
            assert_eq!(needs(light), Needs::default(), "{light}");
        }
        assert_eq!(needs("db-apart"), Needs { db: Database::Mysql, extras: false });
        assert_eq!(needs("queued"), Needs { db: Database::Mysql, extras: true });
        let pool = BTreeMap::from([("KP_POOL".to_owned(), "1".to_owned())]);
        assert!(Needs::of(&Topology::named("nginx").unwrap(), &pool).extras);
        let light = Needs::default().packages(Path::new("/b"), Path::new("python"), &Cancel::new());
        assert_eq!(light, Packages { wheels: vec!["/b/requirements.txt".into()], source: None });
    }

    #[test]
    fn leftovers_of_killed_processes_go() {
        let temp = tempfile::tempdir().unwrap();
        for name in ["data-1-S-1.part", "data-1-M-1", "venv-2"] {
            fs::create_dir(temp.path().join(name)).unwrap();
        }
        clear_parts(temp.path());
        let left = fs::read_dir(temp.path()).unwrap().count();
        assert!(left == 2 && !temp.path().join("data-1-S-1.part").exists());
    }
}
