//! From nothing to everything that `up` needs: the extracted stack, a virtual environment, a data snapshot.
//!
//! Whatever was prepared before is used again. One process prepares at a time; each part appears whole or not at all,
//! so `kill -9` at any moment is repaired by the next call.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::{EventSink, Stage};

use crate::data::{self, Recipe};
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
    let venv = venv::ensure(&cache, &python, &stack.join("bookstore/requirements.txt"), cancel, events)?;
    let recipe = Recipe { stack: &stack, python: &venv.python(), size: plan.size, seed: plan.seed };
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
    use kneepoint_model::event::Silent;

    use super::*;

    #[test]
    fn a_python_that_is_not_there_is_told_before_anything_is_made() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join(".kneepoint");
        let plan =
            PreparePlan { root: root.clone(), size: Size::S, seed: 1, python: Some("/no/python".into()) };
        let error = prepare(&plan, &Cancel::new(), &Silent).unwrap_err();
        assert!(matches!(error, StackError::PythonMissing), "{error}");
        assert_eq!(fs::read_dir(root.join("cache")).unwrap().count(), 0);
        assert_eq!(fs::read_to_string(root.join(".gitignore")).unwrap(), "*\n");
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
