//! Pages as a browser loads them: the time of the whole, and where its parts came from.

use kneepoint_model::load::LoadPhase;
use kneepoint_model::page::PageStats;

use crate::format::{count, number};
use crate::view::block::{Cell, Table, Tone};

/// A line for each step whose page is loaded with its assets; none where there is no such step.
pub(super) fn table(phase: &LoadPhase) -> Option<Table> {
    if phase.pages.is_empty() {
        return None;
    }
    let table = Table::new(&format!("table-pages-{}", phase.name), format!("Whole pages in {}", phase.name))
        .words("Page")
        .numbers("Pages", "Each with its style sheets, scripts and images.")
        .numbers("Not whole", "An asset failed, the document failed, or the run ended before.")
        .numbers("p50", "From the moment the step was due to the end of the last asset.")
        .numbers("p95", "")
        .numbers("p99", "")
        .numbers("Max", "")
        .numbers("Asked for", "Assets a page, over the network; those that had not changed are among them.")
        .numbers("Not modified", "Of those, answered by 304.")
        .numbers("From cache", "Assets a page that the visitor's own cache had.")
        .numbers("Left out", "Named by a page, but of another site or too many: not asked for.");
    Some(table.with(phase.pages.iter().map(row)))
}

fn row(page: &PageStats) -> Vec<Cell> {
    let counts = &page.counts;
    let broken = counts.pages - counts.whole.min(counts.pages);
    let tone = if broken > 0 { Tone::Bad } else { Tone::Muted };
    let each = |n: u64| Cell::maybe(counts.per_page(n), |mean| Cell::value(number(mean, 1), mean), "no page");
    let time = |time| if page.page_us.count > 0 { Cell::micros(time) } else { Cell::absent("no page") };
    let why = [
        (counts.incomplete, "without an asset"),
        (counts.failed, "without a document"),
        (counts.censored, "cut short"),
    ];
    let why: Vec<String> =
        why.into_iter().filter(|(n, _)| *n > 0).map(|(n, words)| format!("{} {words}", count(n))).collect();
    vec![
        Cell::text(&page.name),
        Cell::count(counts.pages),
        Cell::count(broken).toned(tone).noted(why.join(", ")),
        time(page.page_us.p50),
        time(page.page_us.p95),
        time(page.page_us.p99),
        time(page.page_us.max),
        each(counts.from_network),
        each(counts.not_modified),
        each(counts.from_cache)
            .noted(counts.cache_share().map(|share| share.to_string()).unwrap_or_default()),
        each(counts.left_out),
    ]
}
