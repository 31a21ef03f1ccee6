//! The site as the native driver lays it out: folders, interpreter, environment.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use kneepoint_process::Program;
use url::Url;

use crate::error::StackError;

/// Bucket of the object store that anonymous users may read.
pub(super) const MEDIA_BUCKET: &str = "media";
/// Variables that services inherit from kneepoint: none that could change what is measured.
const INHERITED: [&str; 6] = ["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LD_LIBRARY_PATH"];

/// Folders, interpreter and environment of the site, as all tiers need them.
#[derive(Debug, Clone)]
pub(super) struct NativeSite {
    /// Short and plain path of the run folder.
    pub(super) run: PathBuf,
    pub(super) logs: PathBuf,
    /// This stack's own copy of the data.
    pub(super) data: PathBuf,
    pub(super) stack: PathBuf,
    pub(super) python: PathBuf,
    /// Variables that the driver itself sets.
    pub(super) driver_env: BTreeMap<String, String>,
    pub(super) switches: BTreeMap<String, String>,
    pub(super) versions: BTreeMap<String, String>,
}

impl NativeSite {
    pub(super) fn run_text(&self) -> String {
        self.run.to_string_lossy().into_owned()
    }

    pub(super) fn app(&self) -> PathBuf {
        self.stack.join("bookstore")
    }

    pub(super) fn app_text(&self) -> String {
        self.app().to_string_lossy().into_owned()
    }

    /// The folder of the object store's buckets.
    pub(super) fn objects(&self) -> PathBuf {
        self.run.join("objects")
    }

    pub(super) fn version(&self, name: &str) -> &str {
        self.versions.get(name).map_or("of unknown version", String::as_str)
    }

    /// A program with a minimal environment: PATH, HOME and the like.
    pub(super) fn program(&self, executable: impl AsRef<OsStr>) -> Program {
        let program = Program::new(executable).env_clear().env("LANG", "C.UTF-8").cwd(&self.run);
        let inherited = INHERITED.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        inherited.fold(program, |program, (name, value)| program.env(name, value))
    }

    /// The site's Python in the site's folder, with all variables of the site.
    pub(super) fn django_program(&self) -> Program {
        let program = self.program(&self.python).cwd(self.app());
        let program = self.driver_env.iter().fold(program, |program, (name, value)| program.env(name, value));
        self.switches.iter().fold(program, |program, (name, value)| {
            if kneepoint_model::secret::is_secret(name) {
                program.secret_env(name, value)
            } else {
                program.env(name, value)
            }
        })
    }

    /// Writes a configuration file into the run folder; returns its path.
    pub(super) fn write_file(&self, name: &str, text: &str) -> Result<PathBuf, StackError> {
        let path = self.run.join(name);
        fs::write(&path, text).map_err(StackError::io("write", &path))?;
        Ok(path)
    }
}

pub(super) fn loopback_url(port: u16, path: &str) -> Url {
    Url::parse(&format!("http://127.0.0.1:{port}{path}")).expect("a loopback address with a path is a URL")
}

/// The user for services that would choose one of their own when started as root: root, since only root can read its own
/// project folder. `None` when kneepoint does not run as root.
pub(super) fn root_user() -> Option<&'static str> {
    rustix::process::geteuid().is_root().then_some("root")
}
