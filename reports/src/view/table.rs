//! Tables and their cells: what each says, what it is sorted by, how it looks by meaning.
//!
//! All text goes through [`clean`](crate::format::clean) on its way in; nothing here escapes, because only a renderer
//! knows for what.

use kneepoint_model::units::{Bytes, Micros, PerSecond, Ratio};
use serde::Serialize;

use crate::chart::Svg;
use crate::format::{clean, count, slug};

/// How something should look: by meaning, never by colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// As usual.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Deserves a look.
    Warn,
    /// Wrong.
    Bad,
    /// Of less weight.
    Muted,
}

/// One cell of a table.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// A second, quieter line.
    pub note: Option<String>,
    /// What it is sorted by, where that is a number.
    pub sort: Option<f64>,
    /// How it looks.
    pub tone: Tone,
    /// Set in a fixed-width type.
    pub code: bool,
    /// Set as a badge.
    pub badge: bool,
    /// A small picture in place of the text; the text says the same in words.
    pub svg: Option<Svg>,
}

impl Cell {
    /// Text.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self { text: clean(text.as_ref()), ..Self::default() }
    }
    /// Text in a fixed-width type.
    pub fn code(text: impl AsRef<str>) -> Self {
        Self { code: true, ..Self::text(text) }
    }
    /// A word that should catch the eye.
    pub fn badge(text: impl AsRef<str>, tone: Tone) -> Self {
        Self { badge: true, tone, ..Self::text(text) }
    }
    /// What is not there, and why in a word or two.
    pub fn absent(why: &str) -> Self {
        Self { tone: Tone::Muted, sort: Some(-1.0), ..Self::text(why) }
    }
    /// A value with its words.
    pub fn value(words: impl AsRef<str>, sort: f64) -> Self {
        Self { sort: Some(sort), ..Self::text(words) }
    }
    /// A count.
    pub fn count(n: u64) -> Self {
        Self::value(count(n), n as f64)
    }
    /// A duration.
    pub fn micros(us: Micros) -> Self {
        Self::value(us.to_string(), us.as_f64())
    }
    /// A size.
    pub fn bytes(bytes: Bytes) -> Self {
        Self::value(bytes.to_string(), bytes.as_f64())
    }
    /// A rate.
    pub fn rate(rate: PerSecond) -> Self {
        Self::value(rate.to_string(), rate.0)
    }
    /// A share.
    pub fn ratio(ratio: Ratio) -> Self {
        Self::value(ratio.to_string(), ratio.0)
    }
    /// A value that may not be there.
    pub fn maybe<T>(value: Option<T>, cell: impl FnOnce(T) -> Self, why: &str) -> Self {
        value.map_or_else(|| Self::absent(why), cell)
    }
    /// With another look.
    pub fn toned(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }
    /// With a second line.
    pub fn noted(mut self, note: impl AsRef<str>) -> Self {
        self.note = Some(clean(note.as_ref())).filter(|note| !note.is_empty());
        self
    }
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its heading.
    pub name: String,
    /// What it means, in a sentence.
    pub hint: Option<String>,
    /// Numbers: set to the right.
    pub numeric: bool,
}

/// A table. The first cell of each row is its heading.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// Unique in the report.
    pub id: String,
    /// What it holds.
    pub caption: String,
    /// Columns.
    pub columns: Vec<Column>,
    /// Rows, each as long as the columns.
    pub rows: Vec<Vec<Cell>>,
    /// A field to filter the rows by, for long tables.
    pub filter: bool,
}

impl Table {
    /// An empty table.
    pub fn new(id: &str, caption: impl AsRef<str>) -> Self {
        Self {
            id: slug(id),
            caption: clean(caption.as_ref()),
            columns: Vec::new(),
            rows: Vec::new(),
            filter: false,
        }
    }
    /// With a column of words.
    pub fn words(mut self, name: &str) -> Self {
        self.columns.push(Column { name: clean(name), hint: None, numeric: false });
        self
    }
    /// With a column of numbers and what they mean.
    pub fn numbers(mut self, name: &str, hint: &str) -> Self {
        let hint = Some(hint.to_owned()).filter(|hint| !hint.is_empty());
        self.columns.push(Column { name: clean(name), hint, numeric: true });
        self
    }
    /// With a column of words and what they mean.
    pub fn hinted(mut self, name: &str, hint: &str) -> Self {
        self.columns.push(Column { name: clean(name), hint: Some(hint.to_owned()), numeric: false });
        self
    }
    /// With a field to filter by when there are many rows.
    pub fn filtered(mut self) -> Self {
        self.filter = self.rows.len() > 12;
        self
    }
    /// Adds a row.
    pub fn push(&mut self, row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.columns.len(), "a row of {} has as many cells as columns", self.id);
        self.rows.push(row);
    }
    /// Adds rows.
    pub fn with(mut self, rows: impl IntoIterator<Item = Vec<Cell>>) -> Self {
        for row in rows {
            self.push(row);
        }
        self
    }
}
