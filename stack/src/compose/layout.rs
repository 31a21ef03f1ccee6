//! The work folder of a stack: configuration, override file, and the variables by which `compose.yaml` finds all of it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::conf::Conf;
use super::override_file::Override;
use super::ports::HeldPorts;
use super::prepare::ComposePrepared;
use super::project::Project;
use crate::{StackError, folder};

/// Between two questions about health, and before the first. Each starts processes in the container, all through the
/// measurement; kneepoint itself asks once, with real requests. (v1 refuses an override that switches them off.)
const NEVER: &str = "24h";

/// What `compose.yaml` mounts of this machine.
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
            ("KP_HEALTH_INTERVAL", NEVER.to_owned()),
        ];
        fixed.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }
}

/// What is laid out.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// The override file.
    pub(super) override_file: PathBuf,
    /// Variables of `compose.yaml`.
    pub(super) variables: Vec<(String, String)>,
    /// The folder with the configuration of the tiers.
    pub(super) conf: PathBuf,
}

/// What goes into the folder.
pub(super) struct Plan<'a> {
    pub(super) work: &'a Path,
    pub(super) logs: &'a Path,
    pub(super) project: &'a Project,
    pub(super) prepared: &'a ComposePrepared,
    pub(super) conf: Conf<'a>,
    pub(super) override_file: Override<'a>,
    pub(super) ports: &'a HeldPorts,
}

impl Plan<'_> {
    /// Writes everything.
    pub(super) fn lay_out(&self) -> Result<Layout, StackError> {
        folder::remove(self.work)?;
        let conf = self.work.join("conf");
        // Docker would make missing folders of logs itself, as root.
        let logs = ["server2", "hello", "worker"].map(|name| self.logs.join(name));
        for folder in logs.iter().chain([&conf]) {
            fs::create_dir_all(folder).map_err(StackError::io("make the folder", folder))?;
        }
        for (name, text) in self.conf.files()? {
            write_conf(&conf, name, &text)?;
        }
        let override_file = write_private(&self.work.join("override.json"), &self.override_file.text())?;
        let variant =
            write_private(&self.work.join("variant.env"), "# The variables are in override.json.\n")?;
        let mounts = Mounts {
            project: self.project,
            conf: &conf,
            logs: self.logs,
            stack: &self.prepared.stack,
            binary: &self.prepared.binary,
            variant: &variant,
        };
        let mut variables = self.prepared.images.variables();
        variables.extend(mounts.variables());
        variables.extend(self.ports.variables());
        Ok(Layout { override_file, variables, conf })
    }
}

/// Writes a configuration file so that a program that reads it at the same time sees the old or the new one, whole.
pub(super) fn write_conf(folder: &Path, name: &str, text: &str) -> Result<(), StackError> {
    let (path, part) = (folder.join(name), folder.join(format!(".{name}.part")));
    fs::write(&part, text).map_err(StackError::io("write", &part))?;
    fs::rename(&part, &path).map_err(StackError::io("rename into place", &path))
}

/// Writes a file that others may not read: the site's variables may hold secrets.
pub(super) fn write_private(path: &Path, text: &str) -> Result<PathBuf, StackError> {
    let open = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path);
    open.and_then(|mut file| file.write_all(text.as_bytes())).map_err(StackError::io("write", path))?;
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn variables_are_private() {
        let temp = tempfile::tempdir().unwrap();
        let path = write_private(&temp.path().join("override.json"), "{}").unwrap();
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
