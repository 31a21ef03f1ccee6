//! Terminal text: the verdict, the first three findings, the endpoints. The only renderer that writes escape codes;
//! control characters from untrusted text are already removed when the view is built.

use std::fmt::Write as _;

use kneepoint_model::text::sanitize;

use crate::format::count_with_noun;
use crate::view::ReportView;
use crate::view::block::{Block, Cell, Table, Tone};

/// Headings of the endpoint columns shown in a terminal.
const COLUMNS: [&str; 8] = ["Endpoint", "Requests", "Errors", "Rate", "p50", "p95", "p99", "Queries"];
/// Maximum number of rows of a table.
const MAX_ROWS: usize = 15;

/// The report as terminal text; escape codes only if `colour` is set.
pub fn terminal(view: &ReportView, colour: bool) -> String {
    let pen = Pen { colour };
    let verdict = &view.verdict;
    let mut out =
        format!("{}  {}\n", pen.paint(verdict.tone, true, &verdict.word), terminal_line(&verdict.headline));
    for reason in verdict.reasons.iter().take(5) {
        let _ = writeln!(out, "  - {}", terminal_line(reason));
    }
    if let Some(partial) = &verdict.partial {
        let _ = writeln!(out, "{}", pen.paint(Tone::Warn, false, &terminal_line(partial)));
    }
    let _ = writeln!(out, "{}", pen.paint(verdict.health_tone, false, &terminal_line(&verdict.health)));
    out.push_str(&findings(view, pen));
    out.push_str(&endpoints(view, pen));
    out
}

/// Paints text by tone, or leaves it plain.
#[derive(Clone, Copy)]
pub(crate) struct Pen {
    pub(crate) colour: bool,
}

impl Pen {
    pub(crate) fn paint(self, tone: Tone, bold: bool, text: &str) -> String {
        let code = match tone {
            Tone::Plain if bold => "1",
            Tone::Plain => return text.to_owned(),
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "31",
            Tone::Muted => "2",
        };
        match (self.colour, bold) {
            (false, _) => text.to_owned(),
            (true, true) => format!("\u{1b}[1;{code}m{text}\u{1b}[0m"),
            (true, false) => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

/// Text on one line, at most 400 characters.
pub(crate) fn terminal_line(text: &str) -> String {
    sanitize(&text.replace('\n', " "), 400)
}

fn findings(view: &ReportView, pen: Pen) -> String {
    let items = &view.findings.items;
    if items.is_empty() {
        return format!("\n{}\n", terminal_line(&view.findings.lead));
    }
    let mut out = format!("\n{}\n", pen.paint(Tone::Plain, true, "Top findings"));
    for (at, finding) in items.iter().take(3).enumerate() {
        let _ = writeln!(
            out,
            "{}. {} {}\n   {}\n   {}",
            at + 1,
            pen.paint(finding.tone, false, &format!("[{}]", finding.severity)),
            terminal_line(&finding.title),
            pen.paint(
                Tone::Muted,
                false,
                &format!("saving: {} ({})", terminal_line(&finding.saving), finding.id)
            ),
            terminal_line(&finding.fix)
        );
    }
    if items.len() > 3 {
        let _ = writeln!(
            out,
            "   {} in the report",
            count_with_noun(items.len() as u64 - 3, "more finding", "more findings")
        );
    }
    out
}

/// The endpoints of the last phase, which is the open one if there is one.
fn endpoints(view: &ReportView, pen: Pen) -> String {
    let mut title = String::new();
    let mut shown = String::new();
    for block in &view.sections.endpoints.blocks {
        match block {
            Block::Heading { text } => title = terminal_line(text),
            Block::Table(table) if table.id.starts_with("table-endpoints") => {
                shown = format!("\n{}\n{}", pen.paint(Tone::Plain, true, &title), grid(table, &COLUMNS, pen));
            }
            _ => {}
        }
    }
    shown
}

/// The columns with these headings as an aligned text table; unknown headings are ignored.
pub(crate) fn grid(table: &Table, columns: &[&str], pen: Pen) -> String {
    let at: Vec<usize> = columns
        .iter()
        .filter_map(|name| table.columns.iter().position(|column| column.name == *name))
        .collect();
    let cell_text = |cell: &Cell| sanitize(&cell.text.replace('\n', " "), 44);
    let mut rows: Vec<Vec<(String, Tone)>> =
        vec![at.iter().map(|&i| (table.columns[i].name.clone(), Tone::Muted)).collect()];
    rows.extend(
        table
            .rows
            .iter()
            .take(MAX_ROWS)
            .map(|row| at.iter().map(|&i| (cell_text(&row[i]), row[i].tone)).collect()),
    );
    let width = |column: usize| rows.iter().map(|row| row[column].0.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..at.len()).map(width).collect();
    let mut out = String::new();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, ((text, tone), &width))| {
                let padded = if column == 0 { format!("{text:<width$}") } else { format!("{text:>width$}") };
                pen.paint(*tone, false, &padded)
            })
            .collect();
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    if table.rows.len() > MAX_ROWS {
        let _ = writeln!(
            out,
            "{} in the report",
            count_with_noun((table.rows.len() - MAX_ROWS) as u64, "more row", "more rows")
        );
    }
    out
}
