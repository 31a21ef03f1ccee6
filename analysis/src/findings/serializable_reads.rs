//! Plain reads lock rows at SERIALIZABLE: they wait for writers, and writers wait for them.
//!
//! At every other level a plain `SELECT` reads a snapshot and locks nothing. So a plain read that waits for locks is
//! sufficient evidence. When writers wait while transactions read many rows of the same table, these reads are the likely
//! cause (384 waits in 2 s were measured during reads of a full catalogue, and none at REPEATABLE READ). A lower level can
//! lose updates: the fix names the precondition.

use kneepoint_model::db::{DbKind, DigestDelta, Verb};
use kneepoint_model::finding::{Evidence, Finding, Rule, Severity, finding_id};
use kneepoint_model::run::names;
use kneepoint_model::text::single_line;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Micros;

use super::context::{MIN_SAMPLES, evidence};
use super::database::{
    DbObservation, SERIALIZABLE, in_valid_phases, isolation_level, missing_counters, parse_digest, route_of,
};
use super::lock_waits::{LOCK_SHARE, MIN_WAIT};
use super::text::{MAX_QUOTED, count};
use super::{Context, RuleOutcome};

/// Minimum number of rows that a plain read locks to be named as the cause.
pub const WIDE_READ: f64 = 20.0;

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    let observed: Vec<DbObservation<'_>> =
        in_valid_phases(context).into_iter().filter(|one| one.database.statements_known).collect();
    if observed.is_empty() {
        return missing_counters(context);
    }
    let level = |one: &DbObservation<'_>| isolation_level(context, one.database);
    if observed.iter().all(|one| level(one).is_none()) {
        return RuleOutcome::inconclusive("the isolation level of the site's sessions is unknown");
    }
    let serializable = observed.iter().filter(|one| level(one).is_some_and(|level| level == SERIALIZABLE));
    let all = serializable.filter_map(|one| build_finding(context, one));
    let worst = all.max_by(|a, b| saved_per_second(a).total_cmp(&saved_per_second(b)));
    RuleOutcome::found(worst.into_iter().collect())
}

fn saved_per_second(finding: &Finding) -> f64 {
    finding.saving.as_ref().map_or(0.0, kneepoint_model::finding::Saving::ms_per_second)
}

fn mostly_waits(digest: &DigestDelta) -> bool {
    let sums = &digest.sums;
    sums.count >= MIN_SAMPLES
        && Micros(sums.lock_us.get() / sums.count) >= MIN_WAIT
        && sums.lock_share().is_some_and(|share| share.0 > LOCK_SHARE)
}

fn plain_read(digest: &DigestDelta) -> bool {
    digest.verb == Verb::Select && !parse_digest(digest).locking
}

/// The plain read that waits longest.
fn waiting_read<'a>(observed: &DbObservation<'a>) -> Option<&'a DigestDelta> {
    let waiting = observed.database.statements.iter().filter(|one| plain_read(one) && mostly_waits(one));
    waiting.max_by_key(|one| one.sums.lock_us)
}

/// The change that waits longest, and a plain read of many rows of the same table.
fn blocked_write<'a>(observed: &DbObservation<'a>) -> Option<(&'a DigestDelta, &'a DigestDelta)> {
    let all = &observed.database.statements;
    let writes = all.iter().filter(|one| one.verb.writes() && mostly_waits(one));
    let pairs = writes.filter_map(|write| {
        let table = parse_digest(write).table?;
        let wide = |read: &&DigestDelta| {
            let rows = read.sums.rows_examined as f64 / read.sums.count.max(1) as f64;
            plain_read(read)
                && read.sums.count >= MIN_SAMPLES
                && rows >= WIDE_READ
                && parse_digest(read).tables.contains(&table)
        };
        Some((write, all.iter().filter(wide).max_by_key(|read| read.sums.rows_examined)?))
    });
    pairs.max_by_key(|(write, _)| write.sums.lock_us)
}

fn build_finding(context: &Context<'_>, observed: &DbObservation<'_>) -> Option<Finding> {
    // MariaDB does not count waits for rows in the lock time of a statement, so there is no evidence.
    if observed.database.server.kind == DbKind::Mariadb {
        return None;
    }
    let read = waiting_read(observed);
    let blocked = blocked_write(observed);
    let waiting = read.or(blocked.map(|(write, _)| write))?;
    let locks = &observed.database.status.locks;
    let mut all = Vec::new();
    all.extend(read.map(|digest| wait_evidence(observed, digest, "a plain read")));
    if let Some((write, read)) = blocked {
        all.push(wait_evidence(observed, write, "a change"));
        all.push(observed.evidence(format!(
            "a plain read of the same table reads {} rows each time and locks them until its transaction ends: {}",
            count(read.sums.rows_examined as f64 / read.sums.count.max(1) as f64),
            single_line(&read.text, 160)
        )));
    }
    all.push(observed.evidence(format!(
        "the server counted {} waits for rows, {} in total",
        locks.row_waits, locks.row_wait_us
    )));
    all.extend(atomic_requests_evidence(context));
    let table = parse_digest(waiting).table.unwrap_or_default();
    let wait = Micros(waiting.sums.lock_us.get() / waiting.sums.count.max(1)).as_millis();
    let basis = "all of its lock wait: the upper bound of the saving".to_owned();
    Some(Finding {
        id: finding_id(Rule::SerializableReads, Tier::Db, Some(&table)),
        rule: Rule::SerializableReads,
        severity: if read.is_some() { Severity::Likely } else { Severity::Hint },
        tier: Tier::Db,
        route: route_of(waiting),
        title: match read {
            Some(_) => format!("plain reads of `{}` wait for writers, because the isolation level is SERIALIZABLE", single_line(&table, MAX_QUOTED)),
            None => format!("changes of `{}` wait while plain reads hold locks at SERIALIZABLE", single_line(&table, MAX_QUOTED)),
        },
        evidence: all,
        saving: observed.saving(waiting, wait, basis),
        fix: "keep transactions with reads short: `@transaction.non_atomic_requests` on views that only read, or REPEATABLE \
              READ (\"isolation_level\" in the database's OPTIONS), at which plain reads lock nothing. Do this only when every \
              change is atomic (`update(stock=F(\"stock\") - n)` or `select_for_update()`): read-then-write code loses \
              updates below SERIALIZABLE"
            .to_owned(),
        reproduce: "SELECT object_name, lock_mode, COUNT(*) FROM performance_schema.data_locks GROUP BY 1, 2 while load runs"
            .to_owned(),
    })
}

fn wait_evidence(observed: &DbObservation<'_>, digest: &DigestDelta, what: &str) -> Evidence {
    let sums = &digest.sums;
    observed.evidence(format!(
        "{what} waited for locks for {} of its time, {} in each of {} executions: {}",
        sums.lock_share().unwrap_or_default(),
        Micros(sums.lock_us.get() / sums.count.max(1)),
        sums.count,
        single_line(&digest.text, 160)
    ))
}

fn atomic_requests_evidence(context: &Context<'_>) -> Option<Evidence> {
    let toggles = &context.facts.stack.as_ref()?.toggles;
    let on = toggles.get("KP_ATOMIC_REQUESTS").is_some_and(|value| value == "1");
    on.then(|| evidence("every view runs in a transaction (`ATOMIC_REQUESTS`)".to_owned(), names::STACK))
}

#[cfg(test)]
mod tests {
    use kneepoint_model::db::StatementSums;

    use super::*;
    use crate::fixtures;

    fn sums(count: u64, timer: u64, lock: u64, examined: u64) -> StatementSums {
        StatementSums {
            count,
            timer_us: Micros(timer * count),
            lock_us: Micros(lock * count),
            cpu_us: Some(Micros((timer - lock) * count)),
            rows_examined: examined * count,
            rows_sent: count,
            ..StatementSums::default()
        }
    }

    fn with(level: &str, statements: &[(Verb, &str, StatementSums)]) -> Vec<Finding> {
        let mut facts = fixtures::healthy();
        for window in facts.db.values_mut() {
            window.databases[0].settings.transaction_isolation = Some(level.into());
        }
        let database = &mut fixtures::window(&mut facts, "open").databases[0];
        for (verb, text, sums) in statements {
            database.statements.push(fixtures::digest(*verb, text, *sums));
        }
        fixtures::findings(&facts, check)
    }

    const LIST: &str = "SELECT `b` . `id` FROM `b` ORDER BY `b` . `date` DESC LIMIT ?";
    const TAKE: &str = "UPDATE `b` SET `stock` = `stock` - ? WHERE `b` . `id` = ?";

    #[test]
    fn a_plain_read_that_waits_is_found() {
        let found = with("SERIALIZABLE", &[(Verb::Select, LIST, sums(100, 9_000, 8_000, 24))]);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Likely));
        assert!(found[0].title.starts_with("plain reads of `b`"), "{}", found[0].title);
        assert!(found[0].fix.contains("loses updates"), "{}", found[0].fix);
    }

    #[test]
    fn writers_that_wait_while_many_rows_are_read_are_a_hint() {
        let all = [
            (Verb::Select, LIST, sums(100, 9_000, 10, 5_000)),
            (Verb::Update, TAKE, sums(100, 7_700, 7_500, 1)),
        ];
        let found = with("SERIALIZABLE", &all);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Hint));
        assert!(found[0].evidence[1].text.contains("5000 rows"), "{found:?}");
    }

    #[test]
    fn other_levels_and_reads_without_writers_are_no_finding() {
        assert!(with("REPEATABLE-READ", &[(Verb::Select, LIST, sums(100, 9_000, 8_000, 24))]).is_empty());
        assert!(with("SERIALIZABLE", &[(Verb::Select, LIST, sums(100, 9_000, 10, 5_000))]).is_empty());
        assert!(with("SERIALIZABLE", &[(Verb::Update, TAKE, sums(100, 7_700, 7_500, 1))]).is_empty());
    }
}
