//! Folders that appear complete or not at all: built as `NAME.part` beside their place and renamed when complete.
//!
//! A killed process leaves a `.part` folder, which the next one removes, never an incomplete folder. The caller holds the lock
//! of `lock.rs`, so that two processes do not build the same folder.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::error::StackError;

/// `sockaddr_un` holds 108 bytes with the final zero; supervisor appends its pid to the socket of its name.
const MAX_PLAIN_LENGTH: usize = 107 - "/supervisord-gen99-255.sock.4194304".len();

/// Path of a log of the run folder ([`kneepoint_model::run::names`]) in the stack's own folder of logs.
pub(crate) fn log_path(logs: &Path, name: &str) -> PathBuf {
    logs.join(Path::new(name).file_name().unwrap_or_default())
}

/// Creates an empty folder beside `whole` to build it in; remains of a killed process are removed.
pub(crate) fn create_part(whole: &Path) -> Result<PathBuf, StackError> {
    let mut name = whole.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = whole.with_file_name(name);
    remove(&part)?;
    fs::create_dir_all(&part).map_err(StackError::io("create the folder", &part))?;
    Ok(part)
}

/// Renames the complete folder to its place.
pub(crate) fn move_into_place(part: &Path, whole: &Path) -> Result<(), StackError> {
    fs::rename(part, whole).map_err(StackError::io("rename into place", whole))
}

/// Removes a folder with its content; succeeds when it does not exist.
pub(crate) fn remove(folder: &Path) -> Result<(), StackError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StackError::io("remove", folder)(error))
        }
        _ => Ok(()),
    }
}

/// Copies a folder with all its folders and plain files; links are not followed and not copied.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), StackError> {
    fs::create_dir_all(to).map_err(StackError::io("create the folder", to))?;
    for entry in fs::read_dir(from).map_err(StackError::io("list", from))? {
        let entry = entry.map_err(StackError::io("list", from))?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type().map_err(StackError::io("inspect", &entry.path()))?;
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target).map_err(StackError::io("copy", &entry.path()))?;
        }
    }
    Ok(())
}

/// Bytes of all plain files below a folder; unreadable files count as 0.
pub(crate) fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let bytes = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size(&entry.path()),
        Ok(meta) if meta.is_file() => meta.len(),
        _ => 0,
    };
    entries.flatten().map(bytes).sum()
}

/// Creates the `.kneepoint` folder with a `.gitignore` that excludes all of it.
pub(crate) fn create_ignored(root: &Path) -> Result<(), StackError> {
    fs::create_dir_all(root).map_err(StackError::io("create the folder", root))?;
    let ignore = root.join(".gitignore");
    if !ignore.exists() {
        fs::write(&ignore, "*\n").map_err(StackError::io("write", &ignore))?;
    }
    Ok(())
}

/// A short path without special characters for `run`, and the link that was created for it, if one was needed.
///
/// The path of a Unix socket may have 107 bytes, and configuration files differ in how they quote blanks. Where the real path
/// does not fit, a link in the temporary folder replaces it.
pub(crate) fn plain_path(run: &Path) -> Result<(PathBuf, Option<PathBuf>), StackError> {
    if is_plain(run) {
        return Ok((run.to_owned(), None));
    }
    let temp = Some(std::env::temp_dir())
        .filter(|temp| temp.as_os_str().len() + 32 <= MAX_PLAIN_LENGTH && is_plain(temp));
    let temp = temp.unwrap_or_else(|| PathBuf::from("/tmp"));
    for number in 0..1000 {
        let alias = temp.join(format!("kneepoint-{}-{number}", std::process::id()));
        match symlink(run, &alias) {
            Ok(()) => return Ok((alias.clone(), Some(alias))),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(StackError::io("create the link", &alias)(error)),
        }
    }
    Err(StackError::System {
        what: "creating a short path",
        why: format!("{} already has 1000 links of kneepoint", temp.display()),
    })
}

pub(crate) fn is_plain(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.len() <= MAX_PLAIN_LENGTH
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_path_is_used_unchanged() {
        let path = Path::new("/home/me/shop/.kneepoint/stack/run");
        assert_eq!(plain_path(path).unwrap(), (path.to_owned(), None));
    }

    #[test]
    fn a_killed_builder_leaves_no_incomplete_folder() {
        let temp = tempfile::tempdir().unwrap();
        let whole = temp.path().join("data-1");
        let part = create_part(&whole).unwrap();
        fs::write(part.join("half"), "x").unwrap();
        // The builder is killed here; the next one starts again.
        let part = create_part(&whole).unwrap();
        assert!(!whole.exists() && fs::read_dir(&part).unwrap().next().is_none());
        fs::write(part.join("db"), "whole").unwrap();
        move_into_place(&part, &whole).unwrap();
        assert_eq!(fs::read_to_string(whole.join("db")).unwrap(), "whole");
        assert!(!part.exists());
    }

    #[test]
    fn copies_are_deep_and_sizes_add_up() {
        let temp = tempfile::tempdir().unwrap();
        let from = temp.path().join("from");
        fs::create_dir_all(from.join("static/css")).unwrap();
        fs::write(from.join("db"), "12345").unwrap();
        fs::write(from.join("static/css/a"), "123").unwrap();
        let to = temp.path().join("to");
        copy(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("static/css/a")).unwrap(), "123");
        assert_eq!(size(&to), 8);
        remove(&to).unwrap();
        remove(&to).unwrap();
        assert_eq!(size(&to), 0);
    }
}
