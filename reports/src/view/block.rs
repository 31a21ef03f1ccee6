//! What a report is made of: tables ([`table`](super::table)), charts, paragraphs, folds. Every section is a list of these, so each renderer
//! knows each kind once.
//!
//! All text goes through [`clean`](crate::format::clean) on its way in; nothing here escapes, because only a renderer
//! knows for what.

use serde::Serialize;

use crate::chart::Svg;
use crate::format::clean;
pub use crate::view::table::{Cell, Column, Table, Tone};

/// One line of a legend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LegendItem {
    /// What.
    pub name: String,
    /// Series colour, 0 to 8 (`0` is ink), or 9 for marks of errors.
    pub hue: u8,
    /// A filled square, not a line.
    pub fill: bool,
}

/// A chart with its sentence and its data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chart {
    /// Unique in the report.
    pub id: String,
    /// Title.
    pub title: String,
    /// The sentence it shows: for those who cannot see it, and for those who look too quickly.
    pub sentence: String,
    /// The picture.
    pub svg: Svg,
    /// Its legend; empty where a neighbour has it.
    pub legend: Vec<LegendItem>,
    /// Its data, thinned.
    pub data: Option<Table>,
}

/// A flame graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FlameFrame {
    /// Unique in the report.
    pub id: String,
    /// Title.
    pub title: String,
    /// Height in pixels.
    pub height: u32,
    /// A whole document for a sandboxed frame; absent when it would be too large.
    pub document: Option<String>,
    /// What is said when there is no document.
    pub instead: Option<String>,
    /// The file beside the report, where there is one.
    pub file: Option<String>,
}

/// One part of a section.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Block {
    /// A paragraph.
    Say {
        /// Text.
        text: String,
        /// How it looks.
        tone: Tone,
    },
    /// A heading within the section.
    Heading {
        /// Text.
        text: String,
    },
    /// A table.
    Table(Table),
    /// A chart.
    Chart(Chart),
    /// Small charts side by side, with one legend.
    Charts {
        /// The legend of all.
        legend: Vec<LegendItem>,
        /// The charts.
        charts: Vec<Chart>,
    },
    /// A legend of its own.
    Legend {
        /// Its lines.
        items: Vec<LegendItem>,
    },
    /// Names and values.
    Pairs {
        /// The pairs.
        pairs: Vec<(String, String)>,
    },
    /// A list.
    List {
        /// Its items.
        items: Vec<String>,
    },
    /// Text in a fixed-width type, line by line.
    Source {
        /// Text.
        text: String,
    },
    /// A flame graph.
    Flame(FlameFrame),
    /// Something folded away.
    Fold {
        /// What stands on the fold.
        summary: String,
        /// Open from the start.
        open: bool,
        /// What is inside.
        blocks: Vec<Block>,
    },
}

impl Block {
    /// A paragraph.
    pub fn say(text: impl AsRef<str>) -> Self {
        Self::Say { text: clean(text.as_ref()), tone: Tone::Plain }
    }
    /// A quiet paragraph.
    pub fn note(text: impl AsRef<str>) -> Self {
        Self::Say { text: clean(text.as_ref()), tone: Tone::Muted }
    }
    /// A paragraph that says what is missing and why.
    pub fn missing(text: impl AsRef<str>) -> Self {
        Self::Say { text: clean(text.as_ref()), tone: Tone::Warn }
    }
    /// A heading.
    pub fn heading(text: impl AsRef<str>) -> Self {
        Self::Heading { text: clean(text.as_ref()) }
    }
    /// A list.
    pub fn list<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List { items: items.into_iter().map(|item| clean(item.as_ref())).collect() }
    }
    /// Something folded away.
    pub fn fold(summary: impl AsRef<str>, blocks: Vec<Self>) -> Self {
        Self::Fold { summary: clean(summary.as_ref()), open: false, blocks }
    }
    /// Something folded, but open.
    pub fn unfolded(summary: impl AsRef<str>, blocks: Vec<Self>) -> Self {
        Self::Fold { summary: clean(summary.as_ref()), open: true, blocks }
    }
}

/// One section of the report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Section {
    /// Its id, for links.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What to know before reading it.
    pub lead: String,
    /// Its parts; never empty: what is missing is said.
    pub blocks: Vec<Block>,
}
