//! Plans of the heaviest statements, from their samples: only `SELECT`, only on a throw-away stack, only after the load.

use std::time::{Duration, Instant};

use kneepoint_model::db::{DbKind, DigestDelta, QueryPlan, QueryPlanForm, Verb};

use super::session::Session;
use super::table::{Table, text};
use crate::store::plan::Secret;
use crate::store::sql::{bound, mask, verb};

/// Longest that a statement is run for its true rows and times; one that takes longer is only explained.
const RUN: Duration = Duration::from_secs(1);
/// For all plans of a server together.
const ALL: Duration = Duration::from_secs(6);
/// Longest plan kept, in characters.
const LONGEST: usize = 8_000;
/// More statements than these are looked at for plans only when the first have none.
const LOOKED_AT: usize = 3;

/// Where to explain: a connection of its own, standing in the site's schema.
pub(super) struct Where<'a> {
    pub(super) kind: DbKind,
    pub(super) address: &'a str,
    pub(super) user: &'a str,
    pub(super) password: Option<&'a Secret>,
    pub(super) schema: &'a str,
}

/// Explains the first `most` statements that can be; what was asked and has no plan says why.
pub(super) fn explain_heaviest(
    at: &Where<'_>,
    statements: &mut [DigestDelta],
    raw: impl Fn(&str) -> Option<(String, bool)>,
    most: usize,
) {
    let until = Instant::now() + ALL;
    let mut session = match Session::new(at.address, at.user, at.password, at.schema) {
        Ok(session) => session,
        Err(gap) => return none(statements.iter_mut().take(most), &gap.why),
    };
    let limit = match at.kind {
        DbKind::Mysql => format!("SET SESSION max_execution_time = {}", RUN.as_millis()),
        DbKind::Mariadb => format!("SET SESSION max_statement_time = {}", RUN.as_secs()),
    };
    if let Err(gap) = session.ask(&limit) {
        return none(statements.iter_mut().take(most), &gap.why);
    }
    let mut seen = 0;
    for one in statements.iter_mut().filter(|one| one.verb == Verb::Select).take(most * LOOKED_AT) {
        if seen == most {
            return;
        }
        let plan = if Instant::now() < until {
            raw(&one.digest).map_or_else(
                || not_seen("the server keeps no sample of it"),
                |sample| plan(&mut session, at.kind, &sample),
            )
        } else {
            not_seen("there was no time left for it")
        };
        seen += usize::from(matches!(plan, QueryPlan::Recorded { .. }));
        one.plan = Some(plan);
    }
}

fn none<'a>(statements: impl Iterator<Item = &'a mut DigestDelta>, why: &str) {
    statements.for_each(|one| one.plan = Some(not_seen(why)));
}

fn not_seen(why: &str) -> QueryPlan {
    QueryPlan::Unavailable { why: why.to_owned() }
}

fn plan(session: &mut Session, kind: DbKind, (sample, cut): &(String, bool)) -> QueryPlan {
    if *cut {
        return not_seen("the server cut its sample: raise performance_schema_max_sql_text_length");
    }
    let Some(statement) = single_select(sample) else {
        return not_seen("its sample is not one plain SELECT");
    };
    let (analyze, explain) = match kind {
        DbKind::Mysql => (
            ("EXPLAIN ANALYZE", QueryPlanForm::ExplainAnalyze),
            ("EXPLAIN FORMAT=TREE", QueryPlanForm::ExplainTree),
        ),
        DbKind::Mariadb => (
            ("ANALYZE FORMAT=JSON", QueryPlanForm::AnalyzeJson),
            ("EXPLAIN FORMAT=JSON", QueryPlanForm::ExplainJson),
        ),
    };
    if !locks_or_writes(statement) {
        let started = Instant::now();
        let seen = session
            .ask(&format!("{} {statement}", analyze.0))
            .ok()
            .and_then(|table| shown(&table, analyze.1));
        // One that the server broke off says less than an estimate, and looks as if it said more.
        if let Some(plan) = seen.filter(|_| started.elapsed() < RUN.mul_f64(0.95)) {
            return plan;
        }
    }
    match session.ask(&format!("{} {statement}", explain.0)) {
        Ok(table) => shown(&table, explain.1).unwrap_or_else(|| not_seen("the server's answer was empty")),
        Err(gap) => not_seen(&gap.why),
    }
}

/// Pure: the plan's one cell, strings masked.
fn shown(table: &Table, form: QueryPlanForm) -> Option<QueryPlan> {
    let whole = table.rows.first().and_then(|row| text(row, 0))?.trim_end();
    let masked = match form {
        QueryPlanForm::ExplainTree | QueryPlanForm::ExplainAnalyze => mask(whole),
        QueryPlanForm::ExplainJson | QueryPlanForm::AnalyzeJson => mask_json(whole),
    };
    let (text, cut) = bound(&masked, LONGEST);
    (!text.is_empty()).then_some(QueryPlan::Recorded { form, text, cut })
}

/// In JSON every text stands in quotes: only what stands in single quotes within them is the statement's.
fn mask_json(json: &str) -> String {
    let mut parts = json.split('\'');
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for (at, part) in parts.enumerate() {
        if at % 2 == 0 {
            masked.push_str("'…'");
        } else {
            masked.push_str(part);
        }
    }
    masked
}

/// The statement when it is one, and reads: hostile text must not bring a second one along. `WITH` may lead to a
/// `DELETE`, so it is taken only without any word that writes.
fn single_select(sample: &str) -> Option<&str> {
    let statement = sample.trim().trim_end_matches(';').trim_end();
    let masked = mask(statement).to_ascii_uppercase();
    let reads = masked.starts_with("SELECT")
        || masked.starts_with(['(', 'W']) && !has_word(&masked, &["UPDATE", "DELETE", "INSERT", "REPLACE"]);
    (reads && verb(&masked) == Verb::Select && !masked.contains(';')).then_some(statement)
}

/// Does it lock rows, or leave something behind? Then it is explained, not run.
fn locks_or_writes(statement: &str) -> bool {
    has_word(&mask(statement).to_ascii_uppercase(), &["UPDATE", "SHARE", "INTO", "GET_LOCK", "SLEEP", "LOCK"])
}

fn has_word(text: &str, words: &[&str]) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| words.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_statement_that_reads_is_explained_and_only_one_without_locks_is_run() {
        assert_eq!(single_select(" SELECT 1; "), Some("SELECT 1"));
        assert_eq!(single_select("SELECT 'a;b' FROM t"), Some("SELECT 'a;b' FROM t"));
        for bad in ["SELECT 1; DROP TABLE t", "DELETE FROM t", "", "WITH a AS (SELECT 1) DELETE FROM t"] {
            assert_eq!(single_select(bad), None, "{bad}");
        }
        assert!(single_select("SELECT * FROM t FOR UPDATE").is_some());
        assert!(locks_or_writes("SELECT * FROM t FOR UPDATE") && locks_or_writes("SELECT 1 INTO @a"));
        assert!(!locks_or_writes("SELECT id, 'FOR UPDATE' FROM updates"));
    }

    #[test]
    fn plans_keep_their_shape_and_lose_their_strings() {
        let row = |text: &str| Table { columns: vec![], rows: vec![vec![Some(text.to_owned())]] };
        let tree = "-> Filter: (b.isbn = '978')\n    -> Index scan on b\n";
        let Some(QueryPlan::Recorded { text, cut: false, .. }) =
            shown(&row(tree), QueryPlanForm::ExplainTree)
        else {
            panic!("a plan")
        };
        assert_eq!(text, "-> Filter: (b.isbn = '…')\n    -> Index scan on b");
        let json = "{\"query_block\": {\"condition\": \"b.isbn = '978'\"}}";
        let Some(QueryPlan::Recorded { text, .. }) = shown(&row(json), QueryPlanForm::ExplainJson) else {
            panic!("a plan")
        };
        assert_eq!(text, "{\"query_block\": {\"condition\": \"b.isbn = '…'\"}}");
        assert_eq!(shown(&Table::default(), QueryPlanForm::ExplainTree), None);
    }
}
