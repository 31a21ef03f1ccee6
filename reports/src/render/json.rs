//! JSON: the summary itself, indented; the public contract.

use kneepoint_model::summary::Summary;

use crate::error::ReportError;

/// The summary as indented JSON with a line break at the end.
pub fn json(summary: &Summary) -> Result<String, ReportError> {
    let mut text = serde_json::to_string_pretty(summary)?;
    text.push('\n');
    Ok(text)
}
