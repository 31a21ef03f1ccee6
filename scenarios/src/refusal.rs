//! Why a scenario was refused, said so that the reader can mend it at once: where, what, what it should have been.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// Why there is no scenario.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// The file could not be read.
    #[error("cannot read scenario {path}: {source}; check the path in the configuration")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No such name in the library.
    #[error("no scenario is called `{name}`{}; the library has {known}, and a path to a file must end in .toml", suggest(suggestion.as_ref()))]
    Unknown {
        /// What was asked for.
        name: String,
        /// A name that looks alike.
        suggestion: Option<String>,
        /// All names.
        known: String,
    },
    /// The file says something that cannot be believed.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The crawl found nothing that could be loaded.
    #[error(
        "the crawl of {origin} found no page that answers 200 to GET; look at site.json, or write a scenario file"
    )]
    NothingToVisit {
        /// What was crawled.
        origin: String,
    },
    /// Nothing with a weight above zero was asked for.
    #[error("no scenario has a weight above zero; give at least one, for example browse = 1")]
    NothingAsked,
}

fn suggest(name: Option<&String>) -> String {
    name.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

/// One refusal, with everything needed to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// File, or `library/<name>.toml`.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The key, e.g. `step.path`.
    pub key: String,
    /// The value as written, cut to 120 characters; empty when the key itself is the trouble.
    pub value: String,
    /// What is wrong, as a lowercase fragment.
    pub problem: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
    /// A line that would be accepted.
    pub example: String,
    /// The line as written, for showing.
    pub excerpt: String,
}

impl fmt::Display for Refusal {
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

/// The nearest of the known words, when it is near enough to be a slip.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_owned())
}
