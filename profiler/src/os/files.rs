//! Reads small `/proc` files into a reusable buffer, and lists folders whose entries are numbers.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Longest file that is read; no `/proc` file used here comes near it.
const CAP: u64 = 1 << 20;

/// Reusable buffer for `/proc` files.
#[derive(Debug, Default)]
pub(crate) struct ProcReader {
    bytes: Vec<u8>,
    text: String,
}

impl ProcReader {
    /// Reads the whole file as text; invalid UTF-8 is replaced (a process chooses its own name).
    pub(crate) fn read(&mut self, path: impl AsRef<Path>) -> io::Result<&str> {
        self.bytes.clear();
        File::open(path)?.take(CAP).read_to_end(&mut self.bytes)?;
        if std::str::from_utf8(&self.bytes).is_err() {
            self.text = String::from_utf8_lossy(&self.bytes).into_owned();
            return Ok(&self.text);
        }
        Ok(std::str::from_utf8(&self.bytes).unwrap_or_default())
    }
}

/// Entries of a folder that are numbers (process ids, thread ids, descriptors).
pub(crate) fn numbers_in(folder: impl AsRef<Path>) -> io::Result<Vec<u32>> {
    let entries = fs::read_dir(folder)?;
    Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

/// File name of a process's executable; `None` when the process has ended or is not readable.
pub(crate) fn exe_name(pid: u32) -> Option<String> {
    let path = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    Some(path.file_name()?.to_string_lossy().into_owned())
}
