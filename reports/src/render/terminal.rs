//! Text for a terminal: the verdict, the three biggest findings, the endpoints. The one renderer that knows colour
//! codes; control characters of the site were taken out when the view was built.

use std::fmt::Write as _;

use crate::format::clean_to;
use crate::view::View;
use crate::view::block::{Block, Cell, Table, Tone};

/// Columns of the endpoint table that fit a terminal, by heading.
const COLUMNS: [&str; 8] = ["Endpoint", "Requests", "Errors", "Rate", "p50", "p95", "p99", "Queries"];
/// Most endpoints a phase.
const ROWS: usize = 15;

/// The report for a terminal, with colour when asked.
pub fn terminal(view: &View, colour: bool) -> String {
    let pen = Pen { colour };
    let verdict = &view.verdict;
    let mut out = format!("{}  {}\n", pen.paint(verdict.tone, true, &verdict.word), line(&verdict.sentence));
    for reason in verdict.reasons.iter().take(5) {
        let _ = writeln!(out, "  - {}", line(reason));
    }
    if let Some(partial) = &verdict.partial {
        let _ = writeln!(out, "{}", pen.paint(Tone::Warn, false, &line(partial)));
    }
    let _ = writeln!(out, "{}", pen.paint(verdict.health_tone, false, &line(&verdict.health)));
    out.push_str(&findings(view, pen));
    out.push_str(&endpoints(view, pen));
    out
}

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

pub(crate) fn line(text: &str) -> String {
    clean_to(&text.replace('\n', " "), 400)
}

fn findings(view: &View, pen: Pen) -> String {
    let items = &view.findings.items;
    if items.is_empty() {
        return format!("\n{}\n", line(&view.findings.lead));
    }
    let mut out = format!("\n{}\n", pen.paint(Tone::Plain, true, "Biggest findings"));
    for (at, finding) in items.iter().take(3).enumerate() {
        let _ = writeln!(
            out,
            "{}. {} {}\n   {}\n   {}",
            at + 1,
            pen.paint(finding.tone, false, &format!("[{}]", finding.severity)),
            line(&finding.title),
            pen.paint(Tone::Muted, false, &format!("saves {} ({})", line(&finding.saving), finding.id)),
            line(&finding.fix)
        );
    }
    if items.len() > 3 {
        let _ = writeln!(out, "   and {} more in the report", items.len() - 3);
    }
    out
}

/// The endpoints of the last phase: the open one where there is one. The others are in the report.
fn endpoints(view: &View, pen: Pen) -> String {
    let mut title = String::new();
    let mut shown = String::new();
    for block in &view.sections.endpoints.blocks {
        match block {
            Block::Heading { text } => title = line(text),
            Block::Table(table) if table.id.starts_with("table-endpoints") => {
                shown = format!("\n{}\n{}", pen.paint(Tone::Plain, true, &title), grid(table, &COLUMNS, pen));
            }
            _ => {}
        }
    }
    shown
}

/// The columns of these headings, as far as there are such, each as wide as it must be.
pub(crate) fn grid(table: &Table, columns: &[&str], pen: Pen) -> String {
    let at: Vec<usize> = columns
        .iter()
        .filter_map(|name| table.columns.iter().position(|column| column.name == *name))
        .collect();
    let words = |cell: &Cell| clean_to(&cell.text.replace('\n', " "), 44);
    let mut rows: Vec<Vec<(String, Tone)>> =
        vec![at.iter().map(|&i| (table.columns[i].name.clone(), Tone::Muted)).collect()];
    rows.extend(
        table.rows.iter().take(ROWS).map(|row| at.iter().map(|&i| (words(&row[i]), row[i].tone)).collect()),
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
    if table.rows.len() > ROWS {
        let _ = writeln!(out, "and {} more in the report", table.rows.len() - ROWS);
    }
    out
}
