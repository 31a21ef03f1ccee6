//! Smoke: every page, passed or failed, as the crawl found it.

use kneepoint_analysis::RunFacts;
use kneepoint_model::site::{CrawledPage, PageKind, PageProblem, PageVerdict, SiteMap};

use crate::format::{clean, clean_to, count, plural};
use crate::view::block::{Block, Cell, Section, Table, Tone};

/// Most pages listed.
const MOST: usize = 600;

pub(crate) fn build(facts: &RunFacts) -> Section {
    let blocks = match &facts.site {
        None => vec![Block::missing(
            "The site was not crawled: the run ended before that, or it was not asked for.",
        )],
        Some(site) if site.pages.is_empty() => vec![Block::missing("The crawl found no page to visit.")],
        Some(site) => of_site(site),
    };
    Section {
        id: "smoke",
        title: "Smoke",
        lead: "Each page within the origin, by GET alone; a broken page stops the run before load."
            .to_owned(),
        blocks,
    }
}

fn of_site(site: &SiteMap) -> Vec<Block> {
    let of = |verdict| site.pages.iter().filter(|page| page.verdict == verdict).count() as u64;
    let mut blocks = vec![Block::say(format!(
        "{}: {} passed, {} with a remark, {} failed, in {}.",
        plural(site.pages.len() as u64, "page", "pages"),
        count(of(PageVerdict::Passed)),
        count(of(PageVerdict::Warned)),
        count(of(PageVerdict::Failed)),
        site.took_us
    ))];
    if site.truncated {
        blocks.push(Block::missing(
            "A limit ended the crawl before the site did: there are pages that nobody looked at.",
        ));
    }
    let mut pages: Vec<&CrawledPage> = site.pages.iter().collect();
    pages.sort_by(|a, b| b.verdict.cmp(&a.verdict).then_with(|| a.path.cmp(&b.path)));
    blocks.push(Block::Table(table(&pages)));
    if pages.len() > MOST {
        blocks.push(Block::note(format!(
            "{} more pages are in site.json.",
            count((pages.len() - MOST) as u64)
        )));
    }
    if !site.skipped_counts.is_empty() {
        let words: Vec<String> =
            site.skipped_counts.iter().map(|(why, n)| format!("{} ({})", count(*n), clean(why))).collect();
        blocks.push(Block::note(format!("Links left alone: {}.", words.join(", "))));
    }
    blocks
}

fn table(pages: &[&CrawledPage]) -> Table {
    Table::new("table-smoke", "Pages, broken ones first")
        .words("Page")
        .words("Result")
        .words("Kind")
        .numbers("Status", "")
        .numbers("First byte", "")
        .numbers("Last byte", "")
        .numbers("Weight", "Bytes on the wire.")
        .words("Compression")
        .numbers("Links", "Pages within the site that it links to.")
        .words("What is wrong")
        .with(pages.iter().take(MOST).map(|page| row(page)))
        .filtered()
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
    let broken = page.verdict == PageVerdict::Failed && !from.is_empty();
    let wrong = if problems.is_empty() { Cell::absent("nothing") } else { Cell::text(problems.join("; ")) };
    let shown = if name == page.path { String::new() } else { clean_to(&page.path, 200) };
    let hops = if page.redirects.is_empty() {
        String::new()
    } else {
        plural(page.redirects.len() as u64, "redirect", "redirects")
    };
    vec![
        Cell::text(clean_to(name, 160)).noted(shown),
        result,
        Cell::text(kind(page.kind)),
        Cell::maybe(page.status, |status| Cell::value(status.to_string(), f64::from(status)), "no answer")
            .noted(hops),
        Cell::micros(page.ttfb_us),
        Cell::micros(page.total_us),
        Cell::bytes(page.wire_bytes),
        Cell::maybe(
            page.encoding.as_deref(),
            |encoding| Cell::text(encoding).noted(page.body_bytes.to_string()),
            "none",
        ),
        Cell::count(page.links.len() as u64),
        if broken { wrong.noted(format!("linked from {}", from.join(", "))) } else { wrong },
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
        PageProblem::Timeout { after_us } => format!("no answer within {after_us}"),
        PageProblem::Connection { why } => format!("connection failed: {}", clean_to(why, 200)),
        PageProblem::RedirectLoop => "redirects lead in a circle".to_owned(),
        PageProblem::DebugPage => "shows the framework's debug page".to_owned(),
        PageProblem::NoTitle => "no title".to_owned(),
        PageProblem::NotCompressed { bytes, gzip_bytes } => {
            format!("not compressed: {bytes}, gzip would make it {gzip_bytes}")
        }
        PageProblem::NoCacheHeaders => "no lifetime for browsers to keep it".to_owned(),
        PageProblem::Heavy { bytes } => format!("heavy: {bytes}"),
        PageProblem::Marker { seen } => format!("shows {}", clean_to(seen, 120)),
    }
}
