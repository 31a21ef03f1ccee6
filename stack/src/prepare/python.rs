//! Finds a Python for the site: 3.11 or later, able to create virtual environments.
//!
//! Each candidate runs a script that prints its properties; file names prove nothing. A pure function chooses among them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_process::{Program, find};
use serde::Deserialize;

use crate::error::StackError;
use crate::host::exec::{self, without_python_env};

/// The oldest Python that the pinned packages support.
pub(crate) const OLDEST: (u32, u32) = (3, 11);
/// Names to look for on PATH, in this order: the system's default first.
const NAMES: [&str; 6] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"];
/// Prints one line of JSON. The syntax is valid in Python 2 too, so that an old Python can report its version.
const QUERY_SCRIPT: &str = r#"
import json, sys
try:
    import ensurepip, venv
    makes_venvs = True
except ImportError:
    makes_venvs = False
print(json.dumps({"version": list(sys.version_info[:3]), "implementation": getattr(sys, "implementation", sys).__dict__.get("name", "python"),
    "base": getattr(sys, "_base_executable", sys.executable) or sys.executable, "makes_venvs": makes_venvs}))
"#;

/// The properties that a Python printed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct PythonInfo {
    version: (u32, u32, u32),
    implementation: String,
    base: PathBuf,
    makes_venvs: bool,
}

/// A suitable Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Python {
    pub(crate) path: PathBuf,
    /// With patch level, e.g. `3.11.2`.
    pub(crate) version: String,
    /// A virtual environment is reused only for a Python with the same identity.
    pub(crate) identity: String,
}

/// The named one, or the first suitable one on PATH.
///
/// # Errors
/// `PythonMissing`, `PythonTooOld`, `VenvMissing`, `Cancelled`.
pub(crate) fn locate(named: Option<&Path>, cancel: &Cancel) -> Result<Python, StackError> {
    let candidates: Vec<PathBuf> = match named {
        Some(path) => find(&path.to_string_lossy()).into_iter().collect(),
        None => NAMES.iter().filter_map(|name| find(name)).collect(),
    };
    let mut found = Vec::new();
    for path in candidates {
        if cancel.is_cancelled() {
            return Err(StackError::Cancelled);
        }
        if let Some(info) = query(&path, cancel) {
            let suitable = is_suitable(&info);
            found.push((path, info));
            // The first suitable one is chosen, so the others need not be queried.
            if suitable {
                break;
            }
        }
    }
    choose(found)
}

fn query(path: &Path, cancel: &Cancel) -> Option<PythonInfo> {
    let program = without_python_env(Program::new(path)).args(["-c", QUERY_SCRIPT]);
    let output = exec::run(
        program,
        "querying the properties of python",
        Duration::from_secs(20),
        cancel,
        &mut |_, _| {},
    );
    serde_json::from_str(output.ok()?.stdout_text().trim()).ok()
}

fn is_suitable(info: &PythonInfo) -> bool {
    is_new_enough(info) && info.makes_venvs
}

fn is_new_enough(info: &PythonInfo) -> bool {
    (info.version.0, info.version.1) >= OLDEST
}

fn choose(found: Vec<(PathBuf, PythonInfo)>) -> Result<Python, StackError> {
    if let Some((path, info)) = found.iter().find(|(_, info)| is_suitable(info)) {
        let (major, minor, patch) = info.version;
        let version = format!("{major}.{minor}.{patch}");
        let identity = format!("{} {version} {}", info.implementation, info.base.display());
        return Ok(Python { path: path.clone(), version, identity });
    }
    if let Some((path, info)) = found.iter().find(|(_, info)| is_new_enough(info)) {
        let version = format!("{}.{}", info.version.0, info.version.1);
        return Err(StackError::VenvMissing { path: path.clone(), version });
    }
    let newest = found.into_iter().max_by_key(|(_, info)| info.version);
    Err(newest.map_or(StackError::PythonMissing, |(path, info)| {
        let (major, minor, patch) = info.version;
        StackError::PythonTooOld { path, version: format!("{major}.{minor}.{patch}") }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(minor: u32, makes_venvs: bool) -> (PathBuf, PythonInfo) {
        let path = PathBuf::from(format!("/usr/bin/python3.{minor}"));
        let base = path.clone();
        (path, PythonInfo { version: (3, minor, 4), implementation: "cpython".to_owned(), base, makes_venvs })
    }

    #[test]
    fn the_first_suitable_one_is_chosen() {
        let python = choose(vec![info(9, true), info(12, true), info(13, true)]).unwrap();
        assert_eq!(
            (python.version.as_str(), python.identity.as_str()),
            ("3.12.4", "cpython 3.12.4 /usr/bin/python3.12")
        );
        assert_eq!(choose(vec![info(13, false), info(11, true)]).unwrap().version, "3.11.4");
    }

    #[test]
    fn each_problem_has_its_error() {
        assert!(matches!(choose(vec![]), Err(StackError::PythonMissing)));
        let old = choose(vec![info(6, true), info(9, true)]).unwrap_err();
        assert!(matches!(&old, StackError::PythonTooOld { version, .. } if version == "3.9.4"), "{old}");
        let bare = choose(vec![info(9, true), info(11, false)]).unwrap_err().to_string();
        assert!(bare.contains("apt install python3-venv") && bare.contains("3.11"), "{bare}");
    }

    #[test]
    fn other_programs_are_skipped() {
        let missing = locate(Some(Path::new("/no/such/python")), &Cancel::new());
        assert!(matches!(missing, Err(StackError::PythonMissing)));
        let not_python = locate(Some(Path::new("/bin/true")), &Cancel::new());
        assert!(matches!(not_python, Err(StackError::PythonMissing)));
    }
}
