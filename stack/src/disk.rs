//! Is there room? Asked before anything is written, so that a full disk is a sentence and not a torn file.

use std::path::Path;

use kneepoint_model::units::Bytes;

use crate::StackError;

/// What a prepared stack and its runs need at least.
pub(crate) const NEEDED: Bytes = Bytes(1 << 30);

/// The bytes that an ordinary user may still write where `path` is.
pub(crate) fn free(path: &Path) -> Result<Bytes, StackError> {
    let stat = rustix::fs::statvfs(path)
        .map_err(|error| StackError::io("ask for free space at", path)(error.into()))?;
    Ok(Bytes(stat.f_bavail.saturating_mul(stat.f_frsize)))
}

/// Refuses when there is less than `needed`.
pub(crate) fn require(path: &Path, needed: Bytes) -> Result<(), StackError> {
    enough(path, free(path)?, needed)
}

fn enough(path: &Path, free: Bytes, needed: Bytes) -> Result<(), StackError> {
    if free >= needed { Ok(()) } else { Err(StackError::DiskFull { path: path.to_owned(), free, needed }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_names_the_path_and_the_figures() {
        let path = Path::new("/some/project");
        assert!(enough(path, Bytes(5), Bytes(5)).is_ok());
        let error = enough(path, Bytes(512 << 20), NEEDED).unwrap_err();
        assert_eq!(
            error.to_string(),
            "only 512.0 MiB free at /some/project, and 1.00 GiB are needed; free some space or move the project"
        );
    }

    #[test]
    fn this_machine_has_some() {
        assert!(free(&std::env::temp_dir()).unwrap() > Bytes::ZERO);
        assert!(matches!(free(Path::new("/no/such/folder")), Err(StackError::Io { .. })));
    }
}
