//! The built-in scenarios and the annotated reference file, compiled in; and the ways to load a scenario.

use std::path::Path;

use crate::error::{ScenarioError, suggest_nearest};
use crate::scenario::Scenario;
use crate::scenario_env::ScenarioEnv;
use crate::validate::parse_scenario;

/// The reference of scenario files: a valid scenario in which every key is explained.
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
    /// Names of the built-in scenarios.
    pub fn library_names() -> Vec<&'static str> {
        LIBRARY.iter().map(|(name, _)| *name).collect()
    }

    /// The built-in scenario of this name.
    pub fn from_library(name: &str) -> Result<Self, ScenarioError> {
        match LIBRARY.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => {
                parse_scenario(&format!("library/{name}.toml"), text, None, &ScenarioEnv::new())
            }
            None => Err(ScenarioError::UnknownName {
                name: name.to_owned(),
                suggestion: suggest_nearest(name, Self::library_names()),
                known: Self::library_names().join(", "),
            }),
        }
    }

    /// Reads and validates a file. Paths in it are relative to its folder.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        Self::load_in(path, &ScenarioEnv::new())
    }

    /// Like [`Self::load`], but shares data files with the other scenarios of the same environment.
    pub(crate) fn load_in(path: &Path, env: &ScenarioEnv) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScenarioError::Unreadable { path: path.to_owned(), source })?;
        parse_scenario(&path.display().to_string(), &text, path.parent(), env)
    }

    /// Validates a text; `file` is its name in messages. Paths in it are relative to the working folder.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioError> {
        parse_scenario(file, text, None, &ScenarioEnv::new())
    }
}
