//! Errors of rendering.

use thiserror::Error;

/// A report cannot be rendered. Each variant is a bug in kneepoint, not a property of the run.
#[derive(Debug, Error)]
pub enum ReportError {
    /// A template uses a field that the view does not have, or fails to parse.
    #[error(
        "cannot render the report: {0}; this is a bug in kneepoint, please report it with the run folder"
    )]
    Template(#[from] minijinja::Error),
    /// `serde_json` rejects the summary.
    #[error("cannot write the summary as JSON: {0}; this is a bug in kneepoint, please report it")]
    Json(#[from] serde_json::Error),
}
