//! Experiments of their own kind: the table of lost updates, and manoeuvres under load.

use kneepoint_model::experiment::{CodeOutcome, LostUpdateRow, LostUpdateTable, RolloutResult};
use kneepoint_model::units::Ratio;

use crate::format::clean;
use crate::view::block::{Block, Cell, Section, Table, Tone};

/// Isolation level × purchase code.
pub(super) fn lost_update(table: Option<&LostUpdateTable>) -> Option<Section> {
    let table = table?;
    let mut blocks = vec![Block::list(&table.conclusions)];
    let shown = Table::new("table-lost-update", "One book, many buyers")
        .words("Isolation")
        .words("Code")
        .numbers("Bought", "Purchases that went well, per second.")
        .numbers("Failed", "Of those tried: the buyer was shown an error.")
        .numbers("Deadlocks", "As the database counted them.")
        .numbers("Lock waits", "As the database counted them.")
        .numbers("Sold", "Copies.")
        .numbers("Oversold", "(Sold + in stock) afterwards − before: must be 0.");
    blocks.push(Block::Table(shown.with(table.rows.iter().map(row))));
    Some(Section {
        id: "lost-update",
        title: "Is anything sold twice?",
        lead: clean(&format!(
            "{} buyers want the same book at the same time, for {} in each row; on {}.",
            table.buyers, table.cell_us, table.database
        )),
        blocks,
    })
}

fn row(row: &LostUpdateRow) -> Vec<Cell> {
    let code =
        if row.retries == 0 { row.code.clone() } else { format!("{}, {} retries", row.code, row.retries) };
    let mut cells = vec![Cell::text(&row.isolation), Cell::text(code)];
    match &row.outcome {
        CodeOutcome::Ran { bought, failed_share, deadlocks, lock_waits, audit, oversold, .. } => {
            let failed = failed_share.unwrap_or_default();
            let tone = |bad: bool| if bad { Tone::Bad } else { Tone::Plain };
            cells.extend([
                Cell::rate(*bought),
                Cell::ratio(Ratio(failed.0)).toned(tone(failed.0 >= 0.05)),
                Cell::maybe(*deadlocks, Cell::count, "not counted"),
                Cell::maybe(*lock_waits, Cell::count, "not counted"),
                Cell::count(audit.sold()),
                Cell::value(oversold.to_string(), *oversold as f64).toned(tone(*oversold != 0)),
            ]);
        }
        CodeOutcome::NotRun { why } => {
            cells.push(Cell::text(why).toned(Tone::Muted));
            cells.extend((0..5).map(|_| Cell::absent("not run")));
        }
    }
    cells
}

/// What visitors noticed.
pub(super) fn manoeuvres(results: &[RolloutResult]) -> Option<Section> {
    let table = Table::new("table-manoeuvres", "Changes of the stack while visitors are on the site")
        .words("Manoeuvre")
        .numbers("Visitors", "Per second, whatever the site did.")
        .numbers("Requests", "")
        .numbers("Lost", "Refused, cut, timed out, or answered with an error.")
        .words("How")
        .numbers("p99", "Lateness included.")
        .numbers("Took", "The manoeuvre itself.")
        .words("Trouble");
    let rows = results.iter().map(|result| {
        let how: Vec<String> = result.how.iter().map(|(outcome, n)| format!("{outcome}: {n}")).collect();
        vec![
            Cell::code(result.rollout.name()),
            Cell::rate(result.rate),
            Cell::count(result.requests),
            Cell::count(result.lost).toned(if result.lost > 0 { Tone::Bad } else { Tone::Good }),
            Cell::text(how.join(", ")),
            Cell::micros(result.response_us.p99),
            Cell::micros(result.took_us),
            Cell::text(result.trouble.clone().unwrap_or_default()),
        ]
    });
    (!results.is_empty()).then(|| Section {
        id: "manoeuvres",
        title: "Is anyone lost while servers are replaced?",
        lead: clean("Visitors came at an even rate from before the manoeuvre until after it."),
        blocks: vec![Block::Table(table.with(rows))],
    })
}
