//! The lost-update experiment: isolation level × purchase code.

use kneepoint_model::experiment::{CodeOutcome, LostUpdateRow, LostUpdateTable};
use kneepoint_model::text::sanitize;
use kneepoint_model::units::Ratio;

use crate::format::MAX_TEXT;
use crate::view::block::{Block, Cell, Section, Table, Tone};

/// The section; `None` if the experiment was not requested.
pub(super) fn section(table: Option<&LostUpdateTable>) -> Option<Section> {
    let table = table?;
    let mut blocks = vec![Block::list(&table.conclusions)];
    let shown = Table::new("table-lost-update", "Concurrent purchases of one book")
        .text_column("Isolation level")
        .text_column("Purchase code")
        .number_column("Purchases", "Successful purchases per second.")
        .number_column("Failed", "Share of attempted purchases that end with an error.")
        .number_column("Deadlocks", "Counted by the database.")
        .number_column("Lock waits", "Counted by the database.")
        .number_column("Sold", "Number of copies sold.")
        .number_column(
            "Oversold",
            "Stock consistency check: (sold + in stock) after minus before; must be 0.",
        );
    blocks.push(Block::Table(shown.with_rows(table.rows.iter().map(row))));
    Some(Section {
        id: "lost-update",
        title: "Lost updates",
        lead: sanitize(
            &format!(
                "{} users buy the same book concurrently, for {} per row, on {}.",
                table.buyers, table.cell_us, table.database
            ),
            MAX_TEXT,
        ),
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
                Cell::ratio(Ratio(failed.0)).with_tone(tone(failed.0 >= 0.05)),
                Cell::optional(*deadlocks, Cell::count, "not counted"),
                Cell::optional(*lock_waits, Cell::count, "not counted"),
                Cell::count(audit.sold()),
                Cell::value(oversold.to_string(), *oversold as f64).with_tone(tone(*oversold != 0)),
            ]);
        }
        CodeOutcome::NotRun { why } => {
            cells.push(Cell::text(why).with_tone(Tone::Muted));
            cells.extend((0..5).map(|_| Cell::absent("not run")));
        }
    }
    cells
}
