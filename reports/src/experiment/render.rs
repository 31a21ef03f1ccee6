//! HTML, Markdown and terminal text of an experiment report.

use std::fmt::Write as _;

use super::ExperimentReport;
use crate::error::ReportError;
use crate::render::html::{PageContext, render_page};
use crate::render::markdown::{MAX_LENGTH, escape, render_block};
use crate::render::terminal::{Pen, grid, terminal_line};
use crate::view::block::{Block, Tone};

/// Headings of the columns shown in a terminal.
const COLUMNS: [&str; 6] = ["Toggle", "Verdict", "Deciding signal", "Effect", "Interval", "Agrees"];
/// Ids of the sections included in Markdown; the details are only in the HTML file.
const MARKDOWN_SECTIONS: [&str; 4] = ["advice", "lost-update", "rollouts", "not-run"];

impl ExperimentReport {
    /// The report as one HTML file.
    ///
    /// # Errors
    /// A template does not match the view; this is a bug in kneepoint.
    pub fn html(&self) -> Result<String, ReportError> {
        render_page(
            include_str!("../render/templates/experiment.html"),
            PageContext {
                view: self,
                header: self,
                id: &self.id,
                kneepoint: &self.kneepoint,
                sections: self.sections.iter().collect(),
            },
        )
    }

    /// The tables as Markdown for a pull request.
    pub fn markdown(&self) -> String {
        let mut text = format!("# kneepoint: {}\n\n**{}**\n\n", self.word, escape(&self.headline));
        for reason in &self.reasons {
            let _ = writeln!(text, "- {}", escape(reason));
        }
        let facts: Vec<String> = self.facts.iter().map(|fact| escape(fact)).collect();
        let _ = writeln!(text, "\n{}\n", facts.join(" · "));
        for section in self.sections.iter().filter(|section| MARKDOWN_SECTIONS.contains(&section.id)) {
            let mut part = format!("## {}\n\n", escape(section.title));
            for block in &section.blocks {
                match block {
                    Block::List { items } => {
                        part.extend(items.iter().map(|item| format!("- {}\n", escape(item))));
                        part.push('\n');
                    }
                    other => part.extend(render_block(other).map(|text| format!("{text}\n"))),
                }
            }
            if text.chars().count() + part.chars().count() > MAX_LENGTH - 400 {
                text.push_str("*Truncated to the maximum length of a comment; the full report is in `experiment.html`.*\n");
                break;
            }
            text.push_str(&part);
        }
        let _ = writeln!(text, "*kneepoint {}, experiment {}*", escape(&self.kneepoint), escape(&self.id));
        text
    }

    /// The report as terminal text; escape codes only if `colour` is set.
    pub fn terminal(&self, colour: bool) -> String {
        let pen = Pen { colour };
        let mut out =
            format!("{}  {}\n", pen.paint(self.tone, true, &self.word), terminal_line(&self.headline));
        for reason in &self.reasons {
            let _ = writeln!(out, "  - {}", terminal_line(reason));
        }
        if !self.table.rows.is_empty() {
            out.push('\n');
            out.push_str(&grid(&self.table, &COLUMNS, pen));
        }
        for section in self.sections.iter().filter(|section| section.id == "lost-update") {
            let _ = writeln!(out, "\n{}", pen.paint(Tone::Plain, true, section.title));
            for block in &section.blocks {
                match block {
                    Block::Table(table) => {
                        let names: Vec<&str> =
                            table.columns.iter().map(|column| column.name.as_str()).collect();
                        out.push_str(&grid(table, &names, pen));
                    }
                    Block::List { items } => {
                        out.extend(items.iter().map(|item| format!("  - {}\n", terminal_line(item))));
                    }
                    _ => {}
                }
            }
        }
        out
    }
}
