//! Smoke: the result of the crawl, page by page.

use kneepoint_analysis::RunFacts;
use kneepoint_model::site::{CrawledPage, PageKind, PageProblem, PageVerdict, SiteMap};
use kneepoint_model::text::sanitize;

use crate::format::{MAX_TEXT, count, count_with_noun};
use crate::view::block::{Block, Cell, Section, Table, Tone};

/// Maximum number of pages listed.
const MAX_PAGES: usize = 600;

pub(crate) fn build(facts: &RunFacts) -> Section {
    let blocks = match &facts.site {
        None => vec![Block::missing(
            "The site was not crawled: the run ended before the smoke stage, or the stage was not requested.",
        )],
        Some(site) if site.pages.is_empty() => vec![Block::missing("The crawl found no page.")],
        Some(site) => crawl_blocks(site),
    };
    Section {
        id: "smoke",
        title: "Smoke",
        lead: "Each page of the origin is requested once, with GET only. A failed page stops the run before load."
            .to_owned(),
        blocks,
    }
}

fn crawl_blocks(site: &SiteMap) -> Vec<Block> {
    let number_of = |verdict| site.pages.iter().filter(|page| page.verdict == verdict).count() as u64;
    let mut blocks = vec![Block::paragraph(format!(
        "{}: {} passed, {} with warnings, {} failed, in {}.",
        count_with_noun(site.pages.len() as u64, "page", "pages"),
        count(number_of(PageVerdict::Passed)),
        count(number_of(PageVerdict::Warned)),
        count(number_of(PageVerdict::Failed)),
        site.took_us
    ))];
    if site.truncated {
        blocks
            .push(Block::missing("The crawl reached a limit, so the site has pages that were not visited."));
    }
    let mut pages: Vec<&CrawledPage> = site.pages.iter().collect();
    pages.sort_by(|a, b| b.verdict.cmp(&a.verdict).then_with(|| a.path.cmp(&b.path)));
    blocks.push(Block::Table(table(&pages)));
    if pages.len() > MAX_PAGES {
        blocks.push(Block::note(format!(
            "{} more pages: see site.json.",
            count((pages.len() - MAX_PAGES) as u64)
        )));
    }
    if !site.skipped_counts.is_empty() {
        let skipped: Vec<String> = site
            .skipped_counts
            .iter()
            .map(|(why, n)| format!("{} ({})", count(*n), sanitize(why, MAX_TEXT)))
            .collect();
        blocks.push(Block::note(format!("Links not followed: {}.", skipped.join(", "))));
    }
    blocks
}

fn table(pages: &[&CrawledPage]) -> Table {
    Table::new("table-smoke", "Pages, failed ones first")
        .text_column("Page")
        .text_column("Result")
        .text_column("Kind")
        .number_column("Status", "")
        .number_column("TTFB", "From sending to the first byte.")
        .number_column("Total", "From sending to the last byte.")
        .number_column("Size", "Bytes on the wire.")
        .text_column("Compression")
        .number_column("Links", "Links to pages of the same origin.")
        .text_column("Problems")
        .with_rows(pages.iter().take(MAX_PAGES).map(|page| row(page)))
        .filterable()
}

fn row(page: &CrawledPage) -> Vec<Cell> {
    let name = page.title.as_deref().filter(|title| !title.trim().is_empty()).unwrap_or(&page.path);
    let result = match page.verdict {
        PageVerdict::Passed => Cell::badge("PASSED", Tone::Good),
        PageVerdict::Warned => Cell::badge("WARNED", Tone::Warn),
        PageVerdict::Failed => Cell::badge("FAILED", Tone::Bad),
    };
    let problems: Vec<String> = page.problems.iter().map(problem).collect();
    let from: Vec<&str> = page.linked_from.iter().take(3).map(String::as_str).collect();
    let show_origin = page.verdict == PageVerdict::Failed && !from.is_empty();
    let problem_cell =
        if problems.is_empty() { Cell::absent("none") } else { Cell::text(problems.join("; ")) };
    let shown = if name == page.path { String::new() } else { sanitize(&page.path, 200) };
    let hops = if page.redirects.is_empty() {
        String::new()
    } else {
        count_with_noun(page.redirects.len() as u64, "redirect", "redirects")
    };
    vec![
        Cell::text(sanitize(name, 160)).with_note(shown),
        result,
        Cell::text(kind(page.kind)),
        Cell::optional(
            page.status,
            |status| Cell::value(status.to_string(), f64::from(status)),
            "no response",
        )
        .with_note(hops),
        Cell::micros(page.ttfb_us),
        Cell::micros(page.total_us),
        Cell::bytes(page.wire_bytes),
        Cell::optional(
            page.encoding.as_deref(),
            |encoding| Cell::text(encoding).with_note(page.body_bytes.to_string()),
            "none",
        ),
        Cell::count(page.links.len() as u64),
        if show_origin {
            problem_cell.with_note(format!("linked from {}", from.join(", ")))
        } else {
            problem_cell
        },
    ]
}

const fn kind(kind: PageKind) -> &'static str {
    match kind {
        PageKind::Html => "page",
        PageKind::Asset => "asset",
        PageKind::Api => "API",
        PageKind::Meta => "meta",
        PageKind::Other => "other",
    }
}

fn problem(problem: &PageProblem) -> String {
    match problem {
        PageProblem::ServerError { status } => format!("server error {status}"),
        PageProblem::BrokenLink { status } => format!("broken link ({status})"),
        PageProblem::Timeout { after_us } => format!("no response within {after_us}"),
        PageProblem::Connection { why } => format!("connection failed: {}", sanitize(why, 200)),
        PageProblem::RedirectLoop => "redirect loop".to_owned(),
        PageProblem::DebugPage => "shows the framework's debug page".to_owned(),
        PageProblem::NoTitle => "no title".to_owned(),
        PageProblem::NotCompressed { bytes, gzip_bytes } => {
            format!("not compressed: {bytes}, with gzip {gzip_bytes}")
        }
        PageProblem::NoCacheHeaders => "no cache lifetime for browsers".to_owned(),
        PageProblem::Heavy { bytes } => format!("large: {bytes}"),
        PageProblem::Marker { seen } => format!("contains {}", sanitize(seen, 120)),
    }
}
