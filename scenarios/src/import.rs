//! Scenario files from what is there already: an access log, a browser's recording (HAR), an OpenAPI document.
//!
//! What comes out is the text of a file that a person can read and change, and that is valid: it is read once more before it
//! is given away. What could not be taken over is counted, and said in the file. Nothing secret goes into it.

mod access_log;
mod bodies;
mod draft;
mod har;
mod lines;
mod openapi;
mod secret;

use std::fmt;

use thiserror::Error;

use self::draft::Draft;
use crate::refusal::ScenarioError;
use crate::scenario::Scenario;

pub use access_log::{Replay, from_access_log};
pub use har::from_har;
pub use openapi::from_openapi;

/// A scenario file, and what was left out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The text of the file.
    pub text: String,
    /// Name of the scenario.
    pub name: String,
    /// What it was made of, in sentences.
    pub said: Vec<String>,
}

/// Why nothing could be made of it.
#[derive(Debug, Error)]
pub enum ImportError {
    /// It could not be read.
    #[error("cannot read {source_name}: {source}")]
    Unreadable {
        /// What was read.
        source_name: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not what it was said to be.
    #[error("{source_name} is no {kind}: {why}")]
    NotOne {
        /// What was read.
        source_name: String,
        /// What it should have been, with what that looks like.
        kind: &'static str,
        /// What speaks against it.
        why: String,
    },
    /// It holds nothing that could be asked for.
    #[error("{source_name} holds nothing that could be asked for: {why}")]
    Nothing {
        /// What was read.
        source_name: String,
        /// What it holds instead.
        why: String,
    },
    /// What was made of it is not valid; that is a fault of kneepoint's.
    #[error("the scenario made of it is not valid, which is a fault of kneepoint's; please report it: {0}")]
    Ours(ScenarioError),
}

impl Imported {
    /// Reads the text once more, so that only what will be accepted is given away.
    fn checked(draft: &Draft, said: Vec<String>) -> Result<Self, ImportError> {
        let text = draft.text();
        Scenario::parse(&format!("{}.toml", draft.name), &text).map_err(ImportError::Ours)?;
        Ok(Self { text, name: draft.name.clone(), said })
    }
}

/// `1 request`, `2 requests`.
struct Counted<'a>(u64, &'a str);

impl fmt::Display for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.0, self.1, if self.0 == 1 { "" } else { "s" })
    }
}
