//! Plans of the heaviest statements, from their samples: only `SELECT`, only on a disposable stack, only after the
//! load.

use std::time::{Duration, Instant};

use kneepoint_model::db::{DbKind, DigestDelta, QueryPlan, QueryPlanForm, Verb};
use kneepoint_model::text::clip;

use super::session::MysqlSession;
use super::table::{ResultTable, text};
use crate::store::plan::Secret;
use crate::store::sql::{mask_literals, parse_verb};

/// Limit for executing a statement to get its real rows and times; a slower one is only explained.
const ANALYZE_TIMEOUT: Duration = Duration::from_secs(1);
/// Limit for all plans of a server together.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(6);
/// Longest plan, in characters.
const MAX_PLAN_CHARS: usize = 8_000;
/// Statements tried per wanted plan, when the first ones have none.
const CANDIDATES_PER_PLAN: usize = 3;

/// Server and schema for a separate connection that explains statements.
pub(super) struct ExplainTarget<'a> {
    pub(super) kind: DbKind,
    pub(super) address: &'a str,
    pub(super) user: &'a str,
    pub(super) password: Option<&'a Secret>,
    pub(super) schema: &'a str,
}

/// Explains the first `most` statements that allow it; a statement without a plan gets the reason.
pub(super) fn explain_heaviest(
    target: &ExplainTarget<'_>,
    statements: &mut [DigestDelta],
    raw: impl Fn(&str) -> Option<(String, bool)>,
    most: usize,
) {
    let until = Instant::now() + TOTAL_TIMEOUT;
    let mut session = match MysqlSession::new(target.address, target.user, target.password, target.schema) {
        Ok(session) => session,
        Err(gap) => return mark_unavailable(statements.iter_mut().take(most), &gap.why),
    };
    let limit = match target.kind {
        DbKind::Mysql => format!("SET SESSION max_execution_time = {}", ANALYZE_TIMEOUT.as_millis()),
        DbKind::Mariadb => format!("SET SESSION max_statement_time = {}", ANALYZE_TIMEOUT.as_secs()),
    };
    if let Err(gap) = session.query(&limit) {
        return mark_unavailable(statements.iter_mut().take(most), &gap.why);
    }
    let mut explained = 0;
    for statement in statements
        .iter_mut()
        .filter(|statement| statement.verb == Verb::Select)
        .take(most * CANDIDATES_PER_PLAN)
    {
        if explained == most {
            return;
        }
        let plan = if Instant::now() < until {
            raw(&statement.digest).map_or_else(
                || unavailable_plan("the server keeps no sample of it"),
                |sample| explain_one(&mut session, target.kind, &sample),
            )
        } else {
            unavailable_plan("there was no time left for it")
        };
        explained += usize::from(matches!(plan, QueryPlan::Recorded { .. }));
        statement.plan = Some(plan);
    }
}

fn mark_unavailable<'a>(statements: impl Iterator<Item = &'a mut DigestDelta>, why: &str) {
    statements.for_each(|statement| statement.plan = Some(unavailable_plan(why)));
}

fn unavailable_plan(why: &str) -> QueryPlan {
    QueryPlan::Unavailable { why: why.to_owned() }
}

fn explain_one(session: &mut MysqlSession, kind: DbKind, (sample, cut): &(String, bool)) -> QueryPlan {
    if *cut {
        return unavailable_plan("the server cut its sample: raise performance_schema_max_sql_text_length");
    }
    let Some(statement) = single_select(sample) else {
        return unavailable_plan("its sample is not a single SELECT");
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
        let explained = session
            .query(&format!("{} {statement}", analyze.0))
            .ok()
            .and_then(|table| parse_plan(&table, analyze.1));
        // A plan that the server aborted contains less than an estimate, and looks like more.
        if let Some(plan) = explained.filter(|_| started.elapsed() < ANALYZE_TIMEOUT.mul_f64(0.95)) {
            return plan;
        }
    }
    match session.query(&format!("{} {statement}", explain.0)) {
        Ok(table) => parse_plan(&table, explain.1)
            .unwrap_or_else(|| unavailable_plan("the server returned an empty plan")),
        Err(gap) => unavailable_plan(&gap.why),
    }
}

/// Pure: the single cell of the result, with strings masked.
fn parse_plan(table: &ResultTable, form: QueryPlanForm) -> Option<QueryPlan> {
    let whole = table.rows.first().and_then(|row| text(row, 0))?.trim_end();
    let masked = match form {
        QueryPlanForm::ExplainTree | QueryPlanForm::ExplainAnalyze => mask_literals(whole),
        QueryPlanForm::ExplainJson | QueryPlanForm::AnalyzeJson => mask_json(whole),
    };
    let text = clip(&masked, MAX_PLAN_CHARS);
    let cut = text.len() < masked.len();
    (!text.is_empty()).then(|| QueryPlan::Recorded { form, text: text.to_owned(), cut })
}

/// In JSON every text is quoted: only text in single quotes belongs to the statement.
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

/// Returns the statement when it is a single read-only one: untrusted input must not add a second. `WITH` may lead
/// to a `DELETE`, so it is accepted only without a word that writes.
fn single_select(sample: &str) -> Option<&str> {
    let statement = sample.trim().trim_end_matches(';').trim_end();
    let masked = mask_literals(statement).to_ascii_uppercase();
    let reads = masked.starts_with("SELECT")
        || masked.starts_with(['(', 'W']) && !has_word(&masked, &["UPDATE", "DELETE", "INSERT", "REPLACE"]);
    (reads && parse_verb(&masked) == Verb::Select && !masked.contains(';')).then_some(statement)
}

/// True when it locks rows or leaves something behind; it is then explained but not executed.
fn locks_or_writes(statement: &str) -> bool {
    has_word(
        &mask_literals(statement).to_ascii_uppercase(),
        &["UPDATE", "SHARE", "INTO", "GET_LOCK", "SLEEP", "LOCK"],
    )
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
        let row = |text: &str| ResultTable { columns: vec![], rows: vec![vec![Some(text.to_owned())]] };
        let tree = "-> Filter: (b.isbn = '978')\n    -> Index scan on b\n";
        let Some(QueryPlan::Recorded { text, cut: false, .. }) =
            parse_plan(&row(tree), QueryPlanForm::ExplainTree)
        else {
            panic!("a plan")
        };
        assert_eq!(text, "-> Filter: (b.isbn = '…')\n    -> Index scan on b");
        let json = "{\"query_block\": {\"condition\": \"b.isbn = '978'\"}}";
        let Some(QueryPlan::Recorded { text, .. }) = parse_plan(&row(json), QueryPlanForm::ExplainJson)
        else {
            panic!("a plan")
        };
        assert_eq!(text, "{\"query_block\": {\"condition\": \"b.isbn = '…'\"}}");
        assert_eq!(parse_plan(&ResultTable::default(), QueryPlanForm::ExplainTree), None);
    }
}
