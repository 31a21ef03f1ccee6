//! Virtual environments with pinned packages: one per set of requirements and Python, created once and reused.
//!
//! All packages except one are installed from wheels: the C driver of MySQL is built from source where possible; elsewhere
//! PyMySQL, which is always installed, replaces it.
//!
//! Scripts in a virtual environment contain its path, so it is built at its final place and a marker is written last. A folder
//! without the marker is the remains of a killed process and is created again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stage::Stage;
use kneepoint_model::text::clip;
use kneepoint_process::{ProcessError, Program, Stream, find};

use crate::error::StackError;
use crate::host::exec::{self, without_python_env};
use crate::host::hash::ContentHash;
use crate::host::{folder, redact};
use crate::prepare::python::Python;

/// The file that marks a complete environment; written last.
const MARKER: &str = "kneepoint-complete";
/// `python -m venv` unpacks pip: seconds on a quiet machine.
const CREATE_TIMEOUT: Duration = Duration::from_mins(3);
/// A slow package index may need minutes.
const INSTALL_TIMEOUT: Duration = Duration::from_mins(10);
/// Prints versions; fails when a required package is missing, and then the environment is created again.
const VERSIONS_SCRIPT: &str = r#"
import json, platform, sqlite3
from importlib.metadata import PackageNotFoundError, version
names = {"Django": "django", "Django REST framework": "djangorestframework", "gunicorn": "gunicorn", "supervisor": "supervisor"}
found = {shown: version(name) for shown, name in names.items()}
for shown, name in {"mysqlclient": "mysqlclient", "Celery": "celery", "boto3": "boto3", "django-db-connection-pool": "django-db-connection-pool"}.items():
    try:
        found[shown] = version(name)
    except PackageNotFoundError:
        pass
print(json.dumps(found | {"Python": platform.python_version(), "SQLite": sqlite3.sqlite_version}))
"#;

/// The package that is installed only when MySQL's C driver was built.
pub(crate) const C_DRIVER: &str = "mysqlclient";

/// Requirements files of a virtual environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Packages {
    /// Files of pinned requirements, installed from wheels.
    pub(crate) wheels: Vec<PathBuf>,
    /// A file of requirements built from source; a failure is allowed.
    pub(crate) source: Option<PathBuf>,
}

impl Packages {
    fn read_all(&self) -> Result<Vec<String>, StackError> {
        let files = self.wheels.iter().chain(&self.source);
        files.map(|path| fs::read_to_string(path).map_err(StackError::io("read", path))).collect()
    }
}

/// A complete virtual environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Venv {
    pub(crate) folder: PathBuf,
    /// Versions of Python and packages.
    pub(crate) versions: BTreeMap<String, String>,
}

impl Venv {
    pub(crate) fn python(&self) -> PathBuf {
        self.folder.join("bin/python")
    }
}

/// Returns the environment for these packages, after creating it when it does not exist.
pub(crate) fn ensure(
    cache: &Path,
    python: &Python,
    packages: &Packages,
    cancel: &Cancel,
    events: &dyn EventSink,
) -> Result<Venv, StackError> {
    let texts = packages.read_all()?;
    let key = texts.iter().fold(ContentHash::new(), |hash, text| hash.part(text.as_bytes()));
    let key = key.part(python.identity.as_bytes()).short();
    let place = cache.join(format!("venv-{key}"));
    if place.join(MARKER).exists()
        && let Ok(versions) = query_versions(&place, cancel)
    {
        return Ok(Venv { folder: place, versions });
    }
    folder::remove(&place)?;
    events.progress(
        Stage::Up,
        0,
        None,
        &format!("creating a virtual environment with python {}", python.version),
    );
    let create = without_python_env(Program::new(&python.path)).args(["-m", "venv"]).arg(&place);
    exec::run(create, "creating the virtual environment", CREATE_TIMEOUT, cancel, &mut |_, _| {})?;
    let total = texts.iter().map(|text| count_pinned(text)).sum();
    install(&place, &packages.wheels, total, cancel, events)?;
    if let Some(source) = &packages.source {
        build_driver(&place, source, cancel, events)?;
    }
    let versions = query_versions(&place, cancel)?;
    let marker = place.join(MARKER);
    fs::write(&marker, &python.identity).map_err(StackError::io("write", &marker))?;
    Ok(Venv { folder: place, versions })
}

/// Whether MySQL's C driver can be built with this Python: compiler, Python's headers and the client library's.
pub(crate) fn can_build_driver(python: &Path, cancel: &Cancel) -> bool {
    const HEADERS: &str = "import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path('include'), 'Python.h')))";
    let succeeds = |program: Program| {
        exec::run(program, "looking for headers", Duration::from_secs(20), cancel, &mut |_, _| {}).is_ok()
    };
    let library =
        |name: &&str| succeeds(without_python_env(Program::new("pkg-config")).args(["--exists", name]));
    find("pkg-config").is_some()
        && (find("cc").is_some() || find("gcc").is_some())
        && ["mysqlclient", "libmariadb", "mariadb"].iter().any(library)
        && succeeds(without_python_env(Program::new(python)).args(["-I", "-c", HEADERS]))
}

/// Builds the C driver. A failed build is only a warning.
fn build_driver(
    place: &Path,
    source: &Path,
    cancel: &Cancel,
    events: &dyn EventSink,
) -> Result<(), StackError> {
    events.progress(Stage::Up, 0, None, "building MySQL's C driver (mysqlclient)");
    let pip = pip(place).args(["--require-hashes", "--no-deps", "-r"]).arg(source);
    match exec::run(pip, "building mysqlclient", INSTALL_TIMEOUT, cancel, &mut |_, _| {}) {
        Err(StackError::Step { source, .. }) => {
            let last = redact::redact_tail(&source.to_string(), 2, 300);
            let message = format!("mysqlclient could not be built, so PyMySQL is used instead: {last}");
            events.warn(Stage::Up, &message);
            Ok(())
        }
        other => other.map(|_| ()),
    }
}

fn pip(place: &Path) -> Program {
    without_python_env(Program::new(place.join("bin/python")))
        .args(["-m", "pip", "install", "--no-input"])
        .args(["--disable-pip-version-check", "--progress-bar=off", "--retries=2"])
}

fn query_versions(place: &Path, cancel: &Cancel) -> Result<BTreeMap<String, String>, StackError> {
    let query =
        without_python_env(Program::new(place.join("bin/python"))).args(["-I", "-c", VERSIONS_SCRIPT]);
    let output = exec::run(
        query,
        "reading the versions of packages",
        Duration::from_secs(30),
        cancel,
        &mut |_, _| {},
    )?;
    serde_json::from_str(output.stdout_text().trim()).map_err(|error| StackError::System {
        what: "reading the versions of packages",
        why: error.to_string(),
    })
}

fn install(
    place: &Path,
    requirements: &[PathBuf],
    total: u64,
    cancel: &Cancel,
    events: &dyn EventSink,
) -> Result<(), StackError> {
    let pip = pip(place).args(["--require-hashes", "--only-binary=:all:"]);
    let pip = requirements.iter().fold(pip, |pip, file| pip.arg("-r").arg(file));
    let mut done = 0;
    let mut network = false;
    let mut each = |_: Stream, line: &str| {
        network |= is_network_error(line);
        if let Some(package) = parse_collecting(line) {
            events.progress(Stage::Up, done, Some(total), &format!("installing {package}"));
            done = total.min(done + 1);
        }
    };
    let result = exec::run(pip, "installing the site's packages", INSTALL_TIMEOUT, cancel, &mut each);
    match result {
        Ok(_) => Ok(()),
        Err(StackError::Step { step, source }) => Err(explain(step, source, network)),
        Err(other) => Err(other),
    }
}

/// pip exits with 1 for every error; its output distinguishes a network error from a wrong hash.
fn explain(step: &'static str, source: Box<ProcessError>, network: bool) -> StackError {
    match &*source {
        ProcessError::Failed(failure) | ProcessError::TimedOut(failure) if network => {
            StackError::PipNetwork { output: redact::redact_tail(&failure.output_tail, 6, 800) }
        }
        _ => StackError::Step { step, source },
    }
}

/// How many packages a compiled requirements file pins.
fn count_pinned(requirements: &str) -> u64 {
    let starts = |line: &&str| line.starts_with(|c: char| c.is_ascii_alphanumeric()) && line.contains("==");
    requirements.lines().filter(starts).count() as u64
}

/// The package in a line such as `Collecting django==5.2.19 (from -r …)`, at most 60 characters.
fn parse_collecting(line: &str) -> Option<String> {
    let rest = line.trim_start().strip_prefix("Collecting ")?;
    Some(clip(rest.split_whitespace().next()?, 60).to_owned())
}

fn is_network_error(line: &str) -> bool {
    const SIGNS: [&str; 9] = [
        "NewConnectionError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "NameResolutionError",
        "Temporary failure in name resolution",
        "Connection refused",
        "Could not fetch URL",
        "ProxyError",
        "SSLError",
    ];
    SIGNS.iter().any(|sign| line.contains(sign))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kneepoint_process::{Exit, Failure};

    use super::*;

    #[test]
    fn progress_knows_its_total() {
        let text = crate::assets::read_text("bookstore", "requirements.txt").unwrap();
        assert!(count_pinned(text) >= 8, "{}", count_pinned(text));
        assert_eq!(count_pinned("# a==1\na==1 \\\n    --hash=sha256:0==\nb\nc==2\n"), 2);
    }

    #[test]
    fn lines_of_pip_are_recognised() {
        assert_eq!(
            parse_collecting("Collecting django==5.2.19 (from -r x (line 7))").unwrap(),
            "django==5.2.19"
        );
        assert_eq!(parse_collecting("  Downloading x"), None);
        assert!(is_network_error("WARNING: Retrying … NewConnectionError('<pip…>: Failed to establish')"));
        assert!(!is_network_error("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES"));
    }

    #[test]
    fn a_network_error_is_told_from_a_wrong_hash() {
        let failed = || {
            let last_words = "ERROR: Could not find https://me:word@index/simple".to_owned();
            let failure = Failure {
                argv: "pip".to_owned(),
                exit: Some(Exit::Code(1)),
                output_tail: last_words,
                elapsed: Duration::ZERO,
            };
            Box::new(ProcessError::Failed(Box::new(failure)))
        };
        let text = explain("installing", failed(), true).to_string();
        assert!(text.contains("check the network") && !text.contains("word"), "{text}");
        assert!(matches!(explain("installing", failed(), false), StackError::Step { .. }));
    }
}
