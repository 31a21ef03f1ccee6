//! Why a scenario was rejected: where in the file, what is wrong, and a line that is valid.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// Why a scenario could not be loaded or built.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// The file could not be read.
    #[error("cannot read scenario {path}: {source}; check the path in the configuration")]
    Unreadable {
        /// Path as given in the configuration.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// The library has no scenario of this name.
    #[error("no scenario is called `{name}`{}; the library has {known}, and a path to a file must end in .toml", format_suggestion(suggestion.as_ref()))]
    UnknownName {
        /// The name that was given.
        name: String,
        /// The most similar name of the library, when one is similar enough.
        suggestion: Option<String>,
        /// All names of the library, comma-separated.
        known: String,
    },
    /// The content of the file is not valid.
    #[error("{0}")]
    Invalid(Box<Diagnostic>),
    /// The crawl found no page that can be loaded.
    #[error(
        "the crawl of {origin} found no page that returns status 200 to GET; check the pages in site.json, or write a scenario file"
    )]
    NoPages {
        /// Origin of the crawled site.
        origin: String,
    },
    /// Every scenario of the mix has a weight of zero.
    #[error("no scenario has a weight above zero; give at least one, for example browse = 1")]
    NoScenario,
}

fn format_suggestion(name: Option<&String>) -> String {
    name.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

/// One error in a scenario file: location, cause and a valid example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Path of the file, or `library/<name>.toml`.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The key, e.g. `step.path`.
    pub key: String,
    /// The value as written, cut to 120 characters; empty when the key itself is wrong.
    pub value: String,
    /// What is wrong, as a lowercase fragment.
    pub problem: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
    /// A line that is valid.
    pub example: String,
    /// The line as written in the file, cut to 160 characters.
    pub excerpt: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: `{}`", self.file, self.line, self.column, self.key)?;
        if !self.value.is_empty() {
            write!(f, " = {}", self.value)?;
        }
        write!(f, ": {}", self.problem)?;
        if !self.excerpt.is_empty() {
            let gutter = self.line.to_string();
            let caret = " ".repeat(self.column.saturating_sub(1));
            write!(f, "\n  {gutter} | {}\n  {} | {caret}^", self.excerpt, " ".repeat(gutter.len()))?;
        }
        if let Some(suggestion) = &self.suggestion {
            write!(f, "\n  did you mean `{suggestion}`?")?;
        }
        if !self.example.is_empty() {
            write!(f, "\n  valid: {}", self.example)?;
        }
        Ok(())
    }
}

/// The most similar of the known words, when it is similar enough to be a typing error.
pub(crate) fn suggest_nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_owned())
}
