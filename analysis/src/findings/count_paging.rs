//! Counting all rows for a pager takes a good part of the database's time.
//!
//! MySQL says of `SELECT COUNT(*)` that it examined no row, though it reads the whole table: only its time betrays it (30 %
//! of a page's database CPU was seen at 5,000 rows). CPU time is compared where the server counts it, else its timer
//! without waits for locks. Counts that are made for each row of a list are `n_plus_one`'s.

use kneepoint_model::db::{DigestDelta, StatementSums};
use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Micros, Ratio};

use super::database::{Seen, cost, counted, reading, route, work_ms};
use super::text::{clip, clip_to};
use super::{Context, Judgement};

/// Share of the schema's database time from which counting is worth a finding.
pub const SHARE: f64 = 0.25;
/// Fewest executions.
pub const MIN_COUNTS: u64 = 20;
/// Time of one count below which nothing is gained by not counting.
pub const LEAST_MS: f64 = 0.1;

pub(super) fn check(context: &Context<'_>) -> Judgement {
    match counted(context) {
        Err(not_judged) => not_judged,
        Ok(seen) => Judgement::found(seen.iter().flat_map(of).collect()),
    }
}

fn of(seen: &Seen<'_>) -> Vec<Finding> {
    let total = seen.database.total();
    let all = |digest: &DigestDelta| share(&digest.sums, &total);
    seen.database
        .statements
        .iter()
        .filter(|digest| digest.sums.count >= MIN_COUNTS && work_ms(digest) >= LEAST_MS)
        // One row for each execution: a count for each group or row is another matter.
        .filter(|digest| digest.sums.rows_sent <= digest.sums.count)
        .filter_map(|digest| all(digest).filter(|share| share.0 >= SHARE).map(|share| (digest, share)))
        .filter(|(digest, _)| is_count(digest))
        .map(|(digest, share)| finding(seen, digest, share))
        .collect()
}

fn is_count(digest: &DigestDelta) -> bool {
    let reading = reading(digest);
    // A count by a key is made for a row, not for a pager.
    reading.counts && !reading.equal.iter().any(|column| column == "id" || column.ends_with("_id"))
}

fn share(own: &StatementSums, total: &StatementSums) -> Option<Ratio> {
    let worked = |sums: &StatementSums| sums.timer_us.get().saturating_sub(sums.lock_us.get());
    match (own.cpu_us, total.cpu_us.filter(|all| *all > Micros::ZERO)) {
        (Some(own), Some(all)) => Ratio::from_parts(own.get(), all.get()),
        _ => Ratio::from_parts(worked(own), worked(total)),
    }
}

fn finding(seen: &Seen<'_>, digest: &DigestDelta, share: Ratio) -> Finding {
    let table =
        reading(digest).table.map_or_else(|| "a table".to_owned(), |name| format!("`{}`", clip(&name)));
    let whose = if digest.sums.cpu_us.is_some() { "CPU time" } else { "time" };
    let basis = format!("the whole time of a count ({:.2} ms by the database's own timer)", work_ms(digest));
    Finding {
        id: finding_id(Rule::CountPaging, Tier::Db, Some(&table)),
        rule: Rule::CountPaging,
        severity: Severity::Likely,
        tier: Tier::Db,
        route: route(digest),
        title: format!("all rows of {table} are counted again and again: {share} of the database's {whose}"),
        evidence: vec![
            seen.says(format!("{share} of the {whose} of all statements of the site: {}", clip_to(&digest.text, 200))),
            seen.says(cost(seen, digest)),
        ],
        saving: seen.saving(digest, work_ms(digest), basis),
        fix: format!(
            "a pager seldom needs the true number of rows of {table}: keep it for a while \
             (`cache.get_or_set(\"count\", queryset.count, 30)` in a `Paginator` with its own `count`), or do without: \
             `CursorPagination` in Django REST framework, or one row more than the page holds to know of a next one"
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
    use crate::hand;

    fn with(text: &str, count: u64, us: u64, cpu: Option<u64>) -> Vec<Finding> {
        let mut facts = hand::healthy();
        let sums = StatementSums {
            count,
            timer_us: Micros(us * count),
            cpu_us: cpu.map(|us| Micros(us * count)),
            rows_sent: count,
            ..StatementSums::default()
        };
        let database = &mut hand::window(&mut facts, "open").databases[0];
        if cpu.is_none() {
            database.statements.iter_mut().for_each(|one| one.sums.cpu_us = None);
        }
        database.statements.push(hand::digest(Verb::Select, text, sums));
        hand::findings(&facts, check)
    }

    const PAGER: &str = "SELECT COUNT ( * ) AS `__count` FROM `books_book`";

    #[test]
    fn a_count_for_each_page_is_found_by_its_time_alone() {
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
        assert_eq!(with(PAGER, 250, 3_300, None).len(), 1, "the timer stands in for CPU time");
    }

    #[test]
    fn a_seldom_a_cheap_or_a_small_count_is_none() {
        assert!(with(PAGER, 4, 3_300, Some(1_850)).is_empty(), "kept for 30 s it runs once or twice");
        assert!(with(PAGER, 250, 60, Some(50)).is_empty());
        assert!(with(PAGER, 30, 400, Some(200)).is_empty(), "a small share");
    }

    #[test]
    fn a_count_for_each_row_is_another_matter() {
        assert!(
            with("SELECT COUNT ( * ) FROM `r` WHERE `r` . `book_id` = ?", 2_500, 300, Some(250)).is_empty()
        );
    }
}
