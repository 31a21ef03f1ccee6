//! Page loads as a browser does them: total time with assets, and where the assets come from.

use kneepoint_model::load::LoadPhase;
use kneepoint_model::page::PageStats;

use crate::format::{count, number};
use crate::view::block::{Cell, Table, Tone};

/// One row per step that loads a page with its assets; `None` if there is no such step.
pub(super) fn table(phase: &LoadPhase) -> Option<Table> {
    if phase.pages.is_empty() {
        return None;
    }
    let table = Table::new(
        &format!("table-pages-{}", phase.name),
        format!("Page loads in {} (document and assets)", phase.name),
    )
    .text_column("Page")
    .number_column("Pages", "Page loads, each with its style sheets, scripts and images.")
    .number_column("Incomplete", "An asset or the document failed, or the phase ended first.")
    .number_column("p50", "From the intended start of the step to the end of the last asset.")
    .number_column("p95", "")
    .number_column("p99", "")
    .number_column("Max", "")
    .number_column(
        "From network",
        "Assets per page requested over the network, including those answered by 304.",
    )
    .number_column("Not modified", "Of those, answered by 304 Not Modified.")
    .number_column("From cache", "Assets per page served from the user's HTTP cache.")
    .number_column(
        "Not requested",
        "Assets per page that are not requested: from another origin, or above the limit.",
    );
    Some(table.with_rows(phase.pages.iter().map(row)))
}

fn row(page: &PageStats) -> Vec<Cell> {
    let counts = &page.counts;
    let incomplete = counts.pages - counts.whole.min(counts.pages);
    let tone = if incomplete > 0 { Tone::Bad } else { Tone::Muted };
    let each =
        |n: u64| Cell::optional(counts.per_page(n), |mean| Cell::value(number(mean, 1), mean), "no page");
    let time = |time| if page.page_us.count > 0 { Cell::micros(time) } else { Cell::absent("no page") };
    let reasons = [
        (counts.incomplete, "with a failed asset"),
        (counts.failed, "with a failed document"),
        (counts.censored, "cut short"),
    ];
    let reasons: Vec<String> = reasons
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, reason)| format!("{} {reason}", count(n)))
        .collect();
    vec![
        Cell::text(&page.name),
        Cell::count(counts.pages),
        Cell::count(incomplete).with_tone(tone).with_note(reasons.join(", ")),
        time(page.page_us.p50),
        time(page.page_us.p95),
        time(page.page_us.p99),
        time(page.page_us.max),
        each(counts.from_network),
        each(counts.not_modified),
        each(counts.from_cache)
            .with_note(counts.cache_share().map(|share| share.to_string()).unwrap_or_default()),
        each(counts.left_out),
    ]
}
