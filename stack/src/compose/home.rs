//! The folder of a compose stack: `<root>/compose[-slot]/` with its record, lock and logs, and `work/` (configuration,
//! override file), which is removed when the stack is taken down.

use std::fs;
use std::path::{Path, PathBuf};

use super::project::Project;
use crate::error::StackError;
use crate::host::folder;

#[derive(Debug, Clone)]
pub(super) struct ComposeHome {
    folder: PathBuf,
    project: Project,
}

impl ComposeHome {
    /// `root` is made absolute, since the name of the project is derived from it.
    pub(super) fn for_slot(root: &Path, slot: Option<&str>) -> Self {
        let root = absolute(root);
        let project = Project::for_slot(&root, slot);
        let folder = match slot {
            Some(_) => {
                root.join("compose").with_file_name(format!("compose{}", slot_suffix(&project, &root)))
            }
            None => root.join("compose"),
        };
        Self { folder, project }
    }

    /// Every stack that has a folder under this `.kneepoint` folder, the default one first.
    pub(super) fn list_all(root: &Path) -> Vec<Self> {
        let root = absolute(root);
        let entries = fs::read_dir(&root).into_iter().flatten().flatten();
        let mut slots: Vec<String> = entries
            .filter_map(|entry| {
                entry.file_name().into_string().ok()?.strip_prefix("compose-").map(str::to_owned)
            })
            .collect();
        slots.sort();
        let others = slots.iter().map(|slot| Self::for_slot(&root, Some(slot)));
        std::iter::once(Self::for_slot(&root, None)).chain(others).collect()
    }

    pub(super) const fn project(&self) -> &Project {
        &self.project
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
    pub(super) fn work_dir(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// Default folder for logs.
    pub(super) fn logs_dir(&self) -> PathBuf {
        self.folder.join("logs")
    }

    pub(super) fn create(&self) -> Result<(), StackError> {
        fs::create_dir_all(&self.folder).map_err(StackError::io("create the folder", &self.folder))
    }

    /// Removes everything except logs.
    pub(super) fn clear(&self) -> Result<(), StackError> {
        folder::remove(&self.work_dir())?;
        match fs::remove_file(self.record_file()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StackError::io("remove", &self.record_file())(error))
            }
            _ => Ok(()),
        }
    }
}

/// The folder itself, not a link to it, so that a stack has the same name from every path.
pub(super) fn absolute(root: &Path) -> PathBuf {
    root.canonicalize().or_else(|_| std::path::absolute(root)).unwrap_or_else(|_| root.to_owned())
}

/// The slot as it is spelled in the name of the project, so that folder and project correspond.
fn slot_suffix(project: &Project, root: &Path) -> String {
    let usual = Project::for_slot(root, None);
    project.name().strip_prefix(usual.name()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_projects_correspond() {
        let temp = tempfile::tempdir().unwrap();
        let homes = [None, Some("head"), Some("Very odd slot/name")]
            .map(|slot| ComposeHome::for_slot(temp.path(), slot));
        for home in &homes {
            home.create().unwrap();
        }
        let all = ComposeHome::list_all(temp.path());
        let projects = |homes: &[ComposeHome]| {
            let mut names: Vec<String> = homes.iter().map(|home| home.project().name().to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(projects(&all), projects(&homes));
        assert_eq!(all[0].project(), homes[0].project());
    }

    #[test]
    fn clearing_leaves_the_logs() {
        let temp = tempfile::tempdir().unwrap();
        let home = ComposeHome::for_slot(temp.path(), None);
        for folder in [home.work_dir(), home.logs_dir()] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(home.record_file(), "{}").unwrap();
        home.clear().unwrap();
        home.clear().unwrap();
        assert!(home.logs_dir().is_dir() && !home.work_dir().exists() && !home.record_file().exists());
    }
}
