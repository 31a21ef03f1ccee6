//! Assertions: the result of each line of `[slo] assert`.

use kneepoint_model::summary::{AssertionResult, AssertionSummary, Summary};

use crate::view::block::{Block, Cell, Section, Table, Tone};

pub(crate) fn build(summary: &Summary) -> Section {
    let (lead, blocks) = if summary.assertions.is_empty() {
        let why = "No assertion was evaluated: none is configured, or the run ended before the gate. Add limits under [slo] in kneepoint.toml, e.g. p95 < 300ms.";
        (String::new(), vec![Block::missing(why)])
    } else {
        let table = Table::new("table-assertions", "Results of the assertions")
            .text_column("Assertion")
            .text_column("Endpoint")
            .text_column("Phase")
            .number_column("Measured", "The measured value.")
            .number_column(
                "Samples",
                "Number of samples behind the value; without samples an assertion never passes.",
            )
            .text_column("Result")
            .text_column("Reason")
            .with_rows(summary.assertions.iter().map(row));
        let lead =
            "Limits from [slo] in kneepoint.toml. An assertion is evaluated only on a valid measurement.";
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
        Cell::optional(assertion.actual.as_deref(), Cell::text, "not measured"),
        Cell::count(assertion.samples),
        result,
        assertion.why.as_deref().map_or_else(|| Cell::absent("limit met"), Cell::text),
    ]
}
