//! Building blocks of a report: paragraphs, tables ([`table`](super::table)), charts, collapsible parts. Every section is
//! a list of blocks, so each renderer handles each kind once.
//!
//! All text passes through [`sanitize`] here; each renderer escapes, because escaping depends on the format.

use kneepoint_model::text::sanitize;
use serde::Serialize;

use crate::chart::Svg;
use crate::format::MAX_TEXT;
pub use crate::view::table::{Cell, Column, Table, Tone};

/// One entry of a legend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LegendItem {
    /// Name of the series.
    pub name: String,
    /// Series colour 0 to 8 (`0` is the text colour), 9 for error marks, 10 and 11 for the shading of phases.
    pub hue: u8,
    /// The swatch is a filled square instead of a line.
    pub fill: bool,
}

/// A chart with a text alternative and its data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chart {
    /// HTML id, unique in the report.
    pub id: String,
    /// Heading above the chart.
    pub title: String,
    /// What the chart shows, as text: its caption and the SVG's `desc`.
    pub description: String,
    /// The drawn chart.
    pub svg: Svg,
    /// Empty if the legend is shown elsewhere.
    pub legend: Vec<LegendItem>,
    /// The plotted data, reduced to a readable number of rows.
    pub data: Option<Table>,
}

/// A flame graph in its own frame, or the reason why it is not embedded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FlameFrame {
    /// HTML id, unique in the report.
    pub id: String,
    /// Accessible name of the frame.
    pub title: String,
    /// Frame height in CSS pixels.
    pub height: u32,
    /// A complete HTML document for the sandboxed frame; `None` if it is too large or not an SVG.
    pub document: Option<String>,
    /// Shown in place of a missing document.
    pub instead: Option<String>,
    /// Path of the SVG relative to the report; `None` if there is no safe one.
    pub file: Option<String>,
}

/// One part of a section.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Block {
    /// A paragraph; its tone tells plain text, notes and warnings apart.
    Paragraph {
        /// One line of sanitized text.
        text: String,
        /// Display by meaning.
        tone: Tone,
    },
    /// A heading within the section.
    Heading {
        /// One line of sanitized text.
        text: String,
    },
    /// A table with caption and column headings.
    Table(Table),
    /// A full-width chart.
    Chart(Chart),
    /// Small charts side by side, with one legend.
    Charts {
        /// One legend for all charts.
        legend: Vec<LegendItem>,
        /// Charts of equal size.
        charts: Vec<Chart>,
    },
    /// A legend for the tables or charts that follow.
    Legend {
        /// Entries in display order.
        items: Vec<LegendItem>,
    },
    /// A definition list.
    Pairs {
        /// Name and value of each entry.
        pairs: Vec<(String, String)>,
    },
    /// A bulleted list.
    List {
        /// One line of sanitized text each.
        items: Vec<String>,
    },
    /// Preformatted monospace text, e.g. a plan or a configuration.
    Source {
        /// Sanitized text with its line breaks.
        text: String,
    },
    /// A flame graph in a sandboxed frame.
    Flame(FlameFrame),
    /// A collapsible part.
    Fold {
        /// Label of the collapsed part.
        summary: String,
        /// Whether the part is expanded initially.
        open: bool,
        /// Content of the part.
        blocks: Vec<Block>,
    },
}

impl Block {
    /// A paragraph in plain tone.
    pub fn paragraph(text: impl AsRef<str>) -> Self {
        Self::Paragraph { text: sanitize(text.as_ref(), MAX_TEXT), tone: Tone::Plain }
    }
    /// A muted paragraph.
    pub fn note(text: impl AsRef<str>) -> Self {
        Self::Paragraph { text: sanitize(text.as_ref(), MAX_TEXT), tone: Tone::Muted }
    }
    /// A highlighted paragraph that states what is missing and why.
    pub fn missing(text: impl AsRef<str>) -> Self {
        Self::Paragraph { text: sanitize(text.as_ref(), MAX_TEXT), tone: Tone::Warn }
    }
    /// A heading within a section.
    pub fn heading(text: impl AsRef<str>) -> Self {
        Self::Heading { text: sanitize(text.as_ref(), MAX_TEXT) }
    }
    /// A bulleted list.
    pub fn list<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List { items: items.into_iter().map(|item| sanitize(item.as_ref(), MAX_TEXT)).collect() }
    }
    /// A collapsible part, collapsed initially.
    pub fn fold(summary: impl AsRef<str>, blocks: Vec<Self>) -> Self {
        Self::Fold { summary: sanitize(summary.as_ref(), MAX_TEXT), open: false, blocks }
    }
    /// A collapsible part, expanded initially.
    pub fn unfolded(summary: impl AsRef<str>, blocks: Vec<Self>) -> Self {
        Self::Fold { summary: sanitize(summary.as_ref(), MAX_TEXT), open: true, blocks }
    }
}

/// One section of the report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Section {
    /// HTML id, the target of links.
    pub id: &'static str,
    /// Heading of the section.
    pub title: &'static str,
    /// Introduction; may be empty.
    pub lead: String,
    /// Never empty: a section without data contains the reason.
    pub blocks: Vec<Block>,
}
