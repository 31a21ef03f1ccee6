//! Markdown for pull requests and step summaries: verdict, findings, assertions, endpoints, tiers, database and cache
//! counters, missing measurements. The length is limited to that of a GitHub comment.

use std::fmt::Write as _;

use kneepoint_model::text::sanitize;

use crate::view::ReportView;
use crate::view::block::{Block, Cell, Section, Table, Tone};
use crate::view::method::nothing_unmeasured;

/// Maximum length, in characters; GitHub accepts 65,536 in a comment.
pub(crate) const MAX_LENGTH: usize = 60_000;
/// Maximum length, in characters, of one table cell.
const MAX_CELL: usize = 240;
/// Maximum number of rows of one table.
const MAX_ROWS: usize = 60;

/// The report as Markdown, at most 60,000 characters.
pub fn markdown(view: &ReportView) -> String {
    let sections = &view.sections;
    let mut page = MarkdownPage::default();
    page.add(&head(view));
    page.add(&findings(view));
    for section in [&sections.assertions, &sections.endpoints] {
        page.add_section(section);
    }
    let tiers: Vec<&Table> = tables(&sections.resources.blocks).filter(|t| t.id == "table-tiers").collect();
    if let Some(tiers) = tiers.first() {
        page.add(&format!("## Tiers\n\n{}", table(tiers)));
    }
    page.add_counters("Database", &sections.database);
    page.add_counters("Cache servers", &sections.cache);
    let missing: Vec<&Table> =
        tables(&sections.method.blocks).filter(|t| t.id == "table-unmeasured").collect();
    match missing.first() {
        Some(missing) => page.add(&format!("## Not measured\n\n{}", table(missing))),
        None => {
            page.add(&format!("## Not measured\n\n{}\n", nothing_unmeasured(view.verdict.partial.is_none())));
        }
    }
    page.finish(view)
}

/// Ids of the counter tables included in Markdown.
const COUNTER_TABLES: [&str; 4] =
    ["table-db-work", "table-db-locks", "table-db-errors", "table-cache-servers"];
/// Maximum number of rows of such a table; the heaviest statements come first.
const MAX_COUNTER_ROWS: usize = 10;

/// Collects whole parts until [`MAX_LENGTH`] is reached.
#[derive(Default)]
struct MarkdownPage {
    text: String,
    chars: usize,
    cut: bool,
}

impl MarkdownPage {
    fn add(&mut self, part: &str) {
        let chars = part.chars().count() + 1;
        // 400 characters are reserved for the closing lines.
        if self.cut || self.chars + chars > MAX_LENGTH - 400 {
            self.cut = true;
            return;
        }
        self.text.push_str(part);
        self.text.push('\n');
        self.chars += chars;
    }

    fn add_section(&mut self, section: &Section) {
        self.add(&format!("## {}\n", escape(section.title)));
        for block in &section.blocks {
            if let Some(part) = render_block(block) {
                self.add(&part);
            }
        }
    }

    /// Counters of database and cache servers; adds nothing if there are none.
    fn add_counters(&mut self, title: &str, section: &Section) {
        let included = |table: &&Table| {
            table.id.starts_with("table-digests-") || COUNTER_TABLES.contains(&table.id.as_str())
        };
        let found: Vec<&Table> = tables(&section.blocks).filter(included).collect();
        if found.is_empty() {
            return;
        }
        self.add(&format!("## {title}\n"));
        for one in found {
            self.add(&format!("{}:\n\n{}", escape(&one.caption), table_with_rows(one, MAX_COUNTER_ROWS)));
        }
    }

    fn finish(mut self, view: &ReportView) -> String {
        if self.cut {
            self.text.push_str(
                "\n*Truncated to the maximum length of a comment; the full report is in `report.html`.*\n",
            );
        }
        let version = sanitize(&view.kneepoint, 40);
        let _ = writeln!(
            self.text,
            "\n*kneepoint {}, run {}*",
            escape(&version),
            escape(&sanitize(&view.run_id, 80))
        );
        self.text
    }
}

fn head(view: &ReportView) -> String {
    let verdict = &view.verdict;
    let mut text = format!("# kneepoint: {}\n\n**{}**\n", verdict.word, escape(&verdict.headline));
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

fn findings(view: &ReportView) -> String {
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
        let _ = writeln!(
            text,
            "\n**Fix:** {}\n\n**Estimated saving:** {}",
            escape(&finding.fix),
            escape(&finding.saving)
        );
    }
    if view.findings.items.len() > 20 {
        let _ = writeln!(text, "\n{} more findings: see `report.html`.", view.findings.items.len() - 20);
    }
    text
}

fn tables(blocks: &[Block]) -> impl Iterator<Item = &Table> {
    blocks.iter().filter_map(|block| if let Block::Table(table) = block { Some(table) } else { None })
}

/// The Markdown of a block; `None` for charts and other blocks that Markdown omits.
pub(crate) fn render_block(block: &Block) -> Option<String> {
    match block {
        Block::Table(inner) => Some(table(inner)),
        Block::Heading { text } => Some(format!("### {}\n", escape(text))),
        Block::Paragraph { text, tone } if *tone != Tone::Muted => Some(format!("{}\n", escape(text))),
        _ => None,
    }
}

fn table(table: &Table) -> String {
    table_with_rows(table, MAX_ROWS)
}

fn table_with_rows(table: &Table, most: usize) -> String {
    let heads: Vec<String> = table.columns.iter().map(|column| escape(&column.name)).collect();
    let rules: Vec<&str> = table.columns.iter().map(|c| if c.numeric { "---:" } else { "---" }).collect();
    let mut text = format!("| {} |\n|{}|\n", heads.join(" | "), rules.join("|"));
    for row in table.rows.iter().take(most) {
        let cells: Vec<String> = row.iter().map(cell).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    if table.rows.len() > most {
        let _ = writeln!(text, "\n{} more rows: see `report.html`.", table.rows.len() - most);
    }
    text
}

fn cell(cell: &Cell) -> String {
    let text = sanitize(&cell.text, MAX_CELL);
    let inline = if cell.code { code(&text) } else { escape(&text) };
    match cell.tone {
        Tone::Bad => format!("**{inline}**"),
        _ => inline,
    }
}

/// Escapes text for Markdown and HTML, on one line.
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

/// A code span on one line; backticks (which end the span) and pipes (which end a table cell) are replaced.
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
    fn untrusted_markdown_and_html_is_escaped() {
        assert_eq!(
            escape("a|b <img> [x](http://y) `c` @team"),
            "a\\|b &lt;img&gt; \\[x\\](http:&#47;&#47;y) \\`c\\` &#64;team"
        );
        assert_eq!(code("a`|\nb"), "`a'¦ b`");
    }
}
