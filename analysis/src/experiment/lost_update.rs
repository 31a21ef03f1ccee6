//! Conclusions from the table of isolation levels and purchase implementations; only its own rows count.

use kneepoint_model::experiment::{CodeOutcome, EffectAssessment, EffectVerdict, LostUpdateRow};
use kneepoint_model::text::plural;
use kneepoint_model::units::PerSecond;

/// The isolation level under test, as the site names it.
const SERIALIZABLE: &str = "serializable";

/// A table cell with a result.
struct MeasuredCell<'a> {
    row: &'a LostUpdateRow,
    purchases: PerSecond,
    failed: f64,
    oversold: i64,
}

/// The conclusions, one text each; empty when no cell ran.
pub fn summarise_lost_updates(rows: &[LostUpdateRow]) -> Vec<String> {
    let cells: Vec<MeasuredCell<'_>> = rows.iter().filter_map(measured_cell).collect();
    let mut conclusions = Vec::new();
    let oversold: Vec<String> = cells
        .iter()
        .filter(|cell| cell.oversold > 0)
        .map(|cell| format!("{} at {} ({} too many)", name(cell.row), cell.row.isolation, cell.oversold))
        .collect();
    if !oversold.is_empty() {
        conclusions.push(format!("more copies were sold than were in stock with {}", oversold.join(", ")));
    } else if !cells.is_empty() {
        conclusions.push(format!("nothing was oversold in {}", plural(cells.len(), "cell")));
    }
    let vanished: Vec<String> = cells
        .iter()
        .filter(|cell| cell.oversold < 0)
        .map(|cell| format!("{} at {} ({} missing)", name(cell.row), cell.row.isolation, -cell.oversold))
        .collect();
    if !vanished.is_empty() {
        conclusions.push(format!("stock disappeared without a sale with {}", vanished.join(", ")));
    }
    let failing: Vec<String> = cells
        .iter()
        .filter(|cell| cell.failed >= 0.05)
        .map(|cell| format!("{} at {} ({:.0} %)", name(cell.row), cell.row.isolation, cell.failed * 100.0))
        .collect();
    if !failing.is_empty() {
        conclusions.push(format!("buyers saw errors with {}", failing.join(", ")));
    }
    let correct = cells.iter().filter(|cell| cell.oversold == 0 && cell.failed < 0.05);
    if let Some(best) = correct.max_by(|a, b| a.purchases.0.total_cmp(&b.purchases.0)) {
        conclusions.push(format!(
            "the fastest correct implementation without errors is {} at {}: {} sold",
            name(best.row),
            best.row.isolation,
            best.purchases
        ));
    }
    conclusions
}

/// Whether stock and sales stay consistent at SERIALIZABLE where they do not at lower levels; speed does not count.
pub fn lost_update_verdict(rows: &[LostUpdateRow]) -> EffectAssessment {
    let cells: Vec<MeasuredCell<'_>> = rows.iter().filter_map(measured_cell).collect();
    let (at, below): (Vec<_>, Vec<_>) = cells.iter().partition(|cell| cell.row.isolation == SERIALIZABLE);
    let wrong = |cells: &[&MeasuredCell<'_>]| cells.iter().any(|cell| cell.oversold != 0);
    let judgement = match (at.is_empty() || below.is_empty(), wrong(&at), wrong(&below)) {
        (true, ..) => EffectVerdict::Invalid,
        (_, true, _) => EffectVerdict::Hurts,
        (_, false, true) => EffectVerdict::Helps,
        (_, false, false) => EffectVerdict::NoEffectSeen,
    };
    let mut why = summarise_lost_updates(rows);
    if judgement == EffectVerdict::Invalid {
        why.push("this needs results at SERIALIZABLE and at a lower level".to_owned());
    }
    EffectAssessment { verdict: judgement, effect: None, smallest_detectable: None, why }
}

fn measured_cell(row: &LostUpdateRow) -> Option<MeasuredCell<'_>> {
    match &row.outcome {
        CodeOutcome::Ran { bought, failed_share, oversold, .. } => Some(MeasuredCell {
            row,
            purchases: *bought,
            failed: failed_share.map_or(0.0, |share| share.0),
            oversold: *oversold,
        }),
        CodeOutcome::NotRun { .. } => None,
    }
}

fn name(row: &LostUpdateRow) -> String {
    if row.retries == 0 { row.code.clone() } else { format!("{} with {} retries", row.code, row.retries) }
}

#[cfg(test)]
mod tests {
    use kneepoint_model::correctness::{StockAudit, StockCount};
    use kneepoint_model::units::Ratio;

    use super::*;

    fn row(
        isolation: &str,
        code: &str,
        retries: u32,
        (rate, failed, oversold): (f64, f64, i64),
    ) -> LostUpdateRow {
        let audit = StockAudit::from_counts(StockCount::default(), StockCount::default());
        let outcome = CodeOutcome::Ran {
            bought: PerSecond(rate),
            tried: 1_000,
            failed: (failed * 1_000.0) as u64,
            failed_share: Some(Ratio(failed)),
            deadlocks: Some(0),
            lock_waits: Some(0),
            audit,
            oversold,
        };
        LostUpdateRow { isolation: isolation.to_owned(), code: code.to_owned(), retries, outcome }
    }

    #[test]
    fn a_measured_table_has_its_conclusions() {
        let rows = [
            row("serializable", "naive", 0, (150.0, 0.58, 0)),
            row("repeatable read", "naive", 0, (309.0, 0.0, 234)),
            row("serializable", "naive", 20, (213.0, 0.0, 0)),
            row("repeatable read", "for_update", 20, (346.0, 0.0, 0)),
            row("serializable", "conditional", 20, (412.0, 0.0, 0)),
        ];
        assert_eq!(
            summarise_lost_updates(&rows),
            [
                "more copies were sold than were in stock with naive at repeatable read (234 too many)",
                "buyers saw errors with naive at serializable (58 %)",
                "the fastest correct implementation without errors is conditional with 20 retries at serializable: 412.0/s sold",
            ]
        );
        assert_eq!(lost_update_verdict(&rows).verdict, EffectVerdict::Helps);
        assert_eq!(lost_update_verdict(&rows[..1]).verdict, EffectVerdict::Invalid);
    }

    #[test]
    fn a_cell_that_did_not_run_has_no_conclusion() {
        let not_run = CodeOutcome::NotRun { why: "no MySQL".to_owned() };
        let row = LostUpdateRow {
            isolation: "serializable".into(),
            code: "naive".into(),
            retries: 0,
            outcome: not_run,
        };
        assert!(summarise_lost_updates(std::slice::from_ref(&row)).is_empty());
        assert_eq!(lost_update_verdict(&[row]).verdict, EffectVerdict::Invalid);
    }
}
