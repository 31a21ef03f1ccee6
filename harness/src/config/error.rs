//! Errors of the configuration: file, line, column, key, value, suggestion, and a valid example.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::DEFAULT;

/// Why a configuration was refused.
#[derive(Debug, Error)]
pub(crate) enum ConfigError {
    /// The file cannot be opened or read.
    #[error("cannot read {path}: {why}")]
    Unreadable {
        /// Path as given by the user or found.
        path: PathBuf,
        /// The error of the operating system.
        why: String,
    },
    /// A key or value is not valid; the text has its line and an example.
    #[error("{0}")]
    Refused(String),
    /// The merged configuration is not valid, so there is no line.
    #[error("configuration: {0}")]
    Merged(String),
    /// A command-line flag is not valid.
    #[error("{flag}: {why}")]
    Flag {
        /// With its two dashes.
        flag: &'static str,
        /// The reason, with a valid example.
        why: String,
    },
}

impl ConfigError {
    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), why: error.to_string() }
    }

    pub(super) fn from_toml(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        let (line, column) = line_and_column(text, at);
        let written = text.lines().nth(line - 1).unwrap_or_default();
        let message = error.message().trim();
        let mut shown = format!("{}:{line}:{column}: {message}\n", path.display());
        let _ = writeln!(shown, "  {line} | {written}");
        let _ = writeln!(shown, "  {} | {}^", " ".repeat(line.to_string().len()), " ".repeat(column - 1));
        let section = section_at(text, line);
        let unknown = text_before_backtick(message, "unknown field `");
        let suggestion = unknown.and_then(|key| nearest_name(key, message));
        if let Some(suggestion) = suggestion {
            let _ = writeln!(shown, "  did you mean `{suggestion}`?");
        }
        let key = suggestion.unwrap_or_else(|| written.split('=').next().unwrap_or_default().trim());
        if let Some(example) = example_line(&section, key) {
            let _ = writeln!(shown, "  example: {example}");
        }
        Self::Refused(shown.trim_end().to_owned())
    }
}

fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |tail| tail.chars().count()) + 1;
    (line, column)
}

fn section_at(text: &str, line: usize) -> String {
    let headings = text.lines().take(line).filter_map(|l| l.trim().strip_prefix('[')?.strip_suffix(']'));
    headings.last().unwrap_or_default().trim().to_owned()
}

fn text_before_backtick<'a>(message: &'a str, before: &str) -> Option<&'a str> {
    message.split_once(before)?.1.split('`').next()
}

/// The most similar of the names that serde lists between backticks.
fn nearest_name<'a>(key: &str, message: &'a str) -> Option<&'a str> {
    let expected = message.split_once("expected")?.1;
    expected
        .split('`')
        .skip(1)
        .step_by(2)
        .map(|name| (strsim::damerau_levenshtein(key, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 3)
        .min()
        .map(|(_, name)| name)
}

/// The line of default.toml that sets this key in this section, or shows it in a comment.
fn example_line(section: &str, key: &str) -> Option<String> {
    let mut current = String::new();
    for line in DEFAULT.lines() {
        let trimmed = line.trim_start_matches('#').trim();
        if let Some(name) = line.trim().strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            name.clone_into(&mut current);
        } else if current == section
            && trimmed.split('=').next().is_some_and(|k| k.trim() == key)
            && trimmed.contains('=')
        {
            return Some(trimmed.to_owned());
        }
    }
    None
}
