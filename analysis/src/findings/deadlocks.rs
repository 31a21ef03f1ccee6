//! Transactions that are rolled back because of deadlocks.
//!
//! Every measured phase counts, valid or not: deadlocks become errors, and errors invalidate a phase. A few deadlocks are
//! a normal cost of locking and are retried; from [`MIN_SHARE`] of the changes they are a fault. Measured: 58 % of the
//! purchases at SERIALIZABLE that read first and wrote afterwards, without a retry.

use kneepoint_model::db::DigestDelta;
use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::text::single_line;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Ratio;

use super::context::MIN_SAMPLES;
use super::database::{
    DbObservation, SERIALIZABLE, in_all_phases, isolation_level, missing_counters, parse_digest, route_of,
};
use super::text::MAX_QUOTED;
use super::{Context, RuleOutcome};

/// Minimum number of deadlocks.
pub const MIN_DEADLOCKS: u64 = 5;
/// Minimum number of deadlocks per change of rows.
pub const MIN_SHARE: f64 = 0.01;

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    let observed = in_all_phases(context);
    if observed.is_empty() {
        return missing_counters(context);
    }
    if observed.iter().all(|one| one.database.status.locks.deadlocks.is_none()) {
        return RuleOutcome::inconclusive("the database does not count its deadlocks");
    }
    let worst = observed.iter().filter(|one| has_many(one)).max_by_key(|one| count_deadlocks(one));
    RuleOutcome::found(worst.map(|one| build_finding(context, one)).into_iter().collect())
}

fn count_deadlocks(observed: &DbObservation<'_>) -> u64 {
    observed.database.status.locks.deadlocks.unwrap_or(0)
}

/// Executions of the most frequent changing statement: one purchase makes several changes.
fn count_changes(observed: &DbObservation<'_>) -> u64 {
    let writing = observed.database.statements.iter().filter(|one| one.verb.writes());
    writing.map(|one| one.sums.count).max().unwrap_or(0)
}

fn has_many(observed: &DbObservation<'_>) -> bool {
    let (locked, changes) = (count_deadlocks(observed), count_changes(observed));
    locked >= MIN_DEADLOCKS && (changes < MIN_SAMPLES || locked as f64 >= changes as f64 * MIN_SHARE)
}

fn build_finding(context: &Context<'_>, observed: &DbObservation<'_>) -> Finding {
    let locked = count_deadlocks(observed);
    let mut evidence = vec![observed.evidence(format!(
        "the server resolved {locked} deadlocks in the {} phase by rolling back a transaction{}",
        observed.phase.name,
        Ratio::from_parts(locked, count_changes(observed)).map_or_else(String::new, |share| format!(
            "; the most frequent change ran {} times ({share})",
            count_changes(observed)
        ))
    ))];
    let failed = most_failed(observed);
    if let Some(digest) = failed {
        evidence.push(observed.evidence(format!(
            "{} executions of this statement failed: {}",
            digest.sums.errors,
            single_line(&digest.text, 200)
        )));
    }
    let level = isolation_level(context, observed.database);
    if let Some(level) = &level {
        evidence.push(observed.evidence(format!("isolation level: {level}")));
    }
    let table = failed.and_then(|digest| parse_digest(digest).table);
    let of_table = table.map_or_else(String::new, |name| format!(" of `{}`", single_line(&name, MAX_QUOTED)));
    let reads = if level.is_some_and(|level| level == SERIALIZABLE) {
        " At SERIALIZABLE a plain read already locks the row, so two transactions that both read and then write it always \
         wait for each other."
    } else {
        ""
    };
    Finding {
        id: finding_id(Rule::Deadlocks, Tier::Db, None),
        rule: Rule::Deadlocks,
        severity: Severity::Likely,
        tier: Tier::Db,
        route: failed.and_then(route_of),
        title: format!("{locked} transactions were rolled back by deadlocks"),
        evidence,
        saving: None,
        fix: format!(
            "change the row{of_table} without reading it first (`.filter(…).update(stock=F(\"stock\") - n)`), or read it with \
             `select_for_update()`; lock rows in the order of their keys; and retry a transaction that fails with error 1213.{reads}"
        ),
        reproduce: "SHOW ENGINE INNODB STATUS (section LATEST DETECTED DEADLOCK) while several users buy the same book"
            .to_owned(),
    }
}

fn most_failed<'a>(observed: &DbObservation<'a>) -> Option<&'a DigestDelta> {
    let failed = observed.database.statements.iter().filter(|one| one.sums.errors > 0);
    failed.max_by_key(|one| one.sums.errors)
}

#[cfg(test)]
mod tests {
    use kneepoint_model::db::{StatementSums, Verb};

    use super::*;
    use crate::fixtures;

    fn with(deadlocks: u64, valid: bool) -> Vec<Finding> {
        let mut facts = fixtures::healthy();
        let sums = StatementSums { count: 200, errors: deadlocks, ..StatementSums::default() };
        let text = "UPDATE `books_book` SET `stock` = ? WHERE `books_book` . `id` = ?";
        let database = &mut fixtures::window(&mut facts, "closed").databases[0];
        database.statements.push(fixtures::digest(Verb::Update, text, sums));
        database.status.locks.deadlocks = Some(deadlocks);
        facts.phases[0].validity.valid = valid;
        fixtures::findings(&facts, check)
    }

    #[test]
    fn many_deadlocks_are_found_also_in_an_invalid_phase() {
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
    fn a_few_deadlocks_are_no_finding() {
        assert!(with(4, true).is_empty());
        assert!(with(0, true).is_empty());
    }
}
