//! JSON: the summary, a public and versioned format.

use kneepoint_model::summary::Summary;

use crate::error::ReportError;

/// The summary as indented JSON with a final newline.
pub fn json(summary: &Summary) -> Result<String, ReportError> {
    let mut text = serde_json::to_string_pretty(summary)?;
    text.push('\n');
    Ok(text)
}
