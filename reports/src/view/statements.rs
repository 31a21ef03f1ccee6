//! Statements from the database's own counters: by total time, with rows, locks and plans.

use kneepoint_model::db::{DatabaseWindow, DbWindow, DigestDelta, QueryPlan, QueryPlanForm};
use kneepoint_model::text::sanitize;
use kneepoint_model::units::{Micros, Ratio};

use crate::format::{MAX_TEXT, count, count_with_noun, micros, number, slug};
use crate::view::block::{Block, Cell, Table, Tone};

/// Maximum number of statements in the table.
const MAX_STATEMENTS: usize = 25;
/// Maximum length, in characters, of a statement in the table.
const MAX_STATEMENT_TEXT: usize = 400;
/// Maximum number of plans.
const MAX_PLANS: usize = 8;
/// Rows examined per row returned from which the value is highlighted.
const HIGH_ROWS_EXAMINED: f64 = 100.0;
/// Share of lock-wait time above which the value is highlighted.
const HIGH_LOCK_SHARE: f64 = 0.5;

/// The statements of one server in one phase, or the reason why there are none.
pub(crate) fn blocks(window: &DbWindow, database: &DatabaseWindow) -> Vec<Block> {
    if !database.statements_known {
        return vec![Block::missing(
            "This server has no statement statistics because `performance_schema` is off. Enable it in the server \
             configuration and restart the server.",
        )];
    }
    if database.statements.is_empty() {
        return vec![Block::note("The site executed no statement in this phase.")];
    }
    let mut blocks = vec![Block::Table(table(window, database)), Block::note(describe_rest(database))];
    if database.digests_lost > 0 {
        blocks.push(Block::missing(format!(
            "The list is incomplete: {} did not fit in the server's digest table. Increase `performance_schema_digests_size`.",
            count_with_noun(database.digests_lost, "statement", "statements")
        )));
    }
    blocks.extend(plans(database));
    blocks
}

fn table(window: &DbWindow, database: &DatabaseWindow) -> Table {
    let total = database.total().timer_us;
    let id = slug(&format!("table-digests-{}-{}", window.phase, database.address));
    Table::new(
        &id,
        format!("{}: statements of schema `{}`, highest total time first", window.phase, database.schema),
    )
    .text_column("Statement")
    .number_column("Time", "Total server-side time, and its share of all statements of the site.")
    .number_column("Per request", "Executions per request, over all requests of the phase.")
    .number_column("Mean", "Mean server-side time per execution; below it CPU time.")
    .number_column(
        "Rows examined",
        "Mean rows examined per execution. MySQL reports 0 for COUNT(*), whatever it reads.",
    )
    .number_column("Rows returned", "Mean rows returned or changed per execution.")
    .number_column(
        "Lock wait",
        "Share of the execution time spent waiting for locks; in MySQL this includes row locks.",
    )
    .text_column("Route")
    .with_rows(database.statements.iter().take(MAX_STATEMENTS).map(|digest| row(window, digest, total)))
    .filterable()
}

fn row(window: &DbWindow, digest: &DigestDelta, total: Micros) -> Vec<Cell> {
    let sums = &digest.sums;
    let each = |n: u64| n as f64 / sums.count.max(1) as f64;
    let rows = |n: f64| Cell::value(number(n, 1), n);
    let share = Ratio::from_parts(sums.timer_us.get(), total.get())
        .map_or_else(String::new, |share| share.to_string());
    let returned = each(sums.rows_sent + sums.rows_affected);
    let wide = sums.rows_examined as f64 >= sums.count.max(1) as f64 * HIGH_ROWS_EXAMINED
        && each(sums.rows_examined) >= HIGH_ROWS_EXAMINED * returned.max(1.0);
    let cpu = sums.cpu_us.map_or_else(
        || "CPU not measured".to_owned(),
        |cpu| format!("{} CPU", micros(cpu.as_f64() / sums.count.max(1) as f64)),
    );
    let failed = if sums.errors > 0 { format!("{} failed", count(sums.errors)) } else { String::new() };
    let route =
        digest.sample.as_ref().and_then(|sample| sample.route.as_deref()).filter(|route| !route.is_empty());
    vec![
        Cell::code(sanitize(&tidy(&digest.text), MAX_STATEMENT_TEXT)).with_note(failed),
        Cell::micros(sums.timer_us).with_note(share),
        Cell::optional(window.per_request(sums.count), |per| Cell::value(number(per, 2), per), "no requests")
            .with_note(format!("{} in total", count(sums.count))),
        Cell::optional(sums.mean_us(), Cell::micros, "not executed").with_note(cpu),
        rows(each(sums.rows_examined)).with_tone(if wide { Tone::Warn } else { Tone::Plain }),
        rows(returned),
        Cell::optional(sums.lock_share(), lock_cell, "no time recorded"),
        Cell::optional(route, Cell::text, "unknown"),
    ]
}

fn lock_cell(share: Ratio) -> Cell {
    Cell::ratio(share).with_tone(if share.0 > HIGH_LOCK_SHARE { Tone::Warn } else { Tone::Plain })
}

/// MySQL separates every token of a digest with spaces; qualified names are joined again for reading.
fn tidy(text: &str) -> String {
    text.replace("` . `", "`.`").replace(" ,", ",").replace("( * )", "(*)")
}

/// Statements outside the table: less frequent ones, transaction control, other schemas.
fn describe_rest(database: &DatabaseWindow) -> String {
    let hidden = database.statements.len().saturating_sub(MAX_STATEMENTS);
    let mut parts = Vec::new();
    if hidden > 0 || database.others.count > 0 {
        let (executions, time) = database
            .statements
            .iter()
            .skip(MAX_STATEMENTS)
            .fold((database.others.count, database.others.timer_us), |(executions, time), one| {
                (executions + one.sums.count, time + one.sums.timer_us)
            });
        parts.push(format!("{} executions of other statements of the site ({time})", count(executions)));
    }
    let session = &database.session.sums;
    parts.push(format!(
        "{} statements for transactions and sessions such as COMMIT and SET autocommit ({})",
        count(session.count),
        session.timer_us
    ));
    if database.foreign.count > 0 {
        parts.push(format!(
            "{} statements of other schemas ({})",
            count(database.foreign.count),
            database.foreign.timer_us
        ));
    }
    format!("Not in the table: {}.", parts.join("; "))
}

fn plans(database: &DatabaseWindow) -> Option<Block> {
    let mut inner = Vec::new();
    for digest in database.statements.iter().filter(|digest| digest.plan.is_some()).take(MAX_PLANS) {
        inner.push(Block::heading(sanitize(&tidy(&digest.text), 160)));
        match digest.plan.as_ref()? {
            QueryPlan::Recorded { form, text, cut } => {
                inner.push(Block::note(format!(
                    "{}{}",
                    plan_form_label(*form),
                    if *cut { " (cut)" } else { "" }
                )));
                inner.push(Block::Source { text: sanitize_lines(text) });
            }
            QueryPlan::Unavailable { why } => {
                inner.push(Block::missing(format!("No plan: {}.", sanitize(why, MAX_TEXT))));
            }
        }
    }
    (!inner.is_empty()).then(|| Block::fold("Execution plans of the heaviest statements", inner))
}

/// Sanitizes line by line, so that line breaks are kept.
fn sanitize_lines(text: &str) -> String {
    let kept: Vec<String> = text.lines().take(80).map(|line| sanitize(line, 300)).collect();
    if kept.iter().all(|line| line.trim().is_empty()) { "(empty)".to_owned() } else { kept.join("\n") }
}

const fn plan_form_label(form: QueryPlanForm) -> &'static str {
    match form {
        QueryPlanForm::ExplainTree => "EXPLAIN FORMAT=TREE: estimates; the statement is not executed.",
        QueryPlanForm::ExplainAnalyze => "EXPLAIN ANALYZE: the statement is executed once, after the load.",
        QueryPlanForm::ExplainJson => "EXPLAIN FORMAT=JSON: estimates; the statement is not executed.",
        QueryPlanForm::AnalyzeJson => "ANALYZE FORMAT=JSON: the statement is executed once, after the load.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_like_a_statement() {
        assert_eq!(tidy("SELECT COUNT ( * ) , `a` . `b` FROM `a`"), "SELECT COUNT (*), `a`.`b` FROM `a`");
    }

    #[test]
    fn lines_of_a_plan_stay_and_cannot_move_the_cursor() {
        assert_eq!(sanitize_lines("-> a\n  -> \u{1b}[2Jb"), "-> a\n  -> \u{fffd}[2Jb");
        assert_eq!(sanitize_lines(" \n"), "(empty)");
    }
}
