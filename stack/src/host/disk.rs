//! Free disk space, checked before anything is written, so that a full disk is an error message and not a torn file.

use std::path::Path;

use kneepoint_model::units::Bytes;

use crate::error::StackError;

/// Minimum free space for a prepared stack and its runs.
pub(crate) const MIN_FREE: Bytes = Bytes(1 << 30);

/// The space on the file system of `path` that is available without root privileges.
pub(crate) fn free_space(path: &Path) -> Result<Bytes, StackError> {
    let stat = rustix::fs::statvfs(path)
        .map_err(|error| StackError::io("read the free space at", path)(error.into()))?;
    Ok(Bytes(stat.f_bavail.saturating_mul(stat.f_frsize)))
}

/// # Errors
/// `DiskFull` when there is less than `needed`.
pub(crate) fn require(path: &Path, needed: Bytes) -> Result<(), StackError> {
    require_free(path, free_space(path)?, needed)
}

fn require_free(path: &Path, free: Bytes, needed: Bytes) -> Result<(), StackError> {
    if free >= needed { Ok(()) } else { Err(StackError::DiskFull { path: path.to_owned(), free, needed }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_names_the_path_and_the_figures() {
        let path = Path::new("/some/project");
        assert!(require_free(path, Bytes(5), Bytes(5)).is_ok());
        let error = require_free(path, Bytes(512 << 20), MIN_FREE).unwrap_err();
        assert_eq!(
            error.to_string(),
            "only 512.0 MiB free at /some/project, but 1.00 GiB are needed; free some space or move the project"
        );
    }

    #[test]
    fn this_machine_has_some() {
        assert!(free_space(&std::env::temp_dir()).unwrap() > Bytes::ZERO);
        assert!(matches!(free_space(Path::new("/no/such/folder")), Err(StackError::Io { .. })));
    }
}
