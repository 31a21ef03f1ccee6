//! What a scenario may look at beside its own text: files near it, and the environment.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::feed::{Kind, Table, read};

/// Largest file of a feed, in bytes.
const MOST_OF_A_FEED: u64 = 256 << 20;
/// Largest file that is sent, in bytes: each request under way holds it once more.
const MOST_OF_A_BODY: u64 = 64 << 20;

/// The rim of validation. Files are read once; those of one run are shared by its scenarios.
pub(crate) struct Surroundings {
    environment: fn(&str) -> Option<OsString>,
    feeds: RefCell<HashMap<PathBuf, Arc<Table>>>,
    files: RefCell<HashMap<PathBuf, Arc<[u8]>>>,
}

impl Surroundings {
    pub(crate) fn new() -> Self {
        Self {
            environment: |name| std::env::var_os(name),
            feeds: RefCell::default(),
            files: RefCell::default(),
        }
    }

    /// The value of a variable; the words say why there is none.
    pub(crate) fn variable(&self, name: &str) -> Result<String, String> {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            return Err(format!("`{shown}` is not the name of a variable: letters, digits and _"));
        }
        match (self.environment)(name).map(OsString::into_string) {
            None => {
                Err(format!("the environment has no variable `{shown}`: set it before you start kneepoint"))
            }
            Some(Err(_)) => Err(format!("the variable `{shown}` is not UTF-8")),
            Some(Ok(value)) if value.is_empty() => Err(format!("the variable `{shown}` is empty")),
            Some(Ok(value)) => Ok(value),
        }
    }

    /// The content of a file; the words say why there is none.
    pub(crate) fn file(&self, path: &Path) -> Result<Arc<[u8]>, String> {
        let known = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if let Some(bytes) = self.files.borrow().get(&known) {
            return Ok(Arc::clone(bytes));
        }
        let bytes: Arc<[u8]> = bounded(path, MOST_OF_A_BODY)?.into();
        self.files.borrow_mut().insert(known, Arc::clone(&bytes));
        Ok(bytes)
    }

    /// The rows of a file; the words say what is wrong with it, and in which line.
    pub(crate) fn feed(&self, path: &Path, kind: Kind) -> Result<Arc<Table>, String> {
        let known = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if let Some(table) = self.feeds.borrow().get(&known) {
            return Ok(Arc::clone(table));
        }
        let bytes = bounded(path, MOST_OF_A_FEED)?;
        let table = read(&bytes, kind).map_err(|bad| match bad.line {
            Some(line) => format!("{}, line {line}: {}", path.display(), bad.problem),
            None => format!("{} {}", path.display(), bad.problem),
        })?;
        let table = Arc::new(table);
        self.feeds.borrow_mut().insert(known, Arc::clone(&table));
        Ok(table)
    }
}

/// All of a file, when it is one and not too large.
fn bounded(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let said = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let about = path.metadata().map_err(said)?;
    // Opening a pipe would wait for its other end.
    if !about.is_file() {
        return Err(format!("{} is not a file", path.display()));
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(said)?.take(most + 1).read_to_end(&mut bytes).map_err(said)?;
    if bytes.len() as u64 > most {
        return Err(format!("{} is larger than {} MiB", path.display(), most >> 20));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_or_refused_by_name_and_their_values_are_in_no_message() {
        use crate::scenario::Scenario;
        use crate::validate::read;
        let environment = |name: &str| match name {
            "SHOP_TOKEN" => Some(OsString::from("t0ps3cret")),
            "EMPTY" => Some(OsString::new()),
            "LINES" => Some(OsString::from("t0ps3cret\n")),
            _ => None,
        };
        let surroundings = Surroundings { environment, ..Surroundings::new() };
        let with = |step: &str| -> Result<Scenario, String> {
            let text = format!("name = \"x\"\n[[step]]\n{step}\n");
            read("x.toml", &text, None, &surroundings).map_err(|error| error.to_string())
        };
        let scenario = with("path = \"/\"\nauth = { bearer = \"{env:SHOP_TOKEN}\" }").expect("set");
        let (name, value) = &scenario.steps()[0].headers()[0];
        assert_eq!((name.as_str(), value.constant()), ("authorization", Some("Bearer t0ps3cret")));
        assert_eq!(scenario.secrets().len(), 1);
        assert!(!format!("{scenario:?}").contains("t0ps3cret"));
        for (step, expected) in [
            ("path = \"/?key={env:SHOP_TOKEN}\"", "would be in the address"),
            ("path = \"/\"\nheaders = { x-key = \"{env:SHOP_TOKN}\" }", "no variable `SHOP_TOKN`"),
            ("path = \"/\"\nheaders = { x-key = \"{env:EMPTY}\" }", "`EMPTY` is empty"),
            ("path = \"/\"\nheaders = { x-key = \"{env:a b}\" }", "is not the name of a variable"),
            ("path = \"/\"\nheaders = { x-key = \"{env:LINES}\" }", "control characters"),
            ("path = \"/\"\nauth = { bearer = \"{env:LINES}\" }", "control characters"),
            ("path = \"/\"\nauth = { basic = { user = \"a:b\", password = \"{env:SHOP_TOKEN}\" } }", "colon"),
            (
                "path = \"/\"\nauth = { bearer = \"{env:SHOP_TOKEN}\" }\nheaders = { Authorization = \"x\" }",
                "both",
            ),
            ("path = \"/\"\nauth = {}", "either basic or bearer"),
            ("path = \"/{env:SHOP_TOKEN\"\nheaders = { x = \"{env:SHOP_TOKEN}{\" }", "brace"),
        ] {
            let refused = with(step).map(|_| ()).expect_err(step);
            assert!(refused.contains(expected) && !refused.contains("t0ps3cret"), "{expected}: {refused}");
        }
    }

    #[test]
    fn only_files_that_are_not_too_large_are_read() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("a.bin");
        std::fs::write(&path, b"12345").expect("write");
        assert_eq!(bounded(&path, 5).as_deref(), Ok(&b"12345"[..]));
        assert!(bounded(&path, 4).expect_err("large").contains("is larger than"));
        assert!(bounded(dir.path(), 5).expect_err("a folder").contains("is not a file"));
        assert!(bounded(&dir.path().join("none"), 5).expect_err("nothing").contains("cannot read"));
        // What never ends is no file either.
        assert!(bounded(Path::new("/dev/zero"), 5).expect_err("a device").contains("is not a file"));
    }
}
