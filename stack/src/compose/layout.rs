//! The work folder of a stack: configuration, override file, and the variables of `compose.yaml` that name them.

use std::fs;
use std::path::{Path, PathBuf};

use super::conf::TierConfig;
use super::mounts::{Mounts, write_private};
use super::override_file::OverrideFile;
use super::ports::PublishedPorts;
use super::prepared::ComposePrepared;
use super::project::Project;
use crate::error::StackError;
use crate::host::folder;

/// The written work folder.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) override_file: PathBuf,
    /// Variables of `compose.yaml`.
    pub(super) variables: Vec<(String, String)>,
    /// The folder with the configuration of the tiers.
    pub(super) conf: PathBuf,
}

/// The content of the work folder.
pub(super) struct LayoutPlan<'a> {
    pub(super) work: &'a Path,
    pub(super) logs: &'a Path,
    pub(super) project: &'a Project,
    pub(super) prepared: &'a ComposePrepared,
    pub(super) conf: TierConfig<'a>,
    pub(super) override_file: OverrideFile<'a>,
    pub(super) ports: &'a PublishedPorts,
}

impl LayoutPlan<'_> {
    pub(super) fn write(&self) -> Result<Layout, StackError> {
        folder::remove(self.work)?;
        let conf = self.work.join("conf");
        // Docker would create missing log folders itself, owned by root.
        let logs = ["server2", "hello", "worker"].map(|name| self.logs.join(name));
        for folder in logs.iter().chain([&conf]) {
            fs::create_dir_all(folder).map_err(StackError::io("create the folder", folder))?;
        }
        for (name, text) in self.conf.config_files()? {
            write_config(&conf, name, &text)?;
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

/// Writes a configuration file by rename, so that a concurrent reader sees the old or the new one, never a part.
pub(super) fn write_config(folder: &Path, name: &str, text: &str) -> Result<(), StackError> {
    let (path, part) = (folder.join(name), folder.join(format!(".{name}.part")));
    fs::write(&part, text).map_err(StackError::io("write", &part))?;
    fs::rename(&part, &path).map_err(StackError::io("rename into place", &path))
}
