//! The scenarios that come along, compiled in, and the file that explains every key.

use std::path::Path;

use crate::refusal::{ScenarioError, nearest};
use crate::scenario::Scenario;
use crate::surroundings::Surroundings;
use crate::validate::read;

/// Every key of a scenario file, explained.
pub const DEFAULT_TOML: &str = include_str!("../default.toml");

const LIBRARY: [(&str, &str); 9] = [
    ("browse", include_str!("../library/browse.toml")),
    ("search", include_str!("../library/search.toml")),
    ("login", include_str!("../library/login.toml")),
    ("checkout", include_str!("../library/checkout.toml")),
    ("api-crud", include_str!("../library/api-crud.toml")),
    ("covers", include_str!("../library/covers.toml")),
    ("any-book", include_str!("../library/any-book.toml")),
    ("hot-book", include_str!("../library/hot-book.toml")),
    ("page-views", include_str!("../library/page-views.toml")),
];

impl Scenario {
    /// Names of the scenarios that come along.
    pub fn library() -> Vec<&'static str> {
        LIBRARY.iter().map(|(name, _)| *name).collect()
    }

    /// One of them.
    pub fn from_library(name: &str) -> Result<Self, ScenarioError> {
        match LIBRARY.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => read(&format!("library/{name}.toml"), text, None, &Surroundings::new()),
            None => Err(ScenarioError::Unknown {
                name: name.to_owned(),
                suggestion: nearest(name, Self::library()),
                known: Self::library().join(", "),
            }),
        }
    }

    /// Reads and validates a file. Files that it names are looked for beside it.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        Self::load_in(path, &Surroundings::new())
    }

    /// The same, sharing what other scenarios have read.
    pub(crate) fn load_in(path: &Path, surroundings: &Surroundings) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScenarioError::Unreadable { path: path.to_owned(), source })?;
        read(&path.display().to_string(), &text, path.parent(), surroundings)
    }

    /// Validates a text; `file` is its name in messages. Files that it names are looked for in the working folder.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioError> {
        read(file, text, None, &Surroundings::new())
    }
}
