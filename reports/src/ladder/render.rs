//! HTML, Markdown and terminal text of a ladder report; each reads the [`LadderView`] and computes nothing.

use std::fmt::Write as _;

use kneepoint_model::text::sanitize;

use super::LadderView;
use crate::error::ReportError;
use crate::render::html::{PageContext, render_page};
use crate::render::markdown::{MAX_LENGTH, escape, render_block};
use crate::render::terminal::{Pen, grid, terminal_line};
use crate::view::block::Tone;

/// The ladder report as one HTML file.
pub fn html(view: &LadderView) -> Result<String, ReportError> {
    render_page(
        include_str!("../render/templates/ladder.html"),
        PageContext {
            view,
            header: view,
            id: &view.ladder_id,
            kneepoint: &view.kneepoint,
            sections: view.sections.iter().collect(),
        },
    )
}

/// Ids of the sections included in Markdown.
const MARKDOWN_SECTIONS: [&str; 4] = ["rungs", "gains", "bottlenecks", "missing"];

/// The ladder report as Markdown, at most 60,000 characters.
pub fn markdown(view: &LadderView) -> String {
    let mut text = format!("# kneepoint ladder: {}\n\n**{}**\n", view.word, escape(&view.headline));
    for reason in &view.reasons {
        let _ = writeln!(text, "- {}", escape(reason));
    }
    let facts: Vec<String> = view.facts.iter().map(|fact| escape(fact)).collect();
    let _ = writeln!(text, "\n{}", facts.join(" · "));
    let end = format!("\n*kneepoint {}, ladder run {}*\n", escape(&view.kneepoint), escape(&view.ladder_id));
    let mut cut = false;
    for section in view.sections.iter().filter(|section| MARKDOWN_SECTIONS.contains(&section.id)) {
        let mut part = format!("\n## {}\n\n{}\n\n", escape(section.title), escape(&section.lead));
        for block in &section.blocks {
            if let Some(rendered) = render_block(block) {
                part.push_str(&rendered);
                part.push('\n');
            }
        }
        // 400 characters are reserved for the closing lines.
        cut = cut || text.chars().count() + part.chars().count() > MAX_LENGTH - 400;
        if !cut {
            text.push_str(&part);
        }
    }
    if cut {
        text.push_str(
            "\n*Truncated to the maximum length of a comment; the full report is in `ladder.html`.*\n",
        );
    }
    text + &end
}

/// Headings of the columns shown in a terminal.
const COLUMNS: [&str; 8] = [
    "Rung",
    "Throughput at SLO",
    "p50",
    "p95",
    "CPU per request",
    "Memory",
    "Bottleneck",
    "Gain over the rung below",
];

/// The ladder report as terminal text; escape codes only if `colour` is set.
pub fn terminal(view: &LadderView, colour: bool) -> String {
    let pen = Pen { colour };
    let mut out = format!("{}  {}\n", pen.paint(view.tone, true, &view.word), terminal_line(&view.headline));
    for reason in &view.reasons {
        let _ = writeln!(out, "  - {}", terminal_line(reason));
    }
    let _ = writeln!(out, "{}", pen.paint(Tone::Muted, false, &sanitize(&view.facts.join(" · "), 300)));
    let _ = write!(out, "\n{}", grid(&view.table, &COLUMNS, pen));
    out
}
