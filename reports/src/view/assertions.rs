//! Assertions: the gate's table.

use kneepoint_model::summary::{AssertionResult, AssertionSummary, Summary};

use crate::view::block::{Block, Cell, Section, Table, Tone};

pub(crate) fn build(summary: &Summary) -> Section {
    let (lead, blocks) = if summary.assertions.is_empty() {
        let why = "Nothing was asserted (or the run ended before it could be judged). Write limits under [slo] in kneepoint.toml, e.g. p95 < 300ms.";
        (String::new(), vec![Block::missing(why)])
    } else {
        let table = Table::new("table-assertions", "Assertions, as judged")
            .words("Assertion")
            .words("Endpoint")
            .words("Phase")
            .numbers("Found", "The figure that was found.")
            .numbers("Samples", "Values behind the figure; no samples is never a pass.")
            .words("Result")
            .words("Why")
            .with(summary.assertions.iter().map(row));
        let lead = "Limits from [slo] in kneepoint.toml; a limit is judged only on a measurement that may be believed.";
        (lead.to_owned(), vec![Block::Table(table)])
    };
    Section { id: "assertions", title: "Assertions", lead, blocks }
}

fn row(assertion: &AssertionSummary) -> Vec<Cell> {
    let result = match assertion.result {
        AssertionResult::Pass => Cell::badge("pass", Tone::Good),
        AssertionResult::Fail => Cell::badge("fail", Tone::Bad),
        AssertionResult::Inconclusive => Cell::badge("inconclusive", Tone::Warn),
    };
    vec![
        Cell::code(&assertion.assertion),
        assertion.endpoint.as_deref().map_or_else(|| Cell::absent("all"), Cell::text),
        Cell::text(&assertion.phase),
        Cell::maybe(assertion.actual.as_deref(), Cell::text, "not measured"),
        Cell::count(assertion.samples),
        result,
        assertion.why.as_deref().map_or_else(|| Cell::absent("it holds"), Cell::text),
    ]
}
