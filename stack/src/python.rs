//! Finds a Python that can carry the site: 3.11 or later, able to make virtual environments.
//!
//! Each candidate is asked to describe itself; nothing is concluded from file names. Which of the answers is taken is
//! decided by a pure function.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_process::{Program, find};
use serde::Deserialize;

use crate::{StackError, exec};

/// The oldest Python that the pinned packages support.
pub(crate) const OLDEST: (u32, u32) = (3, 11);
/// Looked for on PATH, in this order: the user's own choice first.
const NAMES: [&str; 6] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"];
/// Prints one line of JSON; syntax that even Python 2 understands, so that an old one can say so.
const ASK: &str = r#"
import json, sys
try:
    import ensurepip, venv
    makes_venvs = True
except ImportError:
    makes_venvs = False
print(json.dumps({"version": list(sys.version_info[:3]), "implementation": getattr(sys, "implementation", sys).__dict__.get("name", "python"),
    "base": getattr(sys, "_base_executable", sys.executable) or sys.executable, "makes_venvs": makes_venvs}))
"#;

/// What a Python says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Answer {
    version: (u32, u32, u32),
    implementation: String,
    base: PathBuf,
    makes_venvs: bool,
}

/// A Python that will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Python {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// `3.11.2`.
    pub(crate) version: String,
    /// What must be the same for a virtual environment to be used again.
    pub(crate) identity: String,
}

/// The named one, or the first on PATH that will do.
pub(crate) fn locate(named: Option<&Path>, cancel: &Cancel) -> Result<Python, StackError> {
    let candidates: Vec<PathBuf> = match named {
        Some(path) => find(&path.to_string_lossy()).into_iter().collect(),
        None => NAMES.iter().filter_map(|name| find(name)).collect(),
    };
    let mut answers = Vec::new();
    for path in candidates {
        if cancel.is_cancelled() {
            return Err(StackError::Cancelled);
        }
        if let Some(answer) = ask(&path, cancel) {
            let good = will_do(&answer);
            answers.push((path, answer));
            // The first that will do is taken, so the others need not be asked.
            if good {
                break;
            }
        }
    }
    choose(answers)
}

fn ask(path: &Path, cancel: &Cancel) -> Option<Answer> {
    let program = clean(Program::new(path)).args(["-c", ASK]);
    let output =
        exec::run(program, "asking python for its version", Duration::from_secs(20), cancel, &mut |_, _| {});
    serde_json::from_str(output.ok()?.stdout_text().trim()).ok()
}

/// Without what the user's shell may say to another Python.
pub(crate) fn clean(program: Program) -> Program {
    ["PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "DJANGO_SETTINGS_MODULE", "PYTHONWARNINGS"]
        .iter()
        .fold(program, Program::env_remove)
}

fn will_do(answer: &Answer) -> bool {
    new_enough(answer) && answer.makes_venvs
}

fn new_enough(answer: &Answer) -> bool {
    (answer.version.0, answer.version.1) >= OLDEST
}

fn choose(answers: Vec<(PathBuf, Answer)>) -> Result<Python, StackError> {
    if let Some((path, answer)) = answers.iter().find(|(_, answer)| will_do(answer)) {
        let (major, minor, patch) = answer.version;
        let version = format!("{major}.{minor}.{patch}");
        let identity = format!("{} {version} {}", answer.implementation, answer.base.display());
        return Ok(Python { path: path.clone(), version, identity });
    }
    if let Some((path, answer)) = answers.iter().find(|(_, answer)| new_enough(answer)) {
        let version = format!("{}.{}", answer.version.0, answer.version.1);
        return Err(StackError::VenvMissing { path: path.clone(), version });
    }
    let newest = answers.into_iter().max_by_key(|(_, answer)| answer.version);
    Err(newest.map_or(StackError::PythonMissing, |(path, answer)| {
        let (major, minor, patch) = answer.version;
        StackError::PythonTooOld { path, version: format!("{major}.{minor}.{patch}") }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(minor: u32, makes_venvs: bool) -> (PathBuf, Answer) {
        let path = PathBuf::from(format!("/usr/bin/python3.{minor}"));
        let base = path.clone();
        (path, Answer { version: (3, minor, 4), implementation: "cpython".to_owned(), base, makes_venvs })
    }

    #[test]
    fn the_first_that_will_do_is_taken() {
        let python = choose(vec![answer(9, true), answer(12, true), answer(13, true)]).unwrap();
        assert_eq!(
            (python.version.as_str(), python.identity.as_str()),
            ("3.12.4", "cpython 3.12.4 /usr/bin/python3.12")
        );
        assert_eq!(choose(vec![answer(13, false), answer(11, true)]).unwrap().version, "3.11.4");
    }

    #[test]
    fn what_is_missing_is_told_apart() {
        assert!(matches!(choose(vec![]), Err(StackError::PythonMissing)));
        let old = choose(vec![answer(6, true), answer(9, true)]).unwrap_err();
        assert!(matches!(&old, StackError::PythonTooOld { version, .. } if version == "3.9.4"), "{old}");
        let bare = choose(vec![answer(9, true), answer(11, false)]).unwrap_err().to_string();
        assert!(bare.contains("apt install python3-venv") && bare.contains("3.11"), "{bare}");
    }

    #[test]
    fn what_is_no_python_is_passed_over() {
        let missing = locate(Some(Path::new("/no/such/python")), &Cancel::new());
        assert!(matches!(missing, Err(StackError::PythonMissing)));
        let not_python = locate(Some(Path::new("/bin/true")), &Cancel::new());
        assert!(matches!(not_python, Err(StackError::PythonMissing)));
    }
}
