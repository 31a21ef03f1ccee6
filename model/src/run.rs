//! The run folder: the names of its files, and the two ways of writing them: whole files by rename, lines by append.
//!
//! `kill -9` at any moment leaves a readable folder: a whole file exists or not, and every reader ignores an incomplete last
//! line.

pub mod names;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// Version of the run folder's format.
pub const FORMAT_VERSION: u32 = 1;

/// A failure to read or write a run folder.
#[derive(Debug, Error)]
pub enum RunError {
    /// The file system reported an error.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// The action that failed, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The content of a file does not fit its name.
    #[error("{path} is not a readable kneepoint file: {source}")]
    Damaged {
        /// Path of the file.
        path: PathBuf,
        /// The position and kind of the error.
        source: serde_json::Error,
    },
    /// The folder was written by a later kneepoint.
    #[error(
        "{path} has format version {found}; this kneepoint reads up to {FORMAT_VERSION}: use a newer kneepoint"
    )]
    TooNew {
        /// Path of the file.
        path: PathBuf,
        /// The format version in the file.
        found: u64,
    },
}

/// The folder of one run; knows only its path.
#[derive(Debug, Clone)]
pub struct RunFolder {
    root: PathBuf,
}

impl RunFolder {
    /// Creates the folder and its inner folders.
    pub fn create(runs: &Path, run_id: &str) -> Result<Self, RunError> {
        let root = runs.join(run_id);
        for inner in ["", names::LOAD, names::SAMPLES, names::PROFILES, names::LOGS] {
            let path = root.join(inner);
            fs::create_dir_all(&path).map_err(|source| RunError::Io { action: "create", path, source })?;
        }
        Ok(Self { root })
    }

    /// A folder of another kind (a ladder run, an experiment), written and read in the same way; it is created with the first
    /// file.
    pub fn from_root(root: PathBuf) -> Self {
        Self { root }
    }

    /// Opens an existing folder; reads nothing yet.
    pub fn open(root: &Path) -> Result<Self, RunError> {
        let path = root.join(names::MANIFEST);
        fs::metadata(&path).map_err(|source| RunError::Io { action: "open", path, source })?;
        Ok(Self { root: root.to_owned() })
    }

    /// The path of the folder.
    pub fn root(&self) -> &Path {
        &self.root
    }
    /// A file's full path.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
    /// Whether the file exists.
    pub fn has(&self, name: &str) -> bool {
        self.path(name).is_file()
    }

    /// Writes a whole file: to a `.part` file beside it, synced, then renamed.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf, RunError> {
        let path = self.path(name);
        let fail = |action, path: &Path| {
            let path = path.to_owned();
            move |source| RunError::Io { action, path, source }
        };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(fail("create", parent))?;
        }
        let part = path.with_extension("part");
        let mut file = File::create(&part).map_err(fail("create", &part))?;
        file.write_all(content).and_then(|()| file.sync_all()).map_err(fail("write", &part))?;
        fs::rename(&part, &path).map_err(fail("rename to", &path))?;
        Ok(path)
    }

    /// Writes a value as indented JSON.
    pub fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<PathBuf, RunError> {
        let mut text = serde_json::to_vec_pretty(value)
            .map_err(|source| RunError::Damaged { path: self.path(name), source })?;
        text.push(b'\n');
        self.write(name, &text)
    }

    /// Reads a value; refuses files of a later format.
    pub fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, RunError> {
        let path = self.path(name);
        let text =
            fs::read(&path).map_err(|source| RunError::Io { action: "read", path: path.clone(), source })?;
        let damaged = |source| RunError::Damaged { path: path.clone(), source };
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(damaged)?;
        match value.get("format_version").and_then(serde_json::Value::as_u64) {
            Some(found) if found > u64::from(FORMAT_VERSION) => Err(RunError::TooNew { path, found }),
            _ => serde_json::from_value(value).map_err(damaged),
        }
    }

    /// Reads a value if the file exists.
    pub fn read_json_if_exists<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, RunError> {
        if self.has(name) { self.read_json(name).map(Some) } else { Ok(None) }
    }

    /// Opens a file of lines for appending.
    pub fn append(&self, name: &str) -> Result<LineWriter, RunError> {
        LineWriter::open(self.path(name))
    }

    /// Reads a file of JSON lines; a missing file means no lines, and invalid lines are counted.
    pub fn read_lines<T: DeserializeOwned>(&self, name: &str) -> Result<(Vec<T>, u64), RunError> {
        let path = self.path(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
            Err(source) => return Err(RunError::Io { action: "read", path, source }),
        };
        let (mut values, mut garbage) = (Vec::new(), 0);
        for line in BufReader::new(file).split(b'\n') {
            let line = line.map_err(|source| RunError::Io { action: "read", path: path.clone(), source })?;
            if line.is_empty() {
                continue;
            }
            match serde_json::from_slice(&line) {
                Ok(value) => values.push(value),
                Err(_) => garbage += 1,
            }
        }
        Ok((values, garbage))
    }
}

/// Appends whole lines; each line is one write, so that a kill leaves at most one incomplete line.
#[derive(Debug)]
pub struct LineWriter {
    path: PathBuf,
    file: File,
}

impl LineWriter {
    /// Opens the file, or creates it.
    pub fn open(path: PathBuf) -> Result<Self, RunError> {
        match OpenOptions::new().create(true).append(true).open(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(source) => Err(RunError::Io { action: "append to", path, source }),
        }
    }
    /// Appends one line of text; the line break is added here.
    pub fn append_line(&mut self, text: &str) -> Result<(), RunError> {
        let mut whole = String::with_capacity(text.len() + 1);
        whole.push_str(text);
        whole.push('\n');
        self.file.write_all(whole.as_bytes()).map_err(|source| self.error("write", source))
    }
    /// Appends one value as a JSON line.
    pub fn append_json<T: Serialize>(&mut self, value: &T) -> Result<(), RunError> {
        let text = serde_json::to_string(value)
            .map_err(|source| RunError::Damaged { path: self.path.clone(), source })?;
        self.append_line(&text)
    }
    /// Ensures that everything written so far survives a crash of the machine.
    pub fn sync(&mut self) -> Result<(), RunError> {
        self.file.sync_data().map_err(|source| self.error("sync", source))
    }
    fn error(&self, action: &'static str, source: io::Error) -> RunError {
        RunError::Io { action, path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_files_are_read_again_and_later_formats_are_refused() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let run = RunFolder::create(dir.path(), "r1").expect("create");
        run.write_json("a.json", &serde_json::json!({"format_version": 1, "x": 2})).expect("write");
        let value: serde_json::Value = run.read_json("a.json").expect("read");
        assert_eq!(value["x"], 2);
        run.write_json("b.json", &serde_json::json!({"format_version": 99})).expect("write");
        let refused = run.read_json::<serde_json::Value>("b.json").expect_err("too new");
        assert!(refused.to_string().contains("format version 99"));
    }

    #[test]
    fn an_incomplete_last_line_is_counted_not_fatal() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let run = RunFolder::create(dir.path(), "r1").expect("create");
        let mut lines = run.append("x.jsonl").expect("open");
        lines.append_json(&1).expect("write");
        lines.append_json(&2).expect("write");
        fs::write(run.path("x.jsonl"), "1\n2\n{\"cut").expect("cut");
        assert_eq!(run.read_lines::<u32>("x.jsonl").expect("read"), (vec![1, 2], 1));
    }
}
