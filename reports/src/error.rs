//! Why a report could not be written.

use thiserror::Error;

/// Why a report could not be rendered. Both are faults of kneepoint, not of the run.
#[derive(Debug, Error)]
pub enum ReportError {
    /// A template and the view do not fit each other.
    #[error(
        "cannot render the report: {0}; this is a fault of kneepoint, please report it with the run folder"
    )]
    Template(#[from] minijinja::Error),
    /// The summary cannot be written as JSON.
    #[error("cannot write the summary as JSON: {0}; this is a fault of kneepoint, please report it")]
    Json(#[from] serde_json::Error),
}
