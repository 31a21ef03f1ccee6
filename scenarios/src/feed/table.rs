//! The rows of a feed, packed: one text for all cells, four bytes a cell beside it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::values::Value;

/// More rows than this are a mistake, or a job for a smaller sample.
pub(super) const MOST_ROWS: u64 = 1_000_000;
/// More columns than this are a mistake.
pub(super) const MOST_COLUMNS: usize = 256;
/// Longest value, in bytes: a quotation mark that is never closed would swallow the rest of the file.
pub(super) const LONGEST_CELL: usize = 65_536;
/// All values together, in bytes: their places fit into 31 bits.
const MOST_TEXT: usize = 1 << 28;
/// Marks a cell that is a whole number.
const NUMBER: u32 = 1 << 31;

/// A file's rows; at least one.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<String>,
    text: String,
    /// End of each cell in `text`, row by row.
    ends: Vec<u32>,
    /// Rows that were given to those who want each once.
    given: AtomicU64,
}

impl Table {
    /// Names of the columns, in the order of the file.
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many there are.
    pub(crate) fn rows(&self) -> u64 {
        (self.ends.len() / self.columns.len()) as u64
    }

    /// The next row that was not given before.
    pub(super) fn next(&self) -> Option<u64> {
        // Beyond the end it goes on counting, which in a run's time cannot overflow 64 bits.
        let row = self.given.fetch_add(1, Ordering::Relaxed);
        (row < self.rows()).then_some(row)
    }

    /// One cell; row and column are there.
    pub(crate) fn value(&self, row: u64, column: usize) -> Value {
        let at = row as usize * self.columns.len() + column;
        let place = |at: usize| (self.ends[at] & !NUMBER) as usize;
        let from = at.checked_sub(1).map_or(0, place);
        let text = &self.text[from..place(at)];
        match text.parse() {
            Ok(number) if self.ends[at] & NUMBER != 0 => Value::Number(number),
            _ => Value::Text(text.to_owned()),
        }
    }
}

/// A table in the making; what it refuses, it refuses in words that a place can stand before.
#[derive(Debug)]
pub(super) struct Builder {
    table: Table,
}

impl Builder {
    /// A table with these columns.
    pub(super) fn new(columns: Vec<String>) -> Result<Self, String> {
        if columns.is_empty() || columns.len() > MOST_COLUMNS {
            return Err(format!("has {} columns; 1 to {MOST_COLUMNS} can be read", columns.len()));
        }
        for (at, name) in columns.iter().enumerate() {
            if name.is_empty() {
                return Err(format!("column {} has no name", at + 1));
            }
            if columns[..at].contains(name) {
                return Err(format!("has the column `{}` twice", shown(name)));
            }
        }
        let table = Table { columns, text: String::new(), ends: Vec::new(), given: AtomicU64::new(0) };
        Ok(Self { table })
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.table.columns
    }

    /// Adds the next cell of the row.
    pub(super) fn cell(&mut self, text: &str, is_number: bool) -> Result<(), String> {
        if text.len() > LONGEST_CELL {
            return Err(format!("has a value of {} bytes; at most {LONGEST_CELL} can be read", text.len()));
        }
        if self.table.text.len() + text.len() > MOST_TEXT {
            return Err(format!("has more than {} MiB of values", MOST_TEXT >> 20));
        }
        if self.table.ends.len() as u64 >= MOST_ROWS * self.table.columns.len() as u64 {
            return Err(format!("has more than {MOST_ROWS} rows"));
        }
        self.table.text.push_str(text);
        self.table.ends.push(self.table.text.len() as u32 | if is_number { NUMBER } else { 0 });
        Ok(())
    }

    /// The table; there must be a row.
    pub(super) fn done(self) -> Result<Table, String> {
        if self.table.ends.is_empty() { Err("has no rows".to_owned()) } else { Ok(self.table) }
    }
}

/// A word of the file, fit for a message.
pub(super) fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(60).collect()
}
