//! What the table of isolation levels and ways of buying shows, in sentences. Only what its own rows say.

use kneepoint_model::experiment::{CodeOutcome, Judged, Judgement, LostUpdateRow};
use kneepoint_model::units::PerSecond;

use super::format::plural;

/// The level of the advice, as the site names it.
const SERIALIZABLE: &str = "serializable";

/// A cell that ran.
struct Ran<'a> {
    row: &'a LostUpdateRow,
    bought: PerSecond,
    failed: f64,
    oversold: i64,
}

/// The conclusions; empty when nothing ran.
pub fn conclusions(rows: &[LostUpdateRow]) -> Vec<String> {
    let ran: Vec<Ran<'_>> = rows.iter().filter_map(ran).collect();
    let mut said = Vec::new();
    let oversold: Vec<String> = ran
        .iter()
        .filter(|cell| cell.oversold > 0)
        .map(|cell| format!("{} at {} ({} too many)", name(cell.row), cell.row.isolation, cell.oversold))
        .collect();
    if !oversold.is_empty() {
        said.push(format!("copies that were not there were sold by {}", oversold.join(", ")));
    } else if !ran.is_empty() {
        said.push(format!("nothing was oversold in {}", plural(ran.len() as u64, "cell", "cells")));
    }
    let vanished: Vec<String> = ran
        .iter()
        .filter(|cell| cell.oversold < 0)
        .map(|cell| format!("{} at {} ({} missing)", name(cell.row), cell.row.isolation, -cell.oversold))
        .collect();
    if !vanished.is_empty() {
        said.push(format!("stock vanished without being sold by {}", vanished.join(", ")));
    }
    let failing: Vec<String> = ran
        .iter()
        .filter(|cell| cell.failed >= 0.05)
        .map(|cell| format!("{} at {} ({:.0} %)", name(cell.row), cell.row.isolation, cell.failed * 100.0))
        .collect();
    if !failing.is_empty() {
        said.push(format!("buyers were shown errors by {}", failing.join(", ")));
    }
    let sound = ran.iter().filter(|cell| cell.oversold == 0 && cell.failed < 0.05);
    if let Some(best) = sound.max_by(|a, b| a.bought.0.total_cmp(&b.bought.0)) {
        said.push(format!(
            "the fastest that is correct and shows no errors: {} at {}, {} sold",
            name(best.row),
            best.row.isolation,
            best.bought
        ));
    }
    said
}

/// Whether SERIALIZABLE keeps the books right where lower levels do not: never how fast it is.
pub fn lost_update_verdict(rows: &[LostUpdateRow]) -> Judged {
    let ran: Vec<Ran<'_>> = rows.iter().filter_map(ran).collect();
    let (at, below): (Vec<_>, Vec<_>) = ran.iter().partition(|cell| cell.row.isolation == SERIALIZABLE);
    let wrong = |cells: &[&Ran<'_>]| cells.iter().any(|cell| cell.oversold != 0);
    let judgement = match (at.is_empty() || below.is_empty(), wrong(&at), wrong(&below)) {
        (true, ..) => Judgement::Invalid,
        (_, true, _) => Judgement::Hurts,
        (_, false, true) => Judgement::Helps,
        (_, false, false) => Judgement::NoEffectSeen,
    };
    let mut why = conclusions(rows);
    if judgement == Judgement::Invalid {
        why.push("SERIALIZABLE and a lower level must both have run".to_owned());
    }
    Judged { judgement, effect: None, smallest_seen: None, why }
}

fn ran(row: &LostUpdateRow) -> Option<Ran<'_>> {
    match &row.outcome {
        CodeOutcome::Ran { bought, failed_share, oversold, .. } => Some(Ran {
            row,
            bought: *bought,
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
        let audit = StockAudit::of(StockCount::default(), StockCount::default());
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
    fn the_table_that_was_first_measured_by_hand() {
        let rows = [
            row("serializable", "naive", 0, (150.0, 0.58, 0)),
            row("repeatable read", "naive", 0, (309.0, 0.0, 234)),
            row("serializable", "naive", 20, (213.0, 0.0, 0)),
            row("repeatable read", "for_update", 20, (346.0, 0.0, 0)),
            row("serializable", "conditional", 20, (412.0, 0.0, 0)),
        ];
        assert_eq!(
            conclusions(&rows),
            [
                "copies that were not there were sold by naive at repeatable read (234 too many)",
                "buyers were shown errors by naive at serializable (58 %)",
                "the fastest that is correct and shows no errors: conditional with 20 retries at serializable, 412.0/s sold",
            ]
        );
        assert_eq!(lost_update_verdict(&rows).judgement, Judgement::Helps);
        assert_eq!(lost_update_verdict(&rows[..1]).judgement, Judgement::Invalid);
    }

    #[test]
    fn nothing_is_said_of_what_did_not_run() {
        let not_run = CodeOutcome::NotRun { why: "no MySQL".to_owned() };
        let row = LostUpdateRow {
            isolation: "serializable".into(),
            code: "naive".into(),
            retries: 0,
            outcome: not_run,
        };
        assert!(conclusions(std::slice::from_ref(&row)).is_empty());
        assert_eq!(lost_update_verdict(&[row]).judgement, Judgement::Invalid);
    }
}
