//! Tables and cells: text, sort key, and display by meaning.
//!
//! All text passes through [`sanitize`] here; each renderer escapes, because escaping depends on the format.

use kneepoint_model::text::sanitize;
use kneepoint_model::units::{Bytes, Micros, PerSecond, Ratio};
use serde::Serialize;

use crate::chart::Svg;
use crate::format::{MAX_TEXT, count, slug};

/// Display by meaning, never by colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// Text without a judgement.
    #[default]
    Plain,
    /// An expected or successful state.
    Good,
    /// A value that deserves attention.
    Warn,
    /// A failure or a violated limit.
    Bad,
    /// Secondary or absent information.
    Muted,
}

/// One cell of a table.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Cell {
    /// Formatted value; also the text alternative of `svg`.
    pub text: String,
    /// Secondary text below the value.
    pub note: Option<String>,
    /// Numeric sort key; `None` sorts by text.
    pub sort: Option<f64>,
    /// Display by meaning.
    pub tone: Tone,
    /// Whether the text is shown in monospace.
    pub code: bool,
    /// Whether the text is shown as a badge.
    pub badge: bool,
    /// A small inline chart that replaces the text in HTML.
    pub svg: Option<Svg>,
}

impl Cell {
    /// A text cell.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self { text: sanitize(text.as_ref(), MAX_TEXT), ..Self::default() }
    }
    /// A monospace cell.
    pub fn code(text: impl AsRef<str>) -> Self {
        Self { code: true, ..Self::text(text) }
    }
    /// A badge, for states.
    pub fn badge(text: impl AsRef<str>, tone: Tone) -> Self {
        Self { badge: true, tone, ..Self::text(text) }
    }
    /// A missing value with a short reason; sorts below every value.
    pub fn absent(reason: &str) -> Self {
        Self { tone: Tone::Muted, sort: Some(-1.0), ..Self::text(reason) }
    }
    /// A formatted value with its numeric sort key.
    pub fn value(text: impl AsRef<str>, sort: f64) -> Self {
        Self { sort: Some(sort), ..Self::text(text) }
    }
    /// A count with thousands separators.
    pub fn count(n: u64) -> Self {
        Self::value(count(n), n as f64)
    }
    /// A duration in a readable unit.
    pub fn micros(us: Micros) -> Self {
        Self::value(us.to_string(), us.as_f64())
    }
    /// A size in binary units.
    pub fn bytes(bytes: Bytes) -> Self {
        Self::value(bytes.to_string(), bytes.as_f64())
    }
    /// A rate per second.
    pub fn rate(rate: PerSecond) -> Self {
        Self::value(rate.to_string(), rate.0)
    }
    /// A share in percent.
    pub fn ratio(ratio: Ratio) -> Self {
        Self::value(ratio.to_string(), ratio.0)
    }
    /// The value, or `reason` if there is none.
    pub fn optional<T>(value: Option<T>, cell: impl FnOnce(T) -> Self, reason: &str) -> Self {
        value.map_or_else(|| Self::absent(reason), cell)
    }
    /// Replaces the tone.
    pub fn with_tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }
    /// Adds secondary text; an empty note is none.
    pub fn with_note(mut self, note: impl AsRef<str>) -> Self {
        self.note = Some(sanitize(note.as_ref(), MAX_TEXT)).filter(|note| !note.is_empty());
        self
    }
}

/// Heading and alignment of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Column heading, unique in its table: terminal tables select columns by it.
    pub name: String,
    /// Definition of the column, shown as a tooltip.
    pub hint: Option<String>,
    /// Whether cells are right-aligned.
    pub numeric: bool,
}

/// A table. The first cell of each row is its heading.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// HTML id, unique in the report.
    pub id: String,
    /// Title of the table.
    pub caption: String,
    /// Columns in display order.
    pub columns: Vec<Column>,
    /// Each row has as many cells as there are columns.
    pub rows: Vec<Vec<Cell>>,
    /// Show a filter field above the table.
    pub filter: bool,
}

impl Table {
    /// A table without columns and rows.
    pub fn new(id: &str, caption: impl AsRef<str>) -> Self {
        Self {
            id: slug(id),
            caption: sanitize(caption.as_ref(), MAX_TEXT),
            columns: Vec::new(),
            rows: Vec::new(),
            filter: false,
        }
    }
    /// Adds a left-aligned column.
    pub fn text_column(mut self, name: &str) -> Self {
        self.columns.push(Column { name: sanitize(name, MAX_TEXT), hint: None, numeric: false });
        self
    }
    /// Adds a right-aligned column with its definition; an empty hint is none.
    pub fn number_column(mut self, name: &str, hint: &str) -> Self {
        let hint = Some(hint.to_owned()).filter(|hint| !hint.is_empty());
        self.columns.push(Column { name: sanitize(name, MAX_TEXT), hint, numeric: true });
        self
    }
    /// Adds a left-aligned column with its definition.
    pub fn described_column(mut self, name: &str, hint: &str) -> Self {
        self.columns.push(Column {
            name: sanitize(name, MAX_TEXT),
            hint: Some(hint.to_owned()),
            numeric: false,
        });
        self
    }
    /// Shows a filter field if the table has more than 12 rows.
    pub fn filterable(mut self) -> Self {
        self.filter = self.rows.len() > 12;
        self
    }
    /// Appends one row; its length must equal the number of columns.
    pub fn push(&mut self, row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.columns.len(), "a row of {} must have one cell per column", self.id);
        self.rows.push(row);
    }
    /// Appends all rows.
    pub fn with_rows(mut self, rows: impl IntoIterator<Item = Vec<Cell>>) -> Self {
        for row in rows {
            self.push(row);
        }
        self
    }
}
