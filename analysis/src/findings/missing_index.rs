//! A statement reads far more rows than it returns, or sorts far more than it returns.
//!
//! `NO_INDEX_USED` is not asked: it was seen to be 0 for a look-up that walked along the whole primary key (4,900 rows read
//! for each row returned). Rows read against rows returned were 4900/1 and 5000/0 without an index and 1/1 to 24/24 with
//! one. Small tables are told by the walk over the whole of them instead of by a number of rows. What puts rows together
//! (`COUNT`, `GROUP BY`) reads many for few on purpose, and a far page (`OFFSET`) passes over rows by its nature: neither is
//! judged.

use kneepoint_model::db::{DigestDelta, QueryPlan, QueryPlanForm};
use kneepoint_model::finding::{Finding, Rule, Saving, Severity, finding_id};
use kneepoint_model::tier::Tier;

use super::database::{MIN_EXECUTIONS, Seen, cost, counted, reading, route, work_ms};
use super::sql::{Bound, Reading};
use super::text::{clip, clip_to, count};
use super::{Context, Judgement};

/// Rows read for each row returned from which an index is missed.
pub const EXAMINED_PER_RETURNED: f64 = 100.0;
/// Rows read by one execution from which that matters whatever the table's size.
pub const EXAMINED_LEAST: f64 = 1_000.0;
/// The same where the whole table is known to be read: a table of 500 rows is read half before a row is found.
pub const EXAMINED_LEAST_WHOLE: f64 = 100.0;
/// Rows sorted for each row returned by a statement with a `LIMIT`.
pub const SORTED_PER_RETURNED: f64 = 10.0;
/// Rows sorted by one execution from which that matters.
pub const SORTED_LEAST: f64 = 200.0;
/// What a look-up by an index was measured to take, in milliseconds.
pub const INDEXED_MS: f64 = 0.19;

/// What is missing.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Missing {
    /// An index that finds the rows: so many read for each returned.
    Find(f64),
    /// An index that holds the order: so many sorted for each returned.
    Order(f64),
}

pub(super) fn check(context: &Context<'_>) -> Judgement {
    let seen = match counted(context) {
        Ok(seen) => seen,
        Err(not_judged) => return not_judged,
    };
    let lost: u64 = seen.iter().map(|one| one.database.digests_lost).sum();
    let found = seen
        .iter()
        .flat_map(|one| one.database.statements.iter().filter_map(move |digest| judge(one, digest)))
        .collect();
    Judgement {
        findings: found,
        not_judged: (lost > 0).then(|| {
            format!("{lost} statements found no room in the server's table: raise `performance_schema_digests_size`")
        }),
    }
}

fn judge(seen: &Seen<'_>, digest: &DigestDelta) -> Option<Finding> {
    let reading = reading(digest);
    missing(digest, &reading).map(|missing| finding(seen, digest, &reading, missing))
}

fn missing(digest: &DigestDelta, reading: &Reading) -> Option<Missing> {
    let sums = &digest.sums;
    if sums.count < MIN_EXECUTIONS || reading.aggregates {
        return None;
    }
    let each = |rows: u64| rows as f64 / sums.count as f64;
    // A statement that returns nothing is judged as if each execution returned one row.
    let kept = (sums.rows_sent + sums.rows_affected).max(sums.count) as f64;
    let sorted = sums.sort_rows as f64 / kept;
    if reading.bound != Bound::None && sorted >= SORTED_PER_RETURNED && each(sums.sort_rows) >= SORTED_LEAST {
        return Some(Missing::Order(sorted));
    }
    let passes_over = reading.bound == Bound::Later && reading.equal.is_empty() && reading.like.is_empty();
    let least = if walks_whole(digest) { EXAMINED_LEAST_WHOLE } else { EXAMINED_LEAST };
    let read = sums.rows_examined as f64 / kept;
    (!passes_over && read >= EXAMINED_PER_RETURNED && each(sums.rows_examined) >= least)
        .then_some(Missing::Find(read))
}

/// True when the server says that it walks over a whole table or a whole index.
fn walks_whole(digest: &DigestDelta) -> bool {
    let planned = match &digest.plan {
        Some(QueryPlan::Recorded {
            text,
            form: QueryPlanForm::ExplainTree | QueryPlanForm::ExplainAnalyze,
            ..
        }) => {
            text.contains("Table scan on") || text.contains("Index scan on") || text.contains("index scan on")
        }
        Some(QueryPlan::Recorded {
            text,
            form: QueryPlanForm::ExplainJson | QueryPlanForm::AnalyzeJson,
            ..
        }) => text.contains("\"access_type\": \"ALL\"") || text.contains("\"access_type\": \"index\""),
        Some(QueryPlan::Unavailable { .. }) | None => false,
    };
    planned || digest.sums.full_scans >= digest.sums.count
}

fn finding(seen: &Seen<'_>, digest: &DigestDelta, reading: &Reading, missing: Missing) -> Finding {
    let sums = &digest.sums;
    let each = |rows: u64| count(rows as f64 / sums.count.max(1) as f64);
    let table =
        reading.table.as_deref().map_or_else(|| "a table".to_owned(), |name| format!("`{}`", clip(name)));
    let mut evidence = vec![seen.says(match missing {
        Missing::Find(ratio) => format!(
            "each execution reads {} rows and returns or changes {}: {ratio:.0} rows read for each",
            each(sums.rows_examined),
            each(sums.rows_sent + sums.rows_affected)
        ),
        Missing::Order(_) => format!(
            "each execution sorts {} rows and returns {}: the order is made anew each time",
            each(sums.sort_rows),
            each(sums.rows_sent)
        ),
    })];
    evidence.push(seen.says(cost(seen, digest)));
    evidence.push(seen.says(format!("the statement: {}", clip_to(&digest.text, 300))));
    if let Some(QueryPlan::Recorded { text, form, .. }) = &digest.plan {
        let said = match form {
            QueryPlanForm::ExplainTree | QueryPlanForm::ExplainJson => {
                "how the server would run it (estimates)"
            }
            QueryPlanForm::ExplainAnalyze | QueryPlanForm::AnalyzeJson => "how the server ran it",
        };
        let steps: Vec<&str> = text.split_whitespace().collect();
        evidence.push(seen.says(format!("{said}: {}", clip_to(&steps.join(" "), 400))));
    }
    let key = reading.index().join(",");
    Finding {
        id: finding_id(Rule::MissingIndex, Tier::Db, Some(&format!("{table}({key})"))),
        rule: Rule::MissingIndex,
        severity: Severity::Likely,
        tier: Tier::Db,
        route: route(digest),
        title: title(&table, reading, missing),
        saving: saving(seen, digest, missing),
        evidence,
        fix: fix(&table, reading, missing),
        reproduce: format!(
            "in the site's database, with values of its own for each `?`: EXPLAIN ANALYZE {}",
            clip_to(&digest.text, 300)
        ),
    }
}

fn by(reading: &Reading) -> String {
    let columns: Vec<String> = reading
        .equal
        .iter()
        .chain(&reading.ranged)
        .chain(&reading.like)
        .map(|c| format!("`{}`", clip(c)))
        .collect();
    if columns.is_empty() { String::new() } else { format!(" by {}", columns.join(", ")) }
}

fn title(table: &str, reading: &Reading, missing: Missing) -> String {
    match missing {
        Missing::Find(ratio) => format!(
            "{table} is searched{} without an index that fits: {ratio:.0} rows read for each row returned",
            by(reading)
        ),
        Missing::Order(ratio) => {
            format!("{table} is sorted anew for each page: {ratio:.0} rows sorted for each row returned")
        }
    }
}

fn saving(seen: &Seen<'_>, digest: &DigestDelta, missing: Missing) -> Option<Saving> {
    let work = work_ms(digest);
    // With the order in an index, the rows that are returned still have to be read.
    let stays = match missing {
        Missing::Find(_) => INDEXED_MS,
        Missing::Order(ratio) => INDEXED_MS.max(work / ratio),
    };
    let basis = format!(
        "the database's own time of an execution ({work:.2} ms, waits for locks left out) against about {stays:.2} ms with an \
         index"
    );
    seen.saving(digest, work - stays, basis)
}

fn fix(table: &str, reading: &Reading, missing: Missing) -> String {
    if matches!(missing, Missing::Find(_)) && !reading.like.is_empty() && reading.equal.is_empty() {
        return format!(
            "`LIKE '%…%'` can use no ordinary index: search {table}{} through a full-text index or the engine, or by the \
             beginning of the value only (`__startswith`)",
            by(reading)
        );
    }
    let columns = reading.index();
    if columns.is_empty() {
        return format!(
            "find the condition that no index of {table} serves (see the plan), and put an index on its columns: \
             `class Meta: indexes = [models.Index(fields=[…])]`, then `makemigrations` and `migrate`"
        );
    }
    let (fields, names): (Vec<String>, Vec<String>) =
        columns.iter().map(|c| clip(c)).map(|c| (format!("\"{c}\""), format!("`{c}`"))).unzip();
    format!(
        "an index on {table} ({}): `class Meta: indexes = [models.Index(fields=[{}])]` (put `-` before what is sorted \
         downwards; a foreign key's field goes without `_id`), then `makemigrations` and `migrate`; or ask by a column that \
         has an index already",
        names.join(", "),
        fields.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use kneepoint_model::db::{StatementSums, Verb};
    use kneepoint_model::units::Micros;

    use super::*;
    use crate::hand;

    const LOOK_UP: &str = "SELECT `books_book` . `id` FROM `books_book` WHERE `books_book` . `isbn` = ? \
                           ORDER BY `books_book` . `id` ASC LIMIT ?";

    fn with(text: &str, plan: Option<&str>, sums: StatementSums) -> Vec<Finding> {
        let mut facts = hand::healthy();
        let mut digest = hand::digest(Verb::Select, text, sums);
        digest.plan = plan.map(|text| QueryPlan::Recorded {
            form: QueryPlanForm::ExplainTree,
            text: text.into(),
            cut: false,
        });
        hand::window(&mut facts, "open").databases[0].statements.push(digest);
        hand::findings(&facts, check)
    }

    fn sums(count: u64, examined: u64, sent: u64, us: u64) -> StatementSums {
        StatementSums {
            count,
            timer_us: Micros(us * count),
            rows_examined: examined * count,
            rows_sent: sent * count,
            ..StatementSums::default()
        }
    }

    #[test]
    fn a_walk_along_the_primary_key_is_found_though_it_calls_itself_an_index() {
        let plan = "-> Limit: 1 row(s)\n  -> Filter: (books_book.isbn = '…')\n    -> Index scan on books_book using PRIMARY";
        let found = with(LOOK_UP, Some(plan), sums(100, 4_900, 1, 7_300));
        assert_eq!((found.len(), found[0].severity), (1, Severity::Likely));
        assert!(found[0].title.contains("`books_book` is searched by `isbn`"), "{}", found[0].title);
        assert!(found[0].fix.contains(r#"models.Index(fields=["isbn", "id"])"#), "{}", found[0].fix);
        assert!(
            found[0].evidence.iter().any(|one| one.text.contains("Index scan on books_book using PRIMARY"))
        );
        let saving = found[0].saving.as_ref().expect("it takes time");
        // 7.3 ms against 0.19 ms; 100 executions in 10 s.
        assert!(
            (saving.ms_per_request - 7.11).abs() < 0.01 && (saving.requests_per_second - 10.0).abs() < 0.5
        );
    }

    #[test]
    fn a_small_table_is_told_by_the_walk_over_all_of_it() {
        let plan = "-> Index scan on books_book using PRIMARY";
        assert_eq!(with(LOOK_UP, Some(plan), sums(50, 250, 1, 400)).len(), 1);
        assert!(with(LOOK_UP, None, sums(50, 250, 1, 400)).is_empty(), "an index range may read 250 rows");
    }

    #[test]
    fn an_order_without_an_index_is_found_by_what_is_sorted() {
        let text = "SELECT b . id FROM b ORDER BY b . date DESC LIMIT ? OFFSET ?";
        let sums = StatementSums { sort_rows: 5_000 * 50, ..sums(50, 5_024, 24, 9_500) };
        let found = with(text, None, sums);
        assert!(found[0].title.contains("sorted anew") && found[0].fix.contains(r#"["date"]"#), "{found:?}");
    }

    #[test]
    fn what_reads_many_rows_on_purpose_is_left_alone() {
        let far = "SELECT b . id FROM b ORDER BY b . date DESC LIMIT ? OFFSET ?";
        assert!(with(far, Some("-> Index scan on b using date"), sums(50, 4_800, 24, 3_000)).is_empty());
        let counting = "SELECT COUNT ( * ) FROM `b` WHERE `b` . `genre` = ?";
        assert!(with(counting, Some("-> Table scan on b"), sums(50, 5_000, 1, 3_000)).is_empty());
        assert!(with(LOOK_UP, Some("-> Table scan on b"), sums(3, 4_900, 1, 7_300)).is_empty(), "too few");
        assert!(with("SELECT b . id FROM b WHERE b . x = ?", None, sums(50, 2_000, 40, 900)).is_empty());
    }

    #[test]
    fn a_pattern_is_not_told_to_take_an_index_that_cannot_help() {
        let text = "SELECT b . id FROM b WHERE b . title LIKE ? LIMIT ?";
        let found = with(text, None, sums(50, 5_000, 0, 7_200));
        assert!(found[0].fix.contains("full-text"), "{}", found[0].fix);
    }

    #[test]
    fn without_a_database_that_counts_it_is_said_why() {
        let mut facts = hand::healthy();
        for window in facts.db.values_mut() {
            window.databases[0].statements_known = false;
        }
        let why = |facts: &crate::RunFacts| hand::with_context(facts, |context| check(context).not_judged);
        assert!(why(&facts).expect("a reason").contains("performance_schema"));
        facts.db.clear();
        assert!(why(&facts).expect("a reason").contains("SQLite"));
    }
}
