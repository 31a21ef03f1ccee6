//! An answer as text: what every reader here takes, and what is stored for their tests.

use serde::{Deserialize, Serialize};

/// Columns and rows; NULL is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Option<String>>>,
}

impl Table {
    /// Rows of two columns, as `SHOW STATUS` and `SHOW VARIABLES` give them.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.rows.iter().filter_map(|row| Some((text(row, 0)?, text(row, 1)?)))
    }
}

/// A cell's text; `None` for NULL and for a cell that is not there.
pub(super) fn text(row: &[Option<String>], at: usize) -> Option<&str> {
    row.get(at)?.as_deref()
}

/// A cell's whole number; zero for anything else.
pub(super) fn number(row: &[Option<String>], at: usize) -> u64 {
    text(row, at).and_then(|text| text.parse().ok()).unwrap_or_default()
}
