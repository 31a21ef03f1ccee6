//! Counting all rows for a paginator takes a large part of the database's time.
//!
//! MySQL reports zero examined rows for `SELECT COUNT(*)`, although it reads the whole table; only its time shows it (30 %
//! of a page's database CPU was measured at 5,000 rows). The rule compares CPU time if the server counts it, else the
//! server-side timer without lock waits. Counts for each row of a list belong to `n_plus_one`.

use kneepoint_model::db::{DigestDelta, StatementSums};
use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::text::single_line;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Micros, Ratio};

use super::database::{DbObservation, describe_cost, parse_digest, route_of, with_statements, work_ms};
use super::text::MAX_QUOTED;
use super::{Context, RuleOutcome};

/// Minimum share of the schema's database time.
pub const MIN_SHARE: f64 = 0.25;
/// Minimum number of executions.
pub const MIN_COUNTS: u64 = 20;
/// Minimum time of one count in milliseconds: a faster count is not worth a finding.
pub const MIN_MS: f64 = 0.1;

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    match with_statements(context) {
        Err(outcome) => outcome,
        Ok(observed) => RuleOutcome::found(observed.iter().flat_map(costly_counts).collect()),
    }
}

fn costly_counts(observed: &DbObservation<'_>) -> Vec<Finding> {
    let total = observed.database.total();
    let share = |digest: &DigestDelta| share_of_time(&digest.sums, &total);
    observed
        .database
        .statements
        .iter()
        .filter(|digest| digest.sums.count >= MIN_COUNTS && work_ms(digest) >= MIN_MS)
        // One row per execution: a count per group or per row is a different fault.
        .filter(|digest| digest.sums.rows_sent <= digest.sums.count)
        .filter_map(|digest| share(digest).filter(|share| share.0 >= MIN_SHARE).map(|share| (digest, share)))
        .filter(|(digest, _)| is_count(digest))
        .map(|(digest, share)| build_finding(observed, digest, share))
        .collect()
}

fn is_count(digest: &DigestDelta) -> bool {
    let statement = parse_digest(digest);
    // A count with a condition on a key belongs to a row, not to a paginator.
    statement.counts && !statement.equal.iter().any(|column| column == "id" || column.ends_with("_id"))
}

fn share_of_time(part: &StatementSums, total: &StatementSums) -> Option<Ratio> {
    let worked = |sums: &StatementSums| sums.timer_us.get().saturating_sub(sums.lock_us.get());
    match (part.cpu_us, total.cpu_us.filter(|all| *all > Micros::ZERO)) {
        (Some(part), Some(all)) => Ratio::from_parts(part.get(), all.get()),
        _ => Ratio::from_parts(worked(part), worked(total)),
    }
}

fn build_finding(observed: &DbObservation<'_>, digest: &DigestDelta, share: Ratio) -> Finding {
    let table = parse_digest(digest)
        .table
        .map_or_else(|| "a table".to_owned(), |name| format!("`{}`", single_line(&name, MAX_QUOTED)));
    let measure = if digest.sums.cpu_us.is_some() { "CPU time" } else { "time" };
    let basis = format!("the whole time of a count ({:.2} ms by the server-side timer)", work_ms(digest));
    Finding {
        id: finding_id(Rule::CountPaging, Tier::Db, Some(&table)),
        rule: Rule::CountPaging,
        severity: Severity::Likely,
        tier: Tier::Db,
        route: route_of(digest),
        title: format!("all rows of {table} are counted for every page: {share} of the database's {measure}"),
        evidence: vec![
            observed.evidence(format!("{share} of the {measure} of all statements of the site: {}", single_line(&digest.text, 200))),
            observed.evidence(describe_cost(observed, digest)),
        ],
        saving: observed.saving(digest, work_ms(digest), basis),
        fix: format!(
            "a paginator rarely needs the exact number of rows of {table}: cache it \
             (`cache.get_or_set(\"count\", queryset.count, 30)` in a `Paginator` with its own `count`), or avoid it: \
             use `CursorPagination` in Django REST framework, or fetch one row more than the page shows to detect a next page"
        ),
        reproduce: "SELECT digest_text, count_star, sum_timer_wait/1e9 AS ms FROM \
                    performance_schema.events_statements_summary_by_digest WHERE digest_text LIKE 'SELECT COUNT%'"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use kneepoint_model::db::Verb;

    use super::*;
    use crate::fixtures;

    fn with(text: &str, count: u64, us: u64, cpu: Option<u64>) -> Vec<Finding> {
        let mut facts = fixtures::healthy();
        let sums = StatementSums {
            count,
            timer_us: Micros(us * count),
            cpu_us: cpu.map(|us| Micros(us * count)),
            rows_sent: count,
            ..StatementSums::default()
        };
        let database = &mut fixtures::window(&mut facts, "open").databases[0];
        if cpu.is_none() {
            database.statements.iter_mut().for_each(|one| one.sums.cpu_us = None);
        }
        database.statements.push(fixtures::digest(Verb::Select, text, sums));
        fixtures::findings(&facts, check)
    }

    const PAGER: &str = "SELECT COUNT ( * ) AS `__count` FROM `books_book`";

    #[test]
    fn a_count_for_each_page_is_found_by_its_time_only() {
        let found = with(PAGER, 250, 3_300, Some(1_850));
        assert_eq!((found.len(), found[0].severity), (1, Severity::Likely));
        assert!(
            found[0].title.contains("`books_book`") && found[0].title.contains("CPU time"),
            "{}",
            found[0].title
        );
        let saving = found[0].saving.as_ref().expect("it takes time");
        assert!(
            (saving.ms_per_request - 3.3).abs() < 1e-6 && (saving.requests_per_second - 25.0).abs() < 1.0
        );
        assert_eq!(with(PAGER, 250, 3_300, None).len(), 1, "the timer replaces CPU time");
    }

    #[test]
    fn a_rare_a_fast_or_a_small_count_is_no_finding() {
        assert!(with(PAGER, 4, 3_300, Some(1_850)).is_empty(), "cached for 30 s it runs once or twice");
        assert!(with(PAGER, 250, 60, Some(50)).is_empty());
        assert!(with(PAGER, 30, 400, Some(200)).is_empty(), "a small share");
    }

    #[test]
    fn a_count_for_each_row_is_no_finding() {
        assert!(
            with("SELECT COUNT ( * ) FROM `r` WHERE `r` . `book_id` = ?", 2_500, 300, Some(250)).is_empty()
        );
    }
}
