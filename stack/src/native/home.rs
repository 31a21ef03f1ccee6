//! Where a stack lives: `<root>/stack/` with its state, its lock, its logs, and `run/`, which goes when it is taken down.
//!
//! Programs get `run/` by a path that is short and plain: a Unix socket's path may have 107 bytes, and configuration files
//! have their own ideas about blanks and quotes. Where the real path is not so, a link in the temp folder stands for it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::{StackError, folder};

/// `sockaddr_un` holds 108 bytes with the final zero; supervisor appends its pid to the socket of its name.
const LONGEST: usize = 107 - "/supervisord-gen99-255.sock.4194304".len();

/// The folders of a stack.
#[derive(Debug, Clone)]
pub(super) struct Home {
    folder: PathBuf,
}

impl Home {
    /// The usual one of this `.kneepoint` folder.
    pub(super) fn at(root: &Path) -> Self {
        Self::slot(root, None)
    }

    /// Of this `.kneepoint` folder and slot. Made absolute, since stored paths are compared with it.
    pub(super) fn slot(root: &Path, slot: Option<&str>) -> Self {
        let name = slot.map_or_else(|| "stack".to_owned(), |slot| format!("stack-{slot}"));
        Self { folder: root.canonicalize().unwrap_or_else(|_| root.to_owned()).join(name) }
    }

    /// Every slot that ever stood under this `.kneepoint` folder, the usual one first.
    pub(super) fn all(root: &Path) -> Vec<Self> {
        let mut slots: Vec<String> = fs::read_dir(root)
            .map(|entries| {
                entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()
            })
            .unwrap_or_default();
        slots.retain(|name| name.starts_with("stack-"));
        slots.sort();
        let others = slots.iter().filter_map(|name| name.strip_prefix("stack-"));
        std::iter::once(Self::at(root)).chain(others.map(|slot| Self::slot(root, Some(slot)))).collect()
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
    pub(super) fn run(&self) -> PathBuf {
        self.folder.join("run")
    }

    /// Where logs go when nobody says otherwise.
    pub(super) fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    pub(super) fn make(&self) -> Result<(), StackError> {
        fs::create_dir_all(&self.folder).map_err(StackError::io("make the folder", &self.folder))
    }

    /// Removes everything but logs.
    pub(super) fn clear(&self, alias: Option<&Path>) -> Result<(), StackError> {
        folder::remove(&self.run())?;
        let files = alias.filter(|path| is_our_alias(path, &self.run())).map(Path::to_owned).into_iter();
        for file in files.chain([self.state()]) {
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

/// A stored path is removed only when it is the link that we made.
fn is_our_alias(path: &Path, run: &Path) -> bool {
    fs::read_link(path).is_ok_and(|target| target == run)
}

/// A short, plain path for `run`, and the link that was made for it, when one was needed.
pub(crate) fn plain_path(run: &Path) -> Result<(PathBuf, Option<PathBuf>), StackError> {
    if is_plain(run) {
        return Ok((run.to_owned(), None));
    }
    let temp =
        Some(std::env::temp_dir()).filter(|temp| temp.as_os_str().len() + 32 <= LONGEST && is_plain(temp));
    let temp = temp.unwrap_or_else(|| PathBuf::from("/tmp"));
    for number in 0..1000 {
        let alias = temp.join(format!("kneepoint-{}-{number}", std::process::id()));
        match symlink(run, &alias) {
            Ok(()) => return Ok((alias.clone(), Some(alias))),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(StackError::io("make the link", &alias)(error)),
        }
    }
    Err(StackError::System {
        what: "making a short path",
        why: format!("{} is full of our links", temp.display()),
    })
}

fn is_plain(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.len() <= LONGEST && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let home = Home::at(&temp.path().join(odd));
            fs::create_dir_all(home.run()).unwrap();
            let (path, alias) = plain_path(&home.run()).unwrap();
            assert!(is_plain(&path) && alias.as_ref() == Some(&path), "{}", path.display());
            fs::write(path.join("seen"), "x").unwrap();
            assert!(home.run().join("seen").exists());
            home.clear(alias.as_deref()).unwrap();
            assert!(!home.run().exists() && fs::symlink_metadata(&path).is_err());
        }
    }

    #[test]
    fn a_plain_path_is_used_as_it_is() {
        let path = Path::new("/home/me/shop/.kneepoint/stack/run");
        assert_eq!(plain_path(path).unwrap(), (path.to_owned(), None));
    }

    #[test]
    fn a_link_that_is_not_ours_is_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        let home = Home::at(temp.path());
        home.make().unwrap();
        let foreign = temp.path().join("foreign");
        symlink("/etc", &foreign).unwrap();
        home.clear(Some(&foreign)).unwrap();
        assert!(fs::symlink_metadata(&foreign).is_ok());
    }
}
