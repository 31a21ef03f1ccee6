//! Markdown for pull requests and step summaries: verdict, findings, assertions, endpoints, tiers, what databases and
//! caches counted, what was not measured. Never longer than such a comment may be.

use std::fmt::Write as _;

use crate::format::clean_to;
use crate::view::View;
use crate::view::block::{Block, Cell, Section, Table, Tone};

/// Longest text, in characters.
pub(crate) const MOST: usize = 60_000;
/// Longest cell.
const CELL: usize = 240;
/// Most rows of one table.
const ROWS: usize = 60;

/// The report as Markdown, at most 60,000 characters.
pub fn markdown(view: &View) -> String {
    let sections = &view.sections;
    let mut page = Page::default();
    page.add(&head(view));
    page.add(&findings(view));
    for section in [&sections.assertions, &sections.endpoints] {
        page.add_section(section);
    }
    let tiers: Vec<&Table> = tables(&sections.resources.blocks).filter(|t| t.id == "table-tiers").collect();
    if let Some(tiers) = tiers.first() {
        page.add(&format!("## Tiers\n\n{}", table(tiers)));
    }
    page.add_counted("Database", &sections.database);
    page.add_counted("Cache servers", &sections.cache);
    let missing: Vec<&Table> =
        tables(&sections.method.blocks).filter(|t| t.id == "table-unmeasured").collect();
    match missing.first() {
        Some(missing) => page.add(&format!("## Not measured\n\n{}", table(missing))),
        None => page.add("## Not measured\n\nEverything that was asked for was measured.\n"),
    }
    page.finish(view)
}

/// Tables of counters that have a place in a comment.
const COUNTED: [&str; 4] = ["table-db-work", "table-db-locks", "table-db-errors", "table-cache-servers"];
/// Most rows of such a table: the heaviest statements stand first.
const COUNTED_ROWS: usize = 10;

/// Pieces of a page, as many whole ones as fit.
#[derive(Default)]
struct Page {
    text: String,
    chars: usize,
    cut: bool,
}

impl Page {
    fn add(&mut self, piece: &str) {
        let chars = piece.chars().count() + 1;
        // Room is kept for the last lines.
        if self.cut || self.chars + chars > MOST - 400 {
            self.cut = true;
            return;
        }
        self.text.push_str(piece);
        self.text.push('\n');
        self.chars += chars;
    }

    fn add_section(&mut self, section: &Section) {
        self.add(&format!("## {}\n", escape(section.title)));
        for block in &section.blocks {
            if let Some(piece) = piece(block) {
                self.add(&piece);
            }
        }
    }

    /// What databases and caches counted themselves; nothing where none was asked.
    fn add_counted(&mut self, title: &str, section: &Section) {
        let own =
            |table: &&Table| table.id.starts_with("table-digests-") || COUNTED.contains(&table.id.as_str());
        let found: Vec<&Table> = tables(&section.blocks).filter(own).collect();
        if found.is_empty() {
            return;
        }
        self.add(&format!("## {title}\n"));
        for one in found {
            self.add(&format!("{}:\n\n{}", escape(&one.caption), table_of(one, COUNTED_ROWS)));
        }
    }

    fn finish(mut self, view: &View) -> String {
        if self.cut {
            self.text.push_str(
                "\n*Cut here, because a comment may not be longer; all of it is in `report.html`.*\n",
            );
        }
        let version = clean_to(&view.kneepoint, 40);
        let _ = writeln!(
            self.text,
            "\n*kneepoint {}, run {}*",
            escape(&version),
            escape(&clean_to(&view.run_id, 80))
        );
        self.text
    }
}

fn head(view: &View) -> String {
    let verdict = &view.verdict;
    let mut text = format!("# kneepoint: {}\n\n**{}**\n", verdict.word, escape(&verdict.sentence));
    for reason in &verdict.reasons {
        let _ = writeln!(text, "- {}", escape(reason));
    }
    if let Some(partial) = &verdict.partial {
        let _ = writeln!(text, "\n**Partial.** {}", escape(partial));
    }
    let facts: Vec<String> = verdict.facts.iter().map(|fact| escape(fact)).collect();
    let _ = writeln!(text, "\n{}\n\n{}\n", escape(&verdict.health), facts.join(" · "));
    text.push_str("| | | |\n|---|---:|---|\n");
    for figure in &verdict.figures {
        let row = [&figure.name, &figure.value, &figure.note].map(|cell| escape(cell));
        let _ = writeln!(text, "| {} | **{}** | {} |", row[0], row[1], row[2]);
    }
    text
}

fn findings(view: &View) -> String {
    let mut text = format!("## Findings\n\n{}\n", escape(&view.findings.lead));
    for finding in view.findings.items.iter().take(20) {
        let route = finding.route.as_ref().map_or_else(String::new, |route| format!(" · {}", code(route)));
        let _ = writeln!(
            text,
            "\n### {}\n\n**{}** · {}{route} · {} · {}\n",
            escape(&finding.title),
            finding.severity,
            finding.tier,
            finding.rule,
            code(&finding.id)
        );
        for evidence in finding.evidence.iter().take(8) {
            let _ = writeln!(text, "- {} ({})", escape(&evidence.text), code(&evidence.source));
        }
        let _ =
            writeln!(text, "\n**Do:** {}\n\n**Saves:** {}", escape(&finding.fix), escape(&finding.saving));
    }
    if view.findings.items.len() > 20 {
        let _ = writeln!(text, "\n{} more are in `report.html`.", view.findings.items.len() - 20);
    }
    text
}

fn tables(blocks: &[Block]) -> impl Iterator<Item = &Table> {
    blocks.iter().filter_map(|block| if let Block::Table(table) = block { Some(table) } else { None })
}

/// What of a block has a place in a comment.
pub(crate) fn piece(block: &Block) -> Option<String> {
    match block {
        Block::Table(inner) => Some(table(inner)),
        Block::Heading { text } => Some(format!("### {}\n", escape(text))),
        Block::Say { text, tone } if *tone != Tone::Muted => Some(format!("{}\n", escape(text))),
        _ => None,
    }
}

fn table(table: &Table) -> String {
    table_of(table, ROWS)
}

fn table_of(table: &Table, most: usize) -> String {
    let heads: Vec<String> = table.columns.iter().map(|column| escape(&column.name)).collect();
    let rules: Vec<&str> = table.columns.iter().map(|c| if c.numeric { "---:" } else { "---" }).collect();
    let mut text = format!("| {} |\n|{}|\n", heads.join(" | "), rules.join("|"));
    for row in table.rows.iter().take(most) {
        let cells: Vec<String> = row.iter().map(cell).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    if table.rows.len() > most {
        let _ = writeln!(text, "\n{} more rows are in `report.html`.", table.rows.len() - most);
    }
    text
}

fn cell(cell: &Cell) -> String {
    let text = clean_to(&cell.text, CELL);
    let words = if cell.code { code(&text) } else { escape(&text) };
    match cell.tone {
        Tone::Bad => format!("**{words}**"),
        _ => words,
    }
}

/// Text that Markdown and HTML leave alone, on one line.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("&#64;"),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out.replace("://", ":&#47;&#47;")
}

/// Code on one line: backticks would end it and pipes would end its cell, so both are replaced.
fn code(text: &str) -> String {
    let inner: String = text
        .chars()
        .map(|c| match c {
            '`' => '\'',
            '|' => '¦',
            '\n' | '\r' => ' ',
            c => c,
        })
        .collect();
    if inner.trim().is_empty() { String::new() } else { format!("`{inner}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_and_html_of_the_site_stay_text() {
        assert_eq!(
            escape("a|b <img> [x](http://y) `c` @team"),
            "a\\|b &lt;img&gt; \\[x\\](http:&#47;&#47;y) \\`c\\` &#64;team"
        );
        assert_eq!(code("a`|\nb"), "`a'¦ b`");
    }
}
