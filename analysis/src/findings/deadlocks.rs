//! Transactions are rolled back because they waited for each other in a circle.
//!
//! Every measured phase counts, whether its times may be believed or not: deadlocks end as errors, and errors are what
//! voids a phase. A few are the price of locking and are retried; from [`SHARE`] of the changes on they are a fault. Seen:
//! 58 % of the purchases at SERIALIZABLE that read first and wrote afterwards, without a retry.

use kneepoint_model::db::DigestDelta;
use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Ratio;

use super::context::MIN_SAMPLES;
use super::database::{SERIALIZABLE, Seen, all, isolation_level, nothing, reading, route};
use super::text::{clip, clip_to};
use super::{Context, Judgement};

/// Fewest deadlocks.
pub const LEAST: u64 = 5;
/// Deadlocks for each change of rows.
pub const SHARE: f64 = 0.01;

pub(super) fn check(context: &Context<'_>) -> Judgement {
    let seen = all(context);
    if seen.is_empty() {
        return Judgement::not_judged(nothing(context));
    }
    if seen.iter().all(|one| one.database.status.locks.deadlocks.is_none()) {
        return Judgement::not_judged("the database does not count its deadlocks");
    }
    let worst = seen.iter().filter(|one| many(one)).max_by_key(|one| deadlocks(one));
    Judgement::found(worst.map(|one| finding(context, one)).into_iter().collect())
}

fn deadlocks(seen: &Seen<'_>) -> u64 {
    seen.database.status.locks.deadlocks.unwrap_or(0)
}

/// Changes of rows, by the statement that ran most: one purchase makes several.
fn changes(seen: &Seen<'_>) -> u64 {
    let writing = seen.database.statements.iter().filter(|one| one.verb.writes());
    writing.map(|one| one.sums.count).max().unwrap_or(0)
}

fn many(seen: &Seen<'_>) -> bool {
    let (locked, changes) = (deadlocks(seen), changes(seen));
    locked >= LEAST && (changes < MIN_SAMPLES || locked as f64 >= changes as f64 * SHARE)
}

fn finding(context: &Context<'_>, seen: &Seen<'_>) -> Finding {
    let locked = deadlocks(seen);
    let mut evidence = vec![seen.says(format!(
        "the server resolved {locked} deadlocks in the {} phase by failing a transaction{}",
        seen.phase.name,
        Ratio::of(locked, changes(seen)).map_or_else(String::new, |share| format!(
            "; the most frequent change ran {} times ({share})",
            changes(seen)
        ))
    ))];
    let failed = failing(seen);
    if let Some(digest) = failed {
        evidence.push(seen.says(format!(
            "{} executions of this statement failed: {}",
            digest.sums.errors,
            clip_to(&digest.text, 200)
        )));
    }
    let level = isolation_level(context, seen.database);
    if let Some(level) = &level {
        evidence.push(seen.says(format!("isolation level: {level}")));
    }
    let table = failed.and_then(|digest| reading(digest).table);
    let of = table.map_or_else(String::new, |name| format!(" of `{}`", clip(&name)));
    let reads = if level.is_some_and(|level| level == SERIALIZABLE) {
        " At SERIALIZABLE a plain read already locks the row, so two transactions that read it and then both write it always \
         wait for each other."
    } else {
        ""
    };
    Finding {
        id: finding_id(Rule::Deadlocks, Tier::Db, None),
        rule: Rule::Deadlocks,
        severity: Severity::Likely,
        tier: Tier::Db,
        route: failed.and_then(route),
        title: format!("{locked} transactions were rolled back by deadlocks"),
        evidence,
        saving: None,
        fix: format!(
            "change the row{of} without reading it first (`.filter(…).update(stock=F(\"stock\") - n)`), or read it with \
             `select_for_update()`; take rows in the order of their keys; and repeat a transaction that fails with 1213 a few \
             times.{reads}"
        ),
        reproduce: "SHOW ENGINE INNODB STATUS (the part LATEST DETECTED DEADLOCK) while several users buy the same book"
            .to_owned(),
    }
}

fn failing<'a>(seen: &Seen<'a>) -> Option<&'a DigestDelta> {
    let failed = seen.database.statements.iter().filter(|one| one.sums.errors > 0);
    failed.max_by_key(|one| one.sums.errors)
}

#[cfg(test)]
mod tests {
    use kneepoint_model::db::{StatementSums, Verb};

    use super::*;
    use crate::hand;

    fn with(deadlocks: u64, valid: bool) -> Vec<Finding> {
        let mut facts = hand::healthy();
        let sums = StatementSums { count: 200, errors: deadlocks, ..StatementSums::default() };
        let text = "UPDATE `books_book` SET `stock` = ? WHERE `books_book` . `id` = ?";
        let database = &mut hand::window(&mut facts, "closed").databases[0];
        database.statements.push(hand::digest(Verb::Update, text, sums));
        database.status.locks.deadlocks = Some(deadlocks);
        facts.phases[0].validity.valid = valid;
        hand::findings(&facts, check)
    }

    #[test]
    fn many_deadlocks_are_found_also_where_their_errors_void_the_phase() {
        for valid in [true, false] {
            let found = with(116, valid);
            assert_eq!((found.len(), found[0].severity), (1, Severity::Likely));
            assert!(
                found[0].fix.contains("`books_book`") && found[0].fix.contains("SERIALIZABLE"),
                "{}",
                found[0].fix
            );
        }
    }

    #[test]
    fn a_few_are_the_price_of_locking() {
        assert!(with(4, true).is_empty());
        assert!(with(0, true).is_empty());
    }
}
