//! A statement reads far more rows than it returns, or sorts far more than it returns.
//!
//! `NO_INDEX_USED` is not used: it was 0 for a look-up that scanned the whole primary key (4,900 rows read for each row
//! returned). Rows read against rows returned were 4900/1 and 5000/0 without an index, and 1/1 to 24/24 with one. In small
//! tables the rule looks for a full scan instead of a number of rows. Aggregates (`COUNT`, `GROUP BY`) read many rows for
//! few on purpose, and a far page (`OFFSET`) always skips rows: the rule ignores both.

use kneepoint_model::db::{DigestDelta, QueryPlan, QueryPlanForm};
use kneepoint_model::finding::{Finding, Rule, Saving, Severity, finding_id};
use kneepoint_model::text::single_line;
use kneepoint_model::tier::Tier;

use super::database::{
    DbObservation, MIN_EXECUTIONS, describe_cost, parse_digest, route_of, with_statements, work_ms,
};
use super::sql::{ParsedStatement, RowLimit};
use super::text::{MAX_QUOTED, count};
use super::{Context, RuleOutcome};

/// Minimum number of rows read for each row returned.
pub const EXAMINED_PER_RETURNED: f64 = 100.0;
/// Minimum number of rows read by one execution.
pub const MIN_EXAMINED: f64 = 1_000.0;
/// Minimum number of rows read by a full scan: in a table of 500 rows a look-up without an index reads half of them.
pub const MIN_EXAMINED_FULL_SCAN: f64 = 100.0;
/// Minimum number of rows sorted for each row returned by a statement with a `LIMIT`.
pub const SORTED_PER_RETURNED: f64 = 10.0;
/// Minimum number of rows sorted by one execution.
pub const MIN_SORTED: f64 = 200.0;
/// Measured time of a look-up by an index, in milliseconds.
pub const INDEXED_MS: f64 = 0.19;

/// The kind of index that is missing.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Missing {
    /// An index to find the rows, with the rows read for each returned.
    Find(f64),
    /// An index with the sort order, with the rows sorted for each returned.
    Order(f64),
}

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    let observed = match with_statements(context) {
        Ok(observed) => observed,
        Err(outcome) => return outcome,
    };
    let lost: u64 = observed.iter().map(|one| one.database.digests_lost).sum();
    let found = observed
        .iter()
        .flat_map(|one| one.database.statements.iter().filter_map(move |digest| check_statement(one, digest)))
        .collect();
    RuleOutcome {
        findings: found,
        not_evaluated: (lost > 0).then(|| {
            format!("{lost} statements did not fit into the server's digest table: raise `performance_schema_digests_size`")
        }),
        not_applicable: false,
    }
}

fn check_statement(observed: &DbObservation<'_>, digest: &DigestDelta) -> Option<Finding> {
    let statement = parse_digest(digest);
    missing_kind(digest, &statement).map(|missing| build_finding(observed, digest, &statement, missing))
}

fn missing_kind(digest: &DigestDelta, statement: &ParsedStatement) -> Option<Missing> {
    let sums = &digest.sums;
    if sums.count < MIN_EXECUTIONS || statement.aggregates {
        return None;
    }
    let each = |rows: u64| rows as f64 / sums.count as f64;
    // A statement that returns nothing counts as one row per execution.
    let kept = (sums.rows_sent + sums.rows_affected).max(sums.count) as f64;
    let sorted = sums.sort_rows as f64 / kept;
    if statement.bound != RowLimit::None
        && sorted >= SORTED_PER_RETURNED
        && each(sums.sort_rows) >= MIN_SORTED
    {
        return Some(Missing::Order(sorted));
    }
    let skips_rows =
        statement.bound == RowLimit::Later && statement.equal.is_empty() && statement.like.is_empty();
    let min_rows = if scans_fully(digest) { MIN_EXAMINED_FULL_SCAN } else { MIN_EXAMINED };
    let read = sums.rows_examined as f64 / kept;
    (!skips_rows && read >= EXAMINED_PER_RETURNED && each(sums.rows_examined) >= min_rows)
        .then_some(Missing::Find(read))
}

/// True when the server reports a scan of a whole table or a whole index.
fn scans_fully(digest: &DigestDelta) -> bool {
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

fn build_finding(
    observed: &DbObservation<'_>,
    digest: &DigestDelta,
    statement: &ParsedStatement,
    missing: Missing,
) -> Finding {
    let sums = &digest.sums;
    let each = |rows: u64| count(rows as f64 / sums.count.max(1) as f64);
    let table = statement
        .table
        .as_deref()
        .map_or_else(|| "a table".to_owned(), |name| format!("`{}`", single_line(name, MAX_QUOTED)));
    let mut evidence = vec![observed.evidence(match missing {
        Missing::Find(ratio) => format!(
            "each execution reads {} rows and returns or changes {}: {ratio:.0} rows are read for each",
            each(sums.rows_examined),
            each(sums.rows_sent + sums.rows_affected)
        ),
        Missing::Order(_) => format!(
            "each execution sorts {} rows and returns {}: the rows are sorted again each time",
            each(sums.sort_rows),
            each(sums.rows_sent)
        ),
    })];
    evidence.push(observed.evidence(describe_cost(observed, digest)));
    evidence.push(observed.evidence(format!("the statement: {}", single_line(&digest.text, 300))));
    if let Some(QueryPlan::Recorded { text, form, .. }) = &digest.plan {
        let heading = match form {
            QueryPlanForm::ExplainTree | QueryPlanForm::ExplainJson => "plan of the server (estimates)",
            QueryPlanForm::ExplainAnalyze | QueryPlanForm::AnalyzeJson => "measured plan of the server",
        };
        let steps: Vec<&str> = text.split_whitespace().collect();
        evidence.push(observed.evidence(format!("{heading}: {}", single_line(&steps.join(" "), 400))));
    }
    let key = statement.index_columns().join(",");
    Finding {
        id: finding_id(Rule::MissingIndex, Tier::Db, Some(&format!("{table}({key})"))),
        rule: Rule::MissingIndex,
        severity: Severity::Likely,
        tier: Tier::Db,
        route: route_of(digest),
        title: build_title(&table, statement, missing),
        saving: estimate_saving(observed, digest, missing),
        evidence,
        fix: choose_fix(&table, statement, missing),
        reproduce: format!(
            "in the site's database, with real values instead of each `?`: EXPLAIN ANALYZE {}",
            single_line(&digest.text, 300)
        ),
    }
}

fn by_columns(statement: &ParsedStatement) -> String {
    let columns: Vec<String> = statement
        .equal
        .iter()
        .chain(&statement.ranged)
        .chain(&statement.like)
        .map(|c| format!("`{}`", single_line(c, MAX_QUOTED)))
        .collect();
    if columns.is_empty() { String::new() } else { format!(" by {}", columns.join(", ")) }
}

fn build_title(table: &str, statement: &ParsedStatement, missing: Missing) -> String {
    match missing {
        Missing::Find(ratio) => format!(
            "{table} is searched{} without a suitable index: {ratio:.0} rows are read for each row returned",
            by_columns(statement)
        ),
        Missing::Order(ratio) => {
            format!("{table} is sorted again for each page: {ratio:.0} rows are sorted for each row returned")
        }
    }
}

fn estimate_saving(observed: &DbObservation<'_>, digest: &DigestDelta, missing: Missing) -> Option<Saving> {
    let work = work_ms(digest);
    // With the order in an index, the returned rows must still be read.
    let remaining = match missing {
        Missing::Find(_) => INDEXED_MS,
        Missing::Order(ratio) => INDEXED_MS.max(work / ratio),
    };
    let basis = format!(
        "the server-side time of an execution ({work:.2} ms, without lock waits) minus about {remaining:.2} ms with an \
         index"
    );
    observed.saving(digest, work - remaining, basis)
}

fn choose_fix(table: &str, statement: &ParsedStatement, missing: Missing) -> String {
    if matches!(missing, Missing::Find(_)) && !statement.like.is_empty() && statement.equal.is_empty() {
        return format!(
            "`LIKE '%…%'` cannot use an ordinary index: search {table}{} with a full-text index or the engine, or only by the \
             beginning of the value (`__startswith`)",
            by_columns(statement)
        );
    }
    let columns = statement.index_columns();
    if columns.is_empty() {
        return format!(
            "find the condition that no index of {table} supports (see the plan), and add an index on its columns: \
             `class Meta: indexes = [models.Index(fields=[…])]`, then `makemigrations` and `migrate`"
        );
    }
    let (fields, names): (Vec<String>, Vec<String>) = columns
        .iter()
        .map(|c| single_line(c, MAX_QUOTED))
        .map(|c| (format!("\"{c}\""), format!("`{c}`")))
        .unzip();
    format!(
        "add an index on {table} ({}): `class Meta: indexes = [models.Index(fields=[{}])]` (write `-` before a column in \
         descending order, and a foreign key without `_id`), then `makemigrations` and `migrate`; or search by a column that \
         already has an index",
        names.join(", "),
        fields.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use kneepoint_model::db::{StatementSums, Verb};
    use kneepoint_model::units::Micros;

    use super::*;
    use crate::fixtures;

    const LOOK_UP: &str = "SELECT `books_book` . `id` FROM `books_book` WHERE `books_book` . `isbn` = ? \
                           ORDER BY `books_book` . `id` ASC LIMIT ?";

    fn with(text: &str, plan: Option<&str>, sums: StatementSums) -> Vec<Finding> {
        let mut facts = fixtures::healthy();
        let mut digest = fixtures::digest(Verb::Select, text, sums);
        digest.plan = plan.map(|text| QueryPlan::Recorded {
            form: QueryPlanForm::ExplainTree,
            text: text.into(),
            cut: false,
        });
        fixtures::window(&mut facts, "open").databases[0].statements.push(digest);
        fixtures::findings(&facts, check)
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
    fn a_scan_of_the_primary_key_is_found_though_it_uses_an_index() {
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
    fn a_small_table_is_found_by_its_full_scan() {
        let plan = "-> Index scan on books_book using PRIMARY";
        assert_eq!(with(LOOK_UP, Some(plan), sums(50, 250, 1, 400)).len(), 1);
        assert!(with(LOOK_UP, None, sums(50, 250, 1, 400)).is_empty(), "an index range may read 250 rows");
    }

    #[test]
    fn an_order_without_an_index_is_found_by_the_sorted_rows() {
        let text = "SELECT b . id FROM b ORDER BY b . date DESC LIMIT ? OFFSET ?";
        let sums = StatementSums { sort_rows: 5_000 * 50, ..sums(50, 5_024, 24, 9_500) };
        let found = with(text, None, sums);
        assert!(found[0].title.contains("sorted again") && found[0].fix.contains(r#"["date"]"#), "{found:?}");
    }

    #[test]
    fn aggregates_and_far_pages_are_no_finding() {
        let far = "SELECT b . id FROM b ORDER BY b . date DESC LIMIT ? OFFSET ?";
        assert!(with(far, Some("-> Index scan on b using date"), sums(50, 4_800, 24, 3_000)).is_empty());
        let counting = "SELECT COUNT ( * ) FROM `b` WHERE `b` . `genre` = ?";
        assert!(with(counting, Some("-> Table scan on b"), sums(50, 5_000, 1, 3_000)).is_empty());
        assert!(with(LOOK_UP, Some("-> Table scan on b"), sums(3, 4_900, 1, 7_300)).is_empty(), "too few");
        assert!(with("SELECT b . id FROM b WHERE b . x = ?", None, sums(50, 2_000, 40, 900)).is_empty());
    }

    #[test]
    fn a_pattern_search_gets_a_fix_without_an_ordinary_index() {
        let text = "SELECT b . id FROM b WHERE b . title LIKE ? LIMIT ?";
        let found = with(text, None, sums(50, 5_000, 0, 7_200));
        assert!(found[0].fix.contains("full-text"), "{}", found[0].fix);
    }

    #[test]
    fn without_counters_the_reason_is_reported() {
        let mut facts = fixtures::healthy();
        for window in facts.db.values_mut() {
            window.databases[0].statements_known = false;
        }
        let why =
            |facts: &crate::RunFacts| fixtures::with_context(facts, |context| check(context).not_evaluated);
        assert!(why(&facts).expect("a reason").contains("performance_schema"));
        facts.db.clear();
        assert!(why(&facts).expect("a reason").contains("SQLite"));
    }
}
