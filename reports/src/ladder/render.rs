//! HTML, Markdown and terminal text of a climb; each reads the [`LadderView`] and computes nothing.

use std::fmt::Write as _;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use super::LadderView;
use crate::error::ReportError;
use crate::format::clean_to;
use crate::render::markdown::{MOST, escape, piece};
use crate::render::terminal::{Pen, grid, line};
use crate::view::block::Tone;

/// What the page template is given.
#[derive(Serialize)]
struct Page<'a> {
    view: &'a LadderView,
    style: &'static str,
    script: &'static str,
}

/// The report of a climb as one HTML file; escaped as the report of a run is.
pub fn html(view: &LadderView) -> Result<String, ReportError> {
    let mut templates = Environment::new();
    templates.set_auto_escape_callback(|_| AutoEscape::Html);
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.add_template("blocks.html", include_str!("../render/templates/blocks.html"))?;
    templates.add_template("ladder.html", include_str!("../render/templates/ladder.html"))?;
    let page = templates.get_template("ladder.html")?;
    Ok(page.render(Serde(Page {
        view,
        style: include_str!("../render/templates/style.css"),
        script: include_str!("../render/templates/script.js"),
    }))?)
}

/// The sections that have a place in a comment, by id.
const IN_COMMENTS: [&str; 4] = ["rungs", "bought", "limits", "missing"];

/// The report of a climb as Markdown, never longer than a comment may be.
pub fn markdown(view: &LadderView) -> String {
    let mut text = format!("# kneepoint ladder: {}\n\n**{}**\n", view.word, escape(&view.sentence));
    for reason in &view.reasons {
        let _ = writeln!(text, "- {}", escape(reason));
    }
    let facts: Vec<String> = view.facts.iter().map(|fact| escape(fact)).collect();
    let _ = writeln!(text, "\n{}", facts.join(" · "));
    let end = format!("\n*kneepoint {}, climb {}*\n", escape(&view.kneepoint), escape(&view.ladder_id));
    let mut cut = false;
    for section in view.sections.iter().filter(|section| IN_COMMENTS.contains(&section.id)) {
        let mut part = format!("\n## {}\n\n{}\n\n", escape(section.title), escape(&section.lead));
        for block in &section.blocks {
            if let Some(piece) = piece(block) {
                part.push_str(&piece);
                part.push('\n');
            }
        }
        // Room is kept for the last lines.
        cut = cut || text.chars().count() + part.chars().count() > MOST - 400;
        if !cut {
            text.push_str(&part);
        }
    }
    if cut {
        text.push_str("\n*Cut here, because a comment may not be longer; all of it is in `ladder.html`.*\n");
    }
    text + &end
}

/// Columns that fit a terminal, by heading.
const COLUMNS: [&str; 8] = [
    "Rung",
    "At the promise",
    "p50",
    "p95",
    "CPU a request",
    "Memory",
    "What ends it",
    "Against the rung below",
];

/// The report of a climb for a terminal, with colour when asked.
pub fn terminal(view: &LadderView, colour: bool) -> String {
    let pen = Pen { colour };
    let mut out = format!("{}  {}\n", pen.paint(view.tone, true, &view.word), line(&view.sentence));
    for reason in &view.reasons {
        let _ = writeln!(out, "  - {}", line(reason));
    }
    let _ = writeln!(out, "{}", pen.paint(Tone::Muted, false, &clean_to(&view.facts.join(" · "), 300)));
    let _ = write!(out, "\n{}", grid(&view.table, &COLUMNS, pen));
    out
}
