//! Where a compose stack lives on this machine: `<root>/compose[-slot]/` with its state, its lock, its logs, and `work/`
//! (configuration, override file), which goes when it is taken down.

use std::fs;
use std::path::{Path, PathBuf};

use super::project::Project;
use crate::{StackError, folder};

/// The folders of a stack.
#[derive(Debug, Clone)]
pub(super) struct Home {
    folder: PathBuf,
    project: Project,
}

impl Home {
    /// Of this `.kneepoint` folder and slot. Made absolute, since the project is named after it.
    pub(super) fn slot(root: &Path, slot: Option<&str>) -> Self {
        let root = absolute(root);
        let project = Project::of(&root, slot);
        let folder = match slot {
            Some(_) => root.join("compose").with_file_name(format!("compose{}", suffix(&project, &root))),
            None => root.join("compose"),
        };
        Self { folder, project }
    }

    /// Every stack that has a folder under this `.kneepoint` folder, the usual one first.
    pub(super) fn all(root: &Path) -> Vec<Self> {
        let root = absolute(root);
        let entries = fs::read_dir(&root).into_iter().flatten().flatten();
        let mut slots: Vec<String> = entries
            .filter_map(|entry| {
                entry.file_name().into_string().ok()?.strip_prefix("compose-").map(str::to_owned)
            })
            .collect();
        slots.sort();
        let others = slots.iter().map(|slot| Self::slot(&root, Some(slot)));
        std::iter::once(Self::slot(&root, None)).chain(others).collect()
    }

    /// Its compose project.
    pub(super) const fn project(&self) -> &Project {
        &self.project
    }

    /// `state.json`.
    pub(super) fn state(&self) -> PathBuf {
        self.folder.join("state.json")
    }

    /// Held while a stack comes up or goes down.
    pub(super) fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }

    /// What goes when the stack is taken down.
    pub(super) fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// Where logs go when nobody says otherwise.
    pub(super) fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    /// Makes the folder.
    pub(super) fn make(&self) -> Result<(), StackError> {
        fs::create_dir_all(&self.folder).map_err(StackError::io("make the folder", &self.folder))
    }

    /// Removes everything but logs.
    pub(super) fn clear(&self) -> Result<(), StackError> {
        folder::remove(&self.work())?;
        match fs::remove_file(self.state()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StackError::io("remove", &self.state())(error))
            }
            _ => Ok(()),
        }
    }
}

/// The folder itself, not a link to it: the same stack must have the same name from everywhere.
pub(super) fn absolute(root: &Path) -> PathBuf {
    root.canonicalize().or_else(|_| std::path::absolute(root)).unwrap_or_else(|_| root.to_owned())
}

/// The plain form of the slot, as the project has it: so that folder and project name each other.
fn suffix(project: &Project, root: &Path) -> String {
    let usual = Project::of(root, None);
    project.name().strip_prefix(usual.name()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_projects_name_each_other() {
        let temp = tempfile::tempdir().unwrap();
        let homes =
            [None, Some("head"), Some("Very odd slot/name")].map(|slot| Home::slot(temp.path(), slot));
        for home in &homes {
            home.make().unwrap();
        }
        let all = Home::all(temp.path());
        let projects = |homes: &[Home]| {
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
        let home = Home::slot(temp.path(), None);
        for folder in [home.work(), home.logs()] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(home.state(), "{}").unwrap();
        home.clear().unwrap();
        home.clear().unwrap();
        assert!(home.logs().is_dir() && !home.work().exists() && !home.state().exists());
    }
}
