//! What `compose.yaml` mounts of this machine, and the variables that name it.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::project::Project;
use crate::error::StackError;

/// Longer than any run: Docker's own health checks would start processes in the containers during the measurement, and
/// kneepoint checks with real requests itself. (v1 refuses an override that disables them.)
const HEALTH_INTERVAL: &str = "24h";

/// Paths of this machine that `compose.yaml` mounts.
pub(super) struct Mounts<'a> {
    pub(super) project: &'a Project,
    pub(super) conf: &'a Path,
    pub(super) logs: &'a Path,
    /// The extracted stack.
    pub(super) stack: &'a Path,
    pub(super) binary: &'a Path,
    pub(super) variant: &'a Path,
}

impl Mounts<'_> {
    /// Variables of `compose.yaml`.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let path = |path: &Path| path.display().to_string();
        let fixed = [
            ("KP_STACK", self.project.name().to_owned()),
            ("KP_CONF", path(self.conf)),
            ("KP_LOGS", path(self.logs)),
            ("KP_PROBE", path(&self.stack.join("probe"))),
            ("KP_BINARY", path(self.binary)),
            ("KP_VARIANT", path(self.variant)),
            ("KP_HEALTH_INTERVAL", HEALTH_INTERVAL.to_owned()),
        ];
        fixed.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }
}

/// Writes a file that only its owner may read: the site's variables may contain secrets.
pub(super) fn write_private(path: &Path, text: &str) -> Result<PathBuf, StackError> {
    let open = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path);
    open.and_then(|mut file| file.write_all(text.as_bytes())).map_err(StackError::io("write", path))?;
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn files_with_variables_are_private() {
        let temp = tempfile::tempdir().unwrap();
        let path = write_private(&temp.path().join("override.json"), "{}").unwrap();
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
