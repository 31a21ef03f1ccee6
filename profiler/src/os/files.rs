//! Reads small files of `/proc` into one buffer that is used again, and lists folders whose names are numbers.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// A file of `/proc` larger than this is cut: none that is read here comes near it.
const CAP: u64 = 1 << 20;

/// One reusable buffer.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    bytes: Vec<u8>,
    text: String,
}

impl Reader {
    /// The whole file as text, invalid UTF-8 replaced (a process chooses its own name).
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

/// The names in a folder that are numbers (process ids, thread ids, descriptors).
pub(crate) fn numbers_in(folder: impl AsRef<Path>) -> io::Result<Vec<u32>> {
    let entries = fs::read_dir(folder)?;
    Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

/// The file name of the program that a process runs; `None` when it has gone or is not ours to see.
pub(crate) fn exe_name(pid: u32) -> Option<String> {
    let path = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    Some(path.file_name()?.to_string_lossy().into_owned())
}
