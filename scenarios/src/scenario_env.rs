//! What validation reads besides the scenario file: feed and body files, and environment variables.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kneepoint_model::text::clean;

use crate::feed::{FeedFormat, Table, read_table};

/// Largest feed file, in bytes.
const MAX_FEED_BYTES: u64 = 256 << 20;
/// Largest body file, in bytes, because each request in flight holds a copy.
const MAX_BODY_BYTES: u64 = 64 << 20;

/// The only access of validation to the outside. Each file is read once and shared by the scenarios of a run.
pub(crate) struct ScenarioEnv {
    environment: fn(&str) -> Option<OsString>,
    feeds: RefCell<HashMap<PathBuf, Arc<Table>>>,
    files: RefCell<HashMap<PathBuf, Arc<[u8]>>>,
}

impl ScenarioEnv {
    pub(crate) fn new() -> Self {
        Self {
            environment: |name| std::env::var_os(name),
            feeds: RefCell::default(),
            files: RefCell::default(),
        }
    }

    /// The value of an environment variable; the error tells why it cannot be used, without the value.
    pub(crate) fn read_variable(&self, name: &str) -> Result<String, String> {
        let shown = clean(name, 60);
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            return Err(format!("`{shown}` is not a valid variable name; use letters, digits and _"));
        }
        match (self.environment)(name).map(OsString::into_string) {
            None => Err(format!(
                "the environment variable `{shown}` is not set; set it before starting kneepoint"
            )),
            Some(Err(_)) => Err(format!("the environment variable `{shown}` is not UTF-8")),
            Some(Ok(value)) if value.is_empty() => {
                Err(format!("the environment variable `{shown}` is empty"))
            }
            Some(Ok(value)) => Ok(value),
        }
    }

    /// The content of a body file; the error tells why it cannot be read.
    pub(crate) fn read_file(&self, path: &Path) -> Result<Arc<[u8]>, String> {
        let key = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if let Some(bytes) = self.files.borrow().get(&key) {
            return Ok(Arc::clone(bytes));
        }
        let bytes: Arc<[u8]> = read_bounded(path, MAX_BODY_BYTES)?.into();
        self.files.borrow_mut().insert(key, Arc::clone(&bytes));
        Ok(bytes)
    }

    /// The rows of a feed file; the error tells what is wrong, and in which line.
    pub(crate) fn read_feed(&self, path: &Path, format: FeedFormat) -> Result<Arc<Table>, String> {
        let key = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if let Some(table) = self.feeds.borrow().get(&key) {
            return Ok(Arc::clone(table));
        }
        let bytes = read_bounded(path, MAX_FEED_BYTES)?;
        let table = read_table(&bytes, format).map_err(|error| match error.line {
            Some(line) => format!("{}, line {line}: {}", path.display(), error.problem),
            None => format!("{} {}", path.display(), error.problem),
        })?;
        let table = Arc::new(table);
        self.feeds.borrow_mut().insert(key, Arc::clone(&table));
        Ok(table)
    }
}

/// The content of a regular file of at most `max` bytes.
fn read_bounded(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    let cannot_read = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let metadata = path.metadata().map_err(cannot_read)?;
    // Opening a pipe would block until the other end is opened.
    if !metadata.is_file() {
        return Err(format!("{} is not a regular file", path.display()));
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(cannot_read)?.take(max + 1).read_to_end(&mut bytes).map_err(cannot_read)?;
    if bytes.len() as u64 > max {
        return Err(format!("{} is larger than the limit of {} MiB", path.display(), max >> 20));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_or_rejected_by_name_and_their_values_are_in_no_message() {
        use crate::scenario::Scenario;
        use crate::validate::parse_scenario;
        let environment = |name: &str| match name {
            "SHOP_TOKEN" => Some(OsString::from("t0ps3cret")),
            "EMPTY" => Some(OsString::new()),
            "LINES" => Some(OsString::from("t0ps3cret\n")),
            _ => None,
        };
        let env = ScenarioEnv { environment, ..ScenarioEnv::new() };
        let parse = |step: &str| -> Result<Scenario, String> {
            let text = format!("name = \"x\"\n[[step]]\n{step}\n");
            parse_scenario("x.toml", &text, None, &env).map_err(|error| error.to_string())
        };
        let scenario = parse("path = \"/\"\nauth = { bearer = \"{env:SHOP_TOKEN}\" }").expect("set");
        let (name, value) = &scenario.steps()[0].headers()[0];
        assert_eq!((name.as_str(), value.constant()), ("authorization", Some("Bearer t0ps3cret")));
        assert_eq!(scenario.secrets().len(), 1);
        assert!(!format!("{scenario:?}").contains("t0ps3cret"));
        for (step, expected) in [
            ("path = \"/?key={env:SHOP_TOKEN}\"", "must not be in the path"),
            ("path = \"/\"\nheaders = { x-key = \"{env:SHOP_TOKN}\" }", "`SHOP_TOKN` is not set"),
            ("path = \"/\"\nheaders = { x-key = \"{env:EMPTY}\" }", "`EMPTY` is empty"),
            ("path = \"/\"\nheaders = { x-key = \"{env:a b}\" }", "is not a valid variable name"),
            ("path = \"/\"\nheaders = { x-key = \"{env:LINES}\" }", "control characters"),
            ("path = \"/\"\nauth = { bearer = \"{env:LINES}\" }", "control characters"),
            ("path = \"/\"\nauth = { basic = { user = \"a:b\", password = \"{env:SHOP_TOKEN}\" } }", "colon"),
            (
                "path = \"/\"\nauth = { bearer = \"{env:SHOP_TOKEN}\" }\nheaders = { Authorization = \"x\" }",
                "both",
            ),
            ("path = \"/\"\nauth = {}", "exactly one of basic and bearer"),
            ("path = \"/{env:SHOP_TOKEN\"\nheaders = { x = \"{env:SHOP_TOKEN}{\" }", "brace"),
        ] {
            let error = parse(step).map(|_| ()).expect_err(step);
            assert!(error.contains(expected) && !error.contains("t0ps3cret"), "{expected}: {error}");
        }
    }

    #[test]
    fn only_regular_files_within_the_limit_are_read() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("a.bin");
        std::fs::write(&path, b"12345").expect("write");
        assert_eq!(read_bounded(&path, 5).as_deref(), Ok(&b"12345"[..]));
        assert!(read_bounded(&path, 4).expect_err("large").contains("is larger than the limit"));
        assert!(read_bounded(dir.path(), 5).expect_err("a folder").contains("is not a regular file"));
        assert!(read_bounded(&dir.path().join("none"), 5).expect_err("nothing").contains("cannot read"));
        // A device that never ends must not be read.
        assert!(
            read_bounded(Path::new("/dev/zero"), 5).expect_err("a device").contains("is not a regular file")
        );
    }
}
