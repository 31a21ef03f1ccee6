//! Folders that appear whole or not at all: built beside their place and renamed when they are complete.
//!
//! A process that is killed in the middle leaves a neighbour, which the next one clears away; never half a folder. The
//! caller holds the lock of `lock.rs`, so that two do not build the same neighbour.

use std::fs;
use std::path::{Path, PathBuf};

use crate::StackError;

/// An empty folder beside `whole` to build it in; what a killed process left there is removed.
pub(crate) fn fresh_neighbour(whole: &Path) -> Result<PathBuf, StackError> {
    let mut name = whole.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = whole.with_file_name(name);
    remove(&part)?;
    fs::create_dir_all(&part).map_err(StackError::io("make the folder", &part))?;
    Ok(part)
}

/// Renames the complete neighbour to its place.
pub(crate) fn appear(part: &Path, whole: &Path) -> Result<(), StackError> {
    fs::rename(part, whole).map_err(StackError::io("rename into place", whole))
}

/// Removes a folder with all it holds; one that is not there is removed already.
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
    fs::create_dir_all(to).map_err(StackError::io("make the folder", to))?;
    for entry in fs::read_dir(from).map_err(StackError::io("list", from))? {
        let entry = entry.map_err(StackError::io("list", from))?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type().map_err(StackError::io("look at", &entry.path()))?;
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target).map_err(StackError::io("copy", &entry.path()))?;
        }
    }
    Ok(())
}

/// The bytes of all plain files below a folder; what cannot be read counts as nothing.
pub(crate) fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size(&entry.path()),
        Ok(meta) if meta.is_file() => meta.len(),
        _ => 0,
    };
    entries.flatten().map(of).sum()
}

/// Makes `.kneepoint` and tells git to leave it alone.
pub(crate) fn self_ignoring(root: &Path) -> Result<(), StackError> {
    fs::create_dir_all(root).map_err(StackError::io("make the folder", root))?;
    let ignore = root.join(".gitignore");
    if !ignore.exists() {
        fs::write(&ignore, "*\n").map_err(StackError::io("write", &ignore))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_builder_leaves_nothing_half_done() {
        let temp = tempfile::tempdir().unwrap();
        let whole = temp.path().join("data-1");
        let part = fresh_neighbour(&whole).unwrap();
        fs::write(part.join("half"), "x").unwrap();
        // The builder is killed here; the next one begins anew.
        let part = fresh_neighbour(&whole).unwrap();
        assert!(!whole.exists() && fs::read_dir(&part).unwrap().next().is_none());
        fs::write(part.join("db"), "whole").unwrap();
        appear(&part, &whole).unwrap();
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
