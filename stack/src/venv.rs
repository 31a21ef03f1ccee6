//! Virtual environments with pinned packages: one for each set of requirements and each Python, made once, then used again.
//!
//! All packages come as wheels but one: the C driver for MySQL is built from source where that can be done, and where it
//! cannot, PyMySQL (which is always there) takes its place.
//!
//! Scripts in a virtual environment carry its path, so it is built at its place and a marker is written last; a folder
//! without the marker was left by a killed process and is made anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stage::Stage;
use kneepoint_process::{ProcessError, Program, Stream, find};

use crate::hash::ContentHash;
use crate::python::{Python, clean};
use crate::{StackError, exec, folder, mask};

/// Written last.
const MARKER: &str = "kneepoint-complete";
/// `python -m venv` unpacks pip: seconds on a quiet machine.
const MAKE: Duration = Duration::from_mins(3);
/// A slow index may need minutes.
const INSTALL: Duration = Duration::from_mins(10);
/// Prints the versions of what matters; fails when a package is not there, and then the environment is made anew.
const VERSIONS: &str = r#"
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

/// The package whose presence says that MySQL's C driver was built.
pub(crate) const C_DRIVER: &str = "mysqlclient";

/// What is to be in a virtual environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Packages {
    /// Files of pinned requirements that install from wheels.
    pub(crate) wheels: Vec<PathBuf>,
    /// One that is built from source, and may fail to be.
    pub(crate) source: Option<PathBuf>,
}

impl Packages {
    /// All texts, in order.
    fn texts(&self) -> Result<Vec<String>, StackError> {
        let files = self.wheels.iter().chain(&self.source);
        files.map(|path| fs::read_to_string(path).map_err(StackError::io("read", path))).collect()
    }
}

/// A virtual environment that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Venv {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// What is in it.
    pub(crate) versions: BTreeMap<String, String>,
}

impl Venv {
    /// Its interpreter.
    pub(crate) fn python(&self) -> PathBuf {
        self.folder.join("bin/python")
    }
}

/// Gives the environment for these packages, making it when it is not there.
pub(crate) fn ensure(
    cache: &Path,
    python: &Python,
    packages: &Packages,
    cancel: &Cancel,
    events: &dyn EventSink,
) -> Result<Venv, StackError> {
    let texts = packages.texts()?;
    let key = texts.iter().fold(ContentHash::new(), |hash, text| hash.part(text.as_bytes()));
    let key = key.part(python.identity.as_bytes()).short();
    let place = cache.join(format!("venv-{key}"));
    if place.join(MARKER).exists()
        && let Ok(versions) = versions(&place, cancel)
    {
        return Ok(Venv { folder: place, versions });
    }
    folder::remove(&place)?;
    events.progress(
        Stage::Up,
        0,
        None,
        &format!("making a virtual environment with python {}", python.version),
    );
    let make = clean(Program::new(&python.path)).args(["-m", "venv"]).arg(&place);
    exec::run(make, "making the virtual environment", MAKE, cancel, &mut |_, _| {})?;
    let total = texts.iter().map(|text| pinned(text)).sum();
    install(&place, &packages.wheels, total, cancel, events)?;
    if let Some(source) = &packages.source {
        build(&place, source, cancel, events)?;
    }
    let versions = versions(&place, cancel)?;
    let marker = place.join(MARKER);
    fs::write(&marker, &python.identity).map_err(StackError::io("write", &marker))?;
    Ok(Venv { folder: place, versions })
}

/// Whether MySQL's C driver can be built with this Python: compiler, Python's headers and the client library's.
pub(crate) fn can_build(python: &Path, cancel: &Cancel) -> bool {
    const HEADERS: &str = "import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path('include'), 'Python.h')))";
    let succeeds = |program: Program| {
        exec::run(program, "looking for headers", Duration::from_secs(20), cancel, &mut |_, _| {}).is_ok()
    };
    let library = |name: &&str| succeeds(clean(Program::new("pkg-config")).args(["--exists", name]));
    find("pkg-config").is_some()
        && (find("cc").is_some() || find("gcc").is_some())
        && ["mysqlclient", "libmariadb", "mariadb"].iter().any(library)
        && succeeds(clean(Program::new(python)).args(["-I", "-c", HEADERS]))
}

/// Builds the C driver; a failure is told, and no failure of the whole.
fn build(place: &Path, source: &Path, cancel: &Cancel, events: &dyn EventSink) -> Result<(), StackError> {
    events.progress(Stage::Up, 0, None, "building MySQL's C driver (mysqlclient)");
    let pip = pip(place).args(["--require-hashes", "--no-deps", "-r"]).arg(source);
    match exec::run(pip, "building mysqlclient", INSTALL, cancel, &mut |_, _| {}) {
        Err(StackError::Step { source, .. }) => {
            let last = mask::tail(&source.to_string(), 2, 300);
            let message = format!("mysqlclient could not be built, so PyMySQL stands in for it: {last}");
            events.warn(Stage::Up, &message);
            Ok(())
        }
        other => other.map(|_| ()),
    }
}

fn pip(place: &Path) -> Program {
    clean(Program::new(place.join("bin/python"))).args(["-m", "pip", "install", "--no-input"]).args([
        "--disable-pip-version-check",
        "--progress-bar=off",
        "--retries=2",
    ])
}

fn versions(place: &Path, cancel: &Cancel) -> Result<BTreeMap<String, String>, StackError> {
    let ask = clean(Program::new(place.join("bin/python"))).args(["-I", "-c", VERSIONS]);
    let output =
        exec::run(ask, "asking for the packages' versions", Duration::from_secs(30), cancel, &mut |_, _| {})?;
    serde_json::from_str(output.stdout_text().trim()).map_err(|error| StackError::System {
        what: "reading the packages' versions",
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
        network |= is_network_trouble(line);
        if let Some(package) = collecting(line) {
            events.progress(Stage::Up, done, Some(total), &format!("installing {package}"));
            done = total.min(done + 1);
        }
    };
    let result = exec::run(pip, "installing the site's packages", INSTALL, cancel, &mut each);
    match result {
        Ok(_) => Ok(()),
        Err(StackError::Step { step, source }) => Err(explain(step, source, network)),
        Err(other) => Err(other),
    }
}

/// pip exits 1 for everything; what it said tells a missing network from a wrong hash.
fn explain(step: &'static str, source: Box<ProcessError>, network: bool) -> StackError {
    match &*source {
        ProcessError::Failed(failure) | ProcessError::TimedOut(failure) if network => {
            StackError::PipNetwork { last_words: mask::tail(&failure.output_tail, 6, 800) }
        }
        _ => StackError::Step { step, source },
    }
}

/// How many packages a compiled requirements file pins.
fn pinned(requirements: &str) -> u64 {
    let starts = |line: &&str| line.starts_with(|c: char| c.is_ascii_alphanumeric()) && line.contains("==");
    requirements.lines().filter(starts).count() as u64
}

/// `Collecting django==5.2.19 (from -r …)` names a package; its text is bounded, since it comes from elsewhere.
fn collecting(line: &str) -> Option<String> {
    let rest = line.trim_start().strip_prefix("Collecting ")?;
    Some(rest.split_whitespace().next()?.chars().take(60).collect())
}

fn is_network_trouble(line: &str) -> bool {
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
        let text = crate::assets::text("bookstore", "requirements.txt").unwrap();
        assert!(pinned(text) >= 8, "{}", pinned(text));
        assert_eq!(pinned("# a==1\na==1 \\\n    --hash=sha256:0==\nb\nc==2\n"), 2);
    }

    #[test]
    fn lines_of_pip() {
        assert_eq!(collecting("Collecting django==5.2.19 (from -r x (line 7))").unwrap(), "django==5.2.19");
        assert_eq!(collecting("  Downloading x"), None);
        assert!(is_network_trouble("WARNING: Retrying … NewConnectionError('<pip…>: Failed to establish')"));
        assert!(!is_network_trouble("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES"));
    }

    #[test]
    fn a_missing_network_is_told_from_a_wrong_hash() {
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
