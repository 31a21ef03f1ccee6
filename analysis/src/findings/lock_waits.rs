//! Statements that change or lock rows wait for each other: a hot row.
//!
//! MySQL includes waits for rows in the lock time of a statement: 155.6 of 155.6 ms were measured on a hot row, with
//! hardly any CPU, and 0.8 to 0.9 waits per purchase, against 0.00 on random rows. `MariaDB` includes only waits for
//! tables, so there the rule uses the server's count of row waits.

use kneepoint_model::db::{DbKind, DigestDelta};
use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::text::single_line;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Micros, Ratio};

use super::context::MIN_SAMPLES;
use super::database::{
    DbObservation, describe_cost, in_valid_phases, missing_counters, parse_digest, route_of,
};
use super::text::MAX_QUOTED;
use super::{Context, RuleOutcome};

/// Share of a statement's time spent waiting for locks from which waiting is the main part of it.
pub const LOCK_SHARE: f64 = 0.5;
/// CPU share above which a statement works instead of waiting.
pub const MAX_CPU_SHARE: f64 = 0.2;
/// Minimum mean wait of an execution: a shorter wait is not worth a finding.
pub const MIN_WAIT: Micros = Micros(500);
/// Minimum number of row waits per execution of the waiting statement.
pub const WAITS_PER_WRITE: f64 = 0.5;

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    let observed = in_valid_phases(context);
    if observed.is_empty() {
        return missing_counters(context);
    }
    let mut found: Vec<Finding> = Vec::new();
    // A table is reported once, for the phase in which waiting for it costs most.
    for finding in observed.iter().flat_map(findings_of_server) {
        match found.iter_mut().find(|known| known.id == finding.id) {
            Some(known) if saved_per_second(known) < saved_per_second(&finding) => *known = finding,
            Some(_) => {}
            None => found.push(finding),
        }
    }
    RuleOutcome::found(found)
}

fn saved_per_second(finding: &Finding) -> f64 {
    finding.saving.as_ref().map_or(0.0, kneepoint_model::finding::Saving::ms_per_second)
}

fn findings_of_server(observed: &DbObservation<'_>) -> Vec<Finding> {
    let mut waiting: Vec<&DigestDelta> =
        observed.database.statements.iter().filter(|one| mostly_waits(one)).collect();
    waiting.sort_by_key(|one| std::cmp::Reverse(one.sums.lock_us));
    let mut tables: Vec<String> = Vec::new();
    let mut found: Vec<Finding> = Vec::new();
    for digest in waiting {
        let table = parse_digest(digest).table.unwrap_or_default();
        if !tables.contains(&table) {
            found.push(build_finding(observed, digest, &table));
            tables.push(table);
        }
    }
    if found.is_empty() && observed.database.server.kind == DbKind::Mariadb {
        found.extend(finding_by_row_waits(observed));
    }
    found
}

/// True when a statement changes or explicitly locks rows and mostly waits.
fn mostly_waits(digest: &DigestDelta) -> bool {
    let sums = &digest.sums;
    let mean = Micros(sums.lock_us.get() / sums.count.max(1));
    let idle = sums.cpu_us.is_none_or(|cpu| cpu.as_f64() <= sums.timer_us.as_f64() * MAX_CPU_SHARE);
    sums.count >= MIN_SAMPLES
        && (digest.verb.writes() || parse_digest(digest).locking)
        && mean >= MIN_WAIT
        && sums.lock_share().is_some_and(|share| share.0 > LOCK_SHARE)
        && idle
}

/// For `MariaDB`: its counters do not name the statement, but count the waits for rows.
fn finding_by_row_waits(observed: &DbObservation<'_>) -> Option<Finding> {
    let locks = observed.database.status.locks;
    let writing = observed.database.statements.iter().filter(|one| one.verb.writes());
    let busiest = writing.max_by_key(|one| one.sums.count)?;
    let mean = locks.row_wait_us.get() / locks.row_waits.max(1);
    let often = locks.row_waits as f64 >= busiest.sums.count as f64 * WAITS_PER_WRITE;
    (busiest.sums.count >= MIN_SAMPLES && often && Micros(mean) >= MIN_WAIT).then(|| {
        let table = parse_digest(busiest).table.unwrap_or_default();
        Finding { severity: Severity::Hint, saving: None, ..build_finding(observed, busiest, &table) }
    })
}

fn build_finding(observed: &DbObservation<'_>, digest: &DigestDelta, table: &str) -> Finding {
    let (sums, locks) = (&digest.sums, &observed.database.status.locks);
    let share = sums.lock_share().unwrap_or_default();
    let per_write = Ratio::from_parts(locks.row_waits, sums.count).unwrap_or_default();
    let wait = Micros(sums.lock_us.get() / sums.count.max(1));
    let named =
        if table.is_empty() { "a table".to_owned() } else { format!("`{}`", single_line(table, MAX_QUOTED)) };
    let mut evidence = vec![
        observed.evidence(format!(
            "it waits for locks for {share} of its time, {wait} each time: {}",
            single_line(&digest.text, 200)
        )),
        observed.evidence(describe_cost(observed, digest)),
        observed.evidence(format!(
            "the server counted {} waits for rows ({:.2} per execution), {} in total",
            locks.row_waits, per_write.0, locks.row_wait_us
        )),
    ];
    if let Some(most) = locks.waiting_max.filter(|most| *most > 1) {
        evidence.push(observed.evidence(format!("up to {most} transactions waited at the same time")));
    }
    let basis = "all of its lock wait: the upper bound of the saving".to_owned();
    Finding {
        id: finding_id(Rule::LockWaits, Tier::Db, Some(table)),
        rule: Rule::LockWaits,
        severity: if per_write.0 >= WAITS_PER_WRITE { Severity::Likely } else { Severity::Hint },
        tier: Tier::Db,
        route: route_of(digest),
        title: format!("changes of {named} wait for each other's rows for {share} of their time"),
        evidence,
        saving: observed.saving(digest, wait.as_millis(), basis),
        fix: format!(
            "hold the lock on {named} for a shorter time: change the hot row last in the transaction, in one statement \
             (`.filter(pk=pk, stock__gte=n).update(stock=F(\"stock\") - n)`), without slow work (mail, engine, cache) between \
             it and the commit; or split the hot row (one row per sale, summed later)"
        ),
        reproduce: "SELECT * FROM sys.innodb_lock_waits; and, after the load, SHOW GLOBAL STATUS LIKE 'Innodb_row_lock%'"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use kneepoint_model::db::{StatementSums, Verb};

    use super::*;
    use crate::fixtures;

    const TAKE: &str = "UPDATE `books_book` SET `stock` = ? WHERE `books_book` . `id` = ?";

    fn with(verb: Verb, text: &str, timer: u64, lock: u64, cpu: u64, waits: u64) -> Vec<Finding> {
        let mut facts = fixtures::healthy();
        let sums = StatementSums {
            count: 100,
            timer_us: Micros(timer * 100),
            lock_us: Micros(lock * 100),
            cpu_us: Some(Micros(cpu * 100)),
            rows_affected: 100,
            ..StatementSums::default()
        };
        let database = &mut fixtures::window(&mut facts, "closed").databases[0];
        database.statements.push(fixtures::digest(verb, text, sums));
        database.status.locks.row_waits = waits;
        database.status.locks.waiting_max = Some(5);
        fixtures::findings(&facts, check)
    }

    #[test]
    fn a_hot_row_is_found_by_lock_waits_without_cpu() {
        let found = with(Verb::Update, TAKE, 1_556, 1_550, 9, 88);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Likely));
        assert!(found[0].title.starts_with("changes of `books_book` wait"), "{}", found[0].title);
        assert!(found[0].evidence[2].text.contains("0.88 per execution"), "{found:?}");
        assert!((found[0].saving.as_ref().expect("waits").ms_per_request - 1.55).abs() < 1e-9);
    }

    #[test]
    fn few_waits_on_the_server_make_it_a_hint() {
        assert_eq!(with(Verb::Update, TAKE, 1_556, 1_550, 9, 10)[0].severity, Severity::Hint);
    }

    #[test]
    fn cpu_work_short_waits_and_plain_reads_are_no_finding() {
        assert!(with(Verb::Update, TAKE, 1_556, 300, 900, 0).is_empty());
        assert!(with(Verb::Update, TAKE, 190, 180, 9, 0).is_empty());
        assert!(with(Verb::Select, "SELECT a FROM b WHERE b . id = ?", 1_556, 1_550, 9, 88).is_empty());
    }

    #[test]
    fn an_explicitly_locking_read_counts() {
        let text = "SELECT a FROM `books_book` WHERE `books_book` . `id` = ? FOR UPDATE";
        assert_eq!(with(Verb::Select, text, 1_556, 1_550, 9, 88).len(), 1);
    }
}
