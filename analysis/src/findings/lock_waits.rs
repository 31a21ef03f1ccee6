//! Statements that change or lock rows wait for each other: a hot row.
//!
//! MySQL counts waits for rows into a statement's lock time: 155.6 of 155.6 ms were seen on a hot row, with hardly any CPU,
//! and 0.8 to 0.9 waits for each purchase, against 0.00 on rows drawn at random. `MariaDB` counts only waits for tables
//! there, so that for it the server's own count of row waits must speak.

use kneepoint_model::db::{DbKind, DigestDelta};
use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Micros, Ratio};

use super::context::MIN_SAMPLES;
use super::database::{Seen, believed, cost, nothing, reading, route};
use super::text::{clip, clip_to};
use super::{Context, Judgement};

/// Share of a statement's time spent waiting for locks from which waiting is the main part of it.
pub const LOCK_SHARE: f64 = 0.5;
/// Share of CPU above which a statement works and does not wait.
pub const CPU_MOST: f64 = 0.2;
/// Mean wait of an execution below which nothing is gained.
pub const WAIT_LEAST: Micros = Micros(500);
/// Waits for rows for each execution of the statement that waits.
pub const WAITS_PER_WRITE: f64 = 0.5;

pub(super) fn check(context: &Context<'_>) -> Judgement {
    let seen = believed(context);
    if seen.is_empty() {
        return Judgement::not_judged(nothing(context));
    }
    let mut found: Vec<Finding> = Vec::new();
    // Each phase has its own load: a table is named once, in the phase where waiting for it costs most.
    for finding in seen.iter().flat_map(of) {
        match found.iter_mut().find(|own| own.id == finding.id) {
            Some(own) if weight(own) < weight(&finding) => *own = finding,
            Some(_) => {}
            None => found.push(finding),
        }
    }
    Judgement::found(found)
}

fn weight(finding: &Finding) -> f64 {
    finding.saving.as_ref().map_or(0.0, kneepoint_model::finding::Saving::ms_per_second)
}

fn of(seen: &Seen<'_>) -> Vec<Finding> {
    let mut waiting: Vec<&DigestDelta> = seen.database.statements.iter().filter(|one| waits(one)).collect();
    waiting.sort_by_key(|one| std::cmp::Reverse(one.sums.lock_us));
    let mut tables: Vec<String> = Vec::new();
    let mut found: Vec<Finding> = Vec::new();
    for digest in waiting {
        let table = reading(digest).table.unwrap_or_default();
        if !tables.contains(&table) {
            found.push(finding(seen, digest, &table));
            tables.push(table);
        }
    }
    if found.is_empty() && seen.database.server.kind == DbKind::Mariadb {
        found.extend(of_server(seen));
    }
    found
}

/// A statement that changes or locks rows on purpose, and mostly waits.
fn waits(digest: &DigestDelta) -> bool {
    let sums = &digest.sums;
    let mean = Micros(sums.lock_us.get() / sums.count.max(1));
    let idle = sums.cpu_us.is_none_or(|cpu| cpu.as_f64() <= sums.timer_us.as_f64() * CPU_MOST);
    sums.count >= MIN_SAMPLES
        && (digest.verb.writes() || reading(digest).locking)
        && mean >= WAIT_LEAST
        && sums.lock_share().is_some_and(|share| share.0 > LOCK_SHARE)
        && idle
}

/// `MariaDB`: no statement can be named, but the server counts waits for rows.
fn of_server(seen: &Seen<'_>) -> Option<Finding> {
    let locks = seen.database.status.locks;
    let writing = seen.database.statements.iter().filter(|one| one.verb.writes());
    let busiest = writing.max_by_key(|one| one.sums.count)?;
    let mean = locks.row_wait_us.get() / locks.row_waits.max(1);
    let often = locks.row_waits as f64 >= busiest.sums.count as f64 * WAITS_PER_WRITE;
    (busiest.sums.count >= MIN_SAMPLES && often && Micros(mean) >= WAIT_LEAST).then(|| {
        let table = reading(busiest).table.unwrap_or_default();
        Finding { severity: Severity::Hint, saving: None, ..finding(seen, busiest, &table) }
    })
}

fn finding(seen: &Seen<'_>, digest: &DigestDelta, table: &str) -> Finding {
    let (sums, locks) = (&digest.sums, &seen.database.status.locks);
    let share = sums.lock_share().unwrap_or_default();
    let per_write = Ratio::from_parts(locks.row_waits, sums.count).unwrap_or_default();
    let wait = Micros(sums.lock_us.get() / sums.count.max(1));
    let named = if table.is_empty() { "a table".to_owned() } else { format!("`{}`", clip(table)) };
    let mut evidence = vec![
        seen.says(format!(
            "{share} of its time is waiting for locks, {wait} each time: {}",
            clip_to(&digest.text, 200)
        )),
        seen.says(cost(seen, digest)),
        seen.says(format!(
            "the server counted {} waits for rows ({:.2} for each execution), {} together",
            locks.row_waits, per_write.0, locks.row_wait_us
        )),
    ];
    if let Some(most) = locks.waiting_max.filter(|most| *most > 1) {
        evidence.push(seen.says(format!("up to {most} transactions waited at the same time")));
    }
    let basis = "all its waiting for locks: the most there is to gain".to_owned();
    Finding {
        id: finding_id(Rule::LockWaits, Tier::Db, Some(table)),
        rule: Rule::LockWaits,
        severity: if per_write.0 >= WAITS_PER_WRITE { Severity::Likely } else { Severity::Hint },
        tier: Tier::Db,
        route: route(digest),
        title: format!("changes of {named} wait for each other's rows for {share} of their time"),
        evidence,
        saving: seen.saving(digest, wait.as_millis(), basis),
        fix: format!(
            "hold the lock on {named} for less time: change the hot row last in the transaction, in one statement \
             (`.filter(pk=pk, stock__gte=n).update(stock=F(\"stock\") - n)`), with nothing slow (mail, engine, cache) between \
             it and the commit; or spread the hot row (a row for each sale, summed later)"
        ),
        reproduce: "SELECT * FROM sys.innodb_lock_waits; and, after the load, SHOW GLOBAL STATUS LIKE 'Innodb_row_lock%'"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use kneepoint_model::db::{StatementSums, Verb};

    use super::*;
    use crate::hand;

    const TAKE: &str = "UPDATE `books_book` SET `stock` = ? WHERE `books_book` . `id` = ?";

    fn with(verb: Verb, text: &str, timer: u64, lock: u64, cpu: u64, waits: u64) -> Vec<Finding> {
        let mut facts = hand::healthy();
        let sums = StatementSums {
            count: 100,
            timer_us: Micros(timer * 100),
            lock_us: Micros(lock * 100),
            cpu_us: Some(Micros(cpu * 100)),
            rows_affected: 100,
            ..StatementSums::default()
        };
        let database = &mut hand::window(&mut facts, "closed").databases[0];
        database.statements.push(hand::digest(verb, text, sums));
        database.status.locks.row_waits = waits;
        database.status.locks.waiting_max = Some(5);
        hand::findings(&facts, check)
    }

    #[test]
    fn a_hot_row_is_found_by_waiting_without_work() {
        let found = with(Verb::Update, TAKE, 1_556, 1_550, 9, 88);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Likely));
        assert!(found[0].title.starts_with("changes of `books_book` wait"), "{}", found[0].title);
        assert!(found[0].evidence[2].text.contains("0.88 for each execution"), "{found:?}");
        assert!((found[0].saving.as_ref().expect("waits").ms_per_request - 1.55).abs() < 1e-9);
    }

    #[test]
    fn few_waits_on_the_server_make_it_a_hint() {
        assert_eq!(with(Verb::Update, TAKE, 1_556, 1_550, 9, 10)[0].severity, Severity::Hint);
    }

    #[test]
    fn work_short_waits_and_plain_reads_are_none() {
        assert!(with(Verb::Update, TAKE, 1_556, 300, 900, 0).is_empty());
        assert!(with(Verb::Update, TAKE, 190, 180, 9, 0).is_empty());
        assert!(with(Verb::Select, "SELECT a FROM b WHERE b . id = ?", 1_556, 1_550, 9, 88).is_empty());
    }

    #[test]
    fn a_read_that_locks_on_purpose_counts() {
        let text = "SELECT a FROM `books_book` WHERE `books_book` . `id` = ? FOR UPDATE";
        assert_eq!(with(Verb::Select, text, 1_556, 1_550, 9, 88).len(), 1);
    }
}
