//! A query result as text: the input of every parser here, and the format of their test data.

use serde::{Deserialize, Serialize};

/// Columns and rows; NULL is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ResultTable {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Option<String>>>,
}

impl ResultTable {
    /// Rows of two columns, as in `SHOW STATUS` and `SHOW VARIABLES`.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.rows.iter().filter_map(|row| Some((text(row, 0)?, text(row, 1)?)))
    }
}

/// Text of a cell; `None` for NULL and for a missing cell.
pub(super) fn text(row: &[Option<String>], at: usize) -> Option<&str> {
    row.get(at)?.as_deref()
}

/// Integer of a cell; zero for anything else.
pub(super) fn number(row: &[Option<String>], at: usize) -> u64 {
    text(row, at).and_then(|text| text.parse().ok()).unwrap_or_default()
}
