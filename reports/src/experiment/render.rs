//! The report of experiments as HTML, Markdown and terminal text.

use std::fmt::Write as _;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use super::ExperimentReport;
use crate::error::ReportError;
use crate::render::markdown::{MOST, escape, piece};
use crate::render::terminal::{Pen, grid, line};
use crate::view::block::{Block, Tone};

/// Columns that fit a terminal.
const COLUMNS: [&str; 6] = ["Toggle", "Verdict", "Decided by", "Effect", "Interval", "Agrees"];
/// Sections that have a place in a comment: the details are in the page.
const IN_MARKDOWN: [&str; 4] = ["advice", "lost-update", "manoeuvres", "not-run"];

#[derive(Serialize)]
struct Page<'a> {
    view: &'a ExperimentReport,
    style: &'static str,
    script: &'static str,
}

impl ExperimentReport {
    /// One HTML file that asks nobody for anything.
    ///
    /// # Errors
    /// A template that does not fit the view: a fault of kneepoint.
    pub fn html(&self) -> Result<String, ReportError> {
        let mut templates = Environment::new();
        templates.set_auto_escape_callback(|_| AutoEscape::Html);
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.add_template("blocks.html", include_str!("../render/templates/blocks.html"))?;
        templates.add_template("experiment.html", include_str!("../render/templates/experiment.html"))?;
        let page = templates.get_template("experiment.html")?;
        Ok(page.render(Serde(Page {
            view: self,
            style: include_str!("../render/templates/style.css"),
            script: include_str!("../render/templates/script.js"),
        }))?)
    }

    /// For a pull request: the tables.
    pub fn markdown(&self) -> String {
        let mut text = format!("# kneepoint: {}\n\n**{}**\n\n", self.word, escape(&self.sentence));
        for reason in &self.reasons {
            let _ = writeln!(text, "- {}", escape(reason));
        }
        let facts: Vec<String> = self.facts.iter().map(|fact| escape(fact)).collect();
        let _ = writeln!(text, "\n{}\n", facts.join(" · "));
        for section in self.sections.iter().filter(|section| IN_MARKDOWN.contains(&section.id)) {
            let mut part = format!("## {}\n\n", escape(section.title));
            for block in &section.blocks {
                match block {
                    Block::List { items } => {
                        part.extend(items.iter().map(|item| format!("- {}\n", escape(item))));
                        part.push('\n');
                    }
                    other => part.extend(piece(other).map(|piece| format!("{piece}\n"))),
                }
            }
            if text.chars().count() + part.chars().count() > MOST - 400 {
                text.push_str("*Cut here; all of it is in `experiment.html`.*\n");
                break;
            }
            text.push_str(&part);
        }
        let _ = writeln!(text, "*kneepoint {}, experiment {}*", escape(&self.kneepoint), escape(&self.id));
        text
    }

    /// For a terminal, with colour when asked.
    pub fn terminal(&self, colour: bool) -> String {
        let pen = Pen { colour };
        let mut out = format!("{}  {}\n", pen.paint(self.tone, true, &self.word), line(&self.sentence));
        for reason in &self.reasons {
            let _ = writeln!(out, "  - {}", line(reason));
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
                        out.extend(items.iter().map(|item| format!("  - {}\n", line(item))));
                    }
                    _ => {}
                }
            }
        }
        out
    }
}
