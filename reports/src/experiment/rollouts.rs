//! Rollouts under load: requests lost while servers are replaced.

use kneepoint_model::experiment::RolloutResult;
use kneepoint_model::text::sanitize;

use crate::format::MAX_TEXT;
use crate::view::block::{Block, Cell, Section, Table, Tone};

/// The section; `None` if no rollout was requested.
pub(super) fn section(results: &[RolloutResult]) -> Option<Section> {
    let table = Table::new("table-rollouts", "Rollouts under load")
        .text_column("Rollout")
        .number_column("Rate", "Arrivals per second (open model).")
        .number_column("Requests", "")
        .number_column("Lost", "Requests that are refused, cut off, timed out or answered with an error.")
        .text_column("Lost by outcome")
        .number_column("p99", "Response time from the intended start, 99th percentile.")
        .number_column("Duration", "Duration of the rollout.")
        .text_column("Problem");
    let rows = results.iter().map(|result| {
        let lost: Vec<String> = result.how.iter().map(|(outcome, n)| format!("{outcome}: {n}")).collect();
        vec![
            Cell::code(result.rollout.name()),
            Cell::rate(result.rate),
            Cell::count(result.requests),
            Cell::count(result.lost).with_tone(if result.lost > 0 { Tone::Bad } else { Tone::Good }),
            Cell::text(lost.join(", ")),
            Cell::micros(result.response_us.p99),
            Cell::micros(result.took_us),
            Cell::text(result.trouble.clone().unwrap_or_default()),
        ]
    });
    (!results.is_empty()).then(|| Section {
        id: "rollouts",
        title: "Rollouts under load",
        lead: sanitize(
            "Requests arrive at a constant rate from before the rollout until after it.",
            MAX_TEXT,
        ),
        blocks: vec![Block::Table(table.with_rows(rows))],
    })
}
