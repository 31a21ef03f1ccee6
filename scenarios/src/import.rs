//! Generates scenario files from existing data: an access log, a browser recording (HAR), an OpenAPI document.
//!
//! The result is the text of a valid scenario file that a person can read and edit; it is parsed again before it is returned.
//! Comments in the file report what could not be imported. Secrets are never written into it.

mod access_log;
mod draft;
mod har;
mod lines;
mod openapi;
mod secret;
mod step_body;

use thiserror::Error;

use self::draft::DraftScenario;
use crate::error::ScenarioError;
use crate::scenario::Scenario;

pub use access_log::{Replay, from_access_log};
pub use har::from_har;
pub use openapi::from_openapi;

/// A generated scenario file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The text of the file, a valid scenario.
    pub text: String,
    /// The name of the scenario in the file.
    pub name: String,
    /// Sentences about what was imported and what was skipped.
    pub notes: Vec<String>,
}

/// Why no scenario could be generated.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The source could not be read.
    #[error("cannot read {source_name}: {source}")]
    Unreadable {
        /// Name of the source in messages.
        source_name: String,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// The source has another format.
    #[error("{source_name} is not {kind}: {why}")]
    WrongFormat {
        /// Name of the source in messages.
        source_name: String,
        /// The expected format, with a description.
        kind: &'static str,
        /// What is wrong with the content.
        why: String,
    },
    /// The source contains no request that can be repeated.
    #[error("no scenario can be made from {source_name}: {why}")]
    NothingUsable {
        /// Name of the source in messages.
        source_name: String,
        /// What it contains instead.
        why: String,
    },
    /// The generated file is not valid, which is a bug in kneepoint.
    #[error("the generated scenario is not valid; this is a bug in kneepoint, please report it: {0}")]
    InvalidOutput(ScenarioError),
}

impl Imported {
    /// Renders the draft and parses the text again, so that only valid files are returned.
    fn from_draft(draft: &DraftScenario, notes: Vec<String>) -> Result<Self, ImportError> {
        let text = draft.to_toml();
        Scenario::parse(&format!("{}.toml", draft.name), &text).map_err(ImportError::InvalidOutput)?;
        Ok(Self { text, name: draft.name.clone(), notes })
    }
}
