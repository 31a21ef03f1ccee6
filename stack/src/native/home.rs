//! The folder of a native stack: `<root>/stack[-slot]/` with its record, lock and logs, and `run/`, which is removed when
//! the stack is taken down.
//!
//! Programs get a short and plain path to `run/` (see `host::folder::plain_path`); where that is a link, the record names it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::StackError;
use crate::host::folder;

#[derive(Debug, Clone)]
pub(super) struct NativeHome {
    folder: PathBuf,
}

impl NativeHome {
    /// The stack without a slot name under this `.kneepoint` folder.
    pub(super) fn default_slot(root: &Path) -> Self {
        Self::for_slot(root, None)
    }

    /// `root` is made absolute, since stored paths are compared with it.
    pub(super) fn for_slot(root: &Path, slot: Option<&str>) -> Self {
        let name = slot.map_or_else(|| "stack".to_owned(), |slot| format!("stack-{slot}"));
        Self { folder: root.canonicalize().unwrap_or_else(|_| root.to_owned()).join(name) }
    }

    /// Every stack that has a folder under this `.kneepoint` folder, the default one first.
    pub(super) fn list_all(root: &Path) -> Vec<Self> {
        let mut slots: Vec<String> = fs::read_dir(root)
            .map(|entries| {
                entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()
            })
            .unwrap_or_default();
        slots.retain(|name| name.starts_with("stack-"));
        slots.sort();
        let others = slots.iter().filter_map(|name| name.strip_prefix("stack-"));
        std::iter::once(Self::default_slot(root))
            .chain(others.map(|slot| Self::for_slot(root, Some(slot))))
            .collect()
    }

    /// `state.json`: see `record.rs`.
    pub(super) fn record_file(&self) -> PathBuf {
        self.folder.join("state.json")
    }

    /// Locked while a stack is brought up or taken down.
    pub(super) fn lock_file(&self) -> PathBuf {
        self.folder.join("lock")
    }

    /// Removed when the stack is taken down.
    pub(super) fn run_dir(&self) -> PathBuf {
        self.folder.join("run")
    }

    /// Default folder for logs.
    pub(super) fn logs_dir(&self) -> PathBuf {
        self.folder.join("logs")
    }

    pub(super) fn create(&self) -> Result<(), StackError> {
        fs::create_dir_all(&self.folder).map_err(StackError::io("create the folder", &self.folder))
    }

    /// Removes everything except logs.
    pub(super) fn clear(&self, alias: Option<&Path>) -> Result<(), StackError> {
        folder::remove(&self.run_dir())?;
        let files = alias.filter(|path| is_our_alias(path, &self.run_dir())).map(Path::to_owned).into_iter();
        for file in files.chain([self.record_file()]) {
            match fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StackError::io("remove", &file)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// A recorded path is removed only when it is the link that kneepoint made.
fn is_our_alias(path: &Path, run: &Path) -> bool {
    fs::read_link(path).is_ok_and(|target| target == run)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::host::folder::{is_plain, plain_path};

    #[test]
    fn long_and_odd_paths_get_a_plain_alias() {
        let temp = tempfile::tempdir().unwrap();
        for odd in [
            "with a blank".to_owned(),
            "x".repeat(120),
            "semi;colon".to_owned(),
            "per%cent".to_owned(),
            "ü".to_owned(),
        ] {
            let home = NativeHome::default_slot(&temp.path().join(odd));
            fs::create_dir_all(home.run_dir()).unwrap();
            let (path, alias) = plain_path(&home.run_dir()).unwrap();
            assert!(is_plain(&path) && alias.as_ref() == Some(&path), "{}", path.display());
            fs::write(path.join("seen"), "x").unwrap();
            assert!(home.run_dir().join("seen").exists());
            home.clear(alias.as_deref()).unwrap();
            assert!(!home.run_dir().exists() && fs::symlink_metadata(&path).is_err());
        }
    }

    #[test]
    fn a_foreign_link_is_not_removed() {
        let temp = tempfile::tempdir().unwrap();
        let home = NativeHome::default_slot(temp.path());
        home.create().unwrap();
        let foreign = temp.path().join("foreign");
        symlink("/etc", &foreign).unwrap();
        home.clear(Some(&foreign)).unwrap();
        assert!(fs::symlink_metadata(&foreign).is_ok());
    }
}
