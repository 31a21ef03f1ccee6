//! The rows of a feed in compact form: one string for all cells, and four bytes per cell for its end.

use std::sync::atomic::{AtomicU64, Ordering};

use kneepoint_model::text::single_line;

use crate::value::Value;

/// Limit of rows; a larger file is a mistake, or should be sampled.
pub(super) const MAX_ROWS: u64 = 1_000_000;
/// Limit of columns; a wider file is a mistake.
pub(super) const MAX_COLUMNS: usize = 256;
/// Longest value, in bytes: an unclosed quotation mark would make the rest of the file one value.
pub(super) const MAX_CELL_BYTES: usize = 65_536;
/// All values together, in bytes, so that offsets fit into 31 bits.
const MAX_TEXT_BYTES: usize = 1 << 28;
/// Longest text of the file that a message shows, in characters.
pub(super) const MAX_SHOWN: usize = 60;
/// Flag in the end offset of a cell that is a whole number.
const IS_NUMBER: u32 = 1 << 31;

/// The rows of one file; at least one.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<String>,
    text: String,
    /// End of each cell in `text`, row by row.
    ends: Vec<u32>,
    /// Number of rows taken by `unique` feeds.
    taken: AtomicU64,
}

impl Table {
    /// Names of the columns, in the order of the file.
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Number of rows, at least 1.
    pub(crate) fn rows(&self) -> u64 {
        (self.ends.len() / self.columns.len()) as u64
    }

    /// Takes the next row that no `unique` feed has taken; `None` when all are taken.
    pub(super) fn take_next_row(&self) -> Option<u64> {
        // Counting past the end cannot overflow 64 bits within a run.
        let row = self.taken.fetch_add(1, Ordering::Relaxed);
        (row < self.rows()).then_some(row)
    }

    /// One cell. Panics when row or column is out of range.
    pub(crate) fn value(&self, row: u64, column: usize) -> Value {
        let cell = row as usize * self.columns.len() + column;
        let end_of = |cell: usize| (self.ends[cell] & !IS_NUMBER) as usize;
        let from = cell.checked_sub(1).map_or(0, end_of);
        let text = &self.text[from..end_of(cell)];
        match text.parse() {
            Ok(number) if self.ends[cell] & IS_NUMBER != 0 => Value::Number(number),
            _ => Value::Text(text.to_owned()),
        }
    }
}

/// Builds a table cell by cell. Its error texts are fragments that follow the name of the file or line.
#[derive(Debug)]
pub(super) struct TableBuilder {
    table: Table,
}

impl TableBuilder {
    /// An empty table with these columns; rejects empty and duplicate names.
    pub(super) fn new(columns: Vec<String>) -> Result<Self, String> {
        if columns.is_empty() || columns.len() > MAX_COLUMNS {
            return Err(format!("has {} columns; 1 to {MAX_COLUMNS} are allowed", columns.len()));
        }
        for (at, name) in columns.iter().enumerate() {
            if name.is_empty() {
                return Err(format!("column {} has no name", at + 1));
            }
            if columns[..at].contains(name) {
                return Err(format!("has the column `{}` twice", single_line(name, MAX_SHOWN)));
            }
        }
        let table = Table { columns, text: String::new(), ends: Vec::new(), taken: AtomicU64::new(0) };
        Ok(Self { table })
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.table.columns
    }

    /// Appends the next cell of the current row.
    pub(super) fn push_cell(&mut self, text: &str, is_number: bool) -> Result<(), String> {
        if text.len() > MAX_CELL_BYTES {
            return Err(format!("has a value of {} bytes; at most {MAX_CELL_BYTES} are allowed", text.len()));
        }
        if self.table.text.len() + text.len() > MAX_TEXT_BYTES {
            return Err(format!("has more than {} MiB of values", MAX_TEXT_BYTES >> 20));
        }
        if self.table.ends.len() as u64 >= MAX_ROWS * self.table.columns.len() as u64 {
            return Err(format!("has more than {MAX_ROWS} rows"));
        }
        self.table.text.push_str(text);
        self.table.ends.push(self.table.text.len() as u32 | if is_number { IS_NUMBER } else { 0 });
        Ok(())
    }

    /// The finished table; an error when it has no row.
    pub(super) fn finish(self) -> Result<Table, String> {
        if self.table.ends.is_empty() { Err("has no rows".to_owned()) } else { Ok(self.table) }
    }
}
