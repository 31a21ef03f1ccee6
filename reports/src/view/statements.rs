//! Statements as the database counted them: by total time, with rows, locks and plans.

use kneepoint_model::db::{DatabaseWindow, DbWindow, DigestDelta, QueryPlan, QueryPlanForm};
use kneepoint_model::units::{Micros, Ratio};

use crate::format::{clean, clean_to, count, micros, number, plural, slug};
use crate::view::block::{Block, Cell, Table, Tone};

/// Most statements that are shown.
const SHOWN: usize = 25;
/// Longest text of a statement in the table.
const TEXT: usize = 400;
/// Most plans that are shown.
const PLANS: usize = 8;
/// Rows read for each row returned from which it catches the eye.
const MANY_ROWS: f64 = 100.0;
/// Share of waiting for locks from which it catches the eye.
const MUCH_WAITING: f64 = 0.5;

/// The statements of one server over one phase, or why there are none.
pub(crate) fn blocks(window: &DbWindow, database: &DatabaseWindow) -> Vec<Block> {
    if !database.statements_known {
        return vec![Block::missing(
            "This server does not count its statements: `performance_schema` is off. Switch it on in the server's own \
             configuration and start it again.",
        )];
    }
    if database.statements.is_empty() {
        return vec![Block::note("The site made no statement in this phase.")];
    }
    let mut blocks = vec![Block::Table(table(window, database)), Block::note(rest(database))];
    if database.digests_lost > 0 {
        blocks.push(Block::missing(format!(
            "{} found no room in the server's table, so the list is not whole: raise `performance_schema_digests_size`.",
            plural(database.digests_lost, "statement", "statements")
        )));
    }
    blocks.extend(plans(database));
    blocks
}

fn table(window: &DbWindow, database: &DatabaseWindow) -> Table {
    let total = database.total().timer_us;
    let id = slug(&format!("table-digests-{}-{}", window.phase, database.address));
    Table::new(&id, format!("{}: statements of `{}`, most time first", window.phase, database.schema))
        .words("Statement")
        .numbers(
            "Time",
            "Total time by the database's own timer, and its share of all statements of the site.",
        )
        .numbers("A request", "Executions for each request of any kind.")
        .numbers("Each", "Mean time of an execution by the database's own timer; below it CPU time.")
        .numbers(
            "Rows read",
            "Mean rows examined by an execution. MySQL says 0 for COUNT(*), whatever it reads.",
        )
        .numbers("Rows returned", "Mean rows returned, or changed, by an execution.")
        .numbers("Waiting for locks", "Share of its time; in MySQL waits for rows count too.")
        .words("Route")
        .with(database.statements.iter().take(SHOWN).map(|digest| row(window, digest, total)))
        .filtered()
}

fn row(window: &DbWindow, digest: &DigestDelta, total: Micros) -> Vec<Cell> {
    let sums = &digest.sums;
    let each = |n: u64| n as f64 / sums.count.max(1) as f64;
    let rows = |n: f64| Cell::value(number(n, 1), n);
    let share = Ratio::from_parts(sums.timer_us.get(), total.get())
        .map_or_else(String::new, |share| share.to_string());
    let returned = each(sums.rows_sent + sums.rows_affected);
    let wide = sums.rows_examined as f64 >= sums.count.max(1) as f64 * MANY_ROWS
        && each(sums.rows_examined) >= MANY_ROWS * returned.max(1.0);
    let cpu = sums.cpu_us.map_or_else(
        || "CPU not counted".to_owned(),
        |cpu| format!("{} CPU", micros(cpu.as_f64() / sums.count.max(1) as f64)),
    );
    let failed = if sums.errors > 0 { format!("{} failed", count(sums.errors)) } else { String::new() };
    let route =
        digest.sample.as_ref().and_then(|sample| sample.route.as_deref()).filter(|route| !route.is_empty());
    vec![
        Cell::code(clean_to(&tidy(&digest.text), TEXT)).noted(failed),
        Cell::micros(sums.timer_us).noted(share),
        Cell::maybe(window.per_request(sums.count), |per| Cell::value(number(per, 2), per), "no requests")
            .noted(format!("{} in all", count(sums.count))),
        Cell::maybe(sums.mean_us(), Cell::micros, "none ran").noted(cpu),
        rows(each(sums.rows_examined)).toned(if wide { Tone::Warn } else { Tone::Plain }),
        rows(returned),
        Cell::maybe(sums.lock_share(), lock_cell, "no time"),
        Cell::maybe(route, Cell::text, "not named"),
    ]
}

fn lock_cell(share: Ratio) -> Cell {
    Cell::ratio(share).toned(if share.0 > MUCH_WAITING { Tone::Warn } else { Tone::Plain })
}

/// MySQL sets every token of a digest apart; for reading, names are drawn together again.
fn tidy(text: &str) -> String {
    text.replace("` . `", "`.`").replace(" ,", ",").replace("( * )", "(*)")
}

/// What is beyond the list: other statements, transactions, neighbours.
fn rest(database: &DatabaseWindow) -> String {
    let hidden = database.statements.len().saturating_sub(SHOWN);
    let mut parts = Vec::new();
    if hidden > 0 || database.others.count > 0 {
        let (executions, time) = database
            .statements
            .iter()
            .skip(SHOWN)
            .fold((database.others.count, database.others.timer_us), |(executions, time), one| {
                (executions + one.sums.count, time + one.sums.timer_us)
            });
        parts.push(format!("{} executions of other statements of the site took {time}", count(executions)));
    }
    let session = &database.session.sums;
    parts.push(format!(
        "{} statements around transactions and sessions (COMMIT, SET autocommit …) took {}",
        count(session.count),
        session.timer_us
    ));
    if database.foreign.count > 0 {
        parts.push(format!(
            "{} statements of other schemas took {}",
            count(database.foreign.count),
            database.foreign.timer_us
        ));
    }
    format!("Not in the table: {}.", parts.join("; "))
}

fn plans(database: &DatabaseWindow) -> Option<Block> {
    let mut inner = Vec::new();
    for digest in database.statements.iter().filter(|digest| digest.plan.is_some()).take(PLANS) {
        inner.push(Block::heading(clean_to(&tidy(&digest.text), 160)));
        match digest.plan.as_ref()? {
            QueryPlan::Recorded { form, text, cut } => {
                inner.push(Block::note(format!("{}{}", said(*form), if *cut { " (cut)" } else { "" })));
                inner.push(Block::Source { text: lines(text) });
            }
            QueryPlan::Unavailable { why } => {
                inner.push(Block::missing(format!("There is no plan: {}.", clean(why))));
            }
        }
    }
    (!inner.is_empty()).then(|| Block::fold("How the server runs the heaviest", inner))
}

/// Every line cleaned by itself, so that line breaks stay.
fn lines(text: &str) -> String {
    let kept: Vec<String> = text.lines().take(80).map(|line| clean_to(line, 300)).collect();
    if kept.iter().all(|line| line.trim().is_empty()) { "(empty)".to_owned() } else { kept.join("\n") }
}

const fn said(form: QueryPlanForm) -> &'static str {
    match form {
        QueryPlanForm::ExplainTree => "EXPLAIN FORMAT=TREE: estimates; the statement was not run.",
        QueryPlanForm::ExplainAnalyze => "EXPLAIN ANALYZE: the statement was run once, after the load.",
        QueryPlanForm::ExplainJson => "EXPLAIN FORMAT=JSON: estimates; the statement was not run.",
        QueryPlanForm::AnalyzeJson => "ANALYZE FORMAT=JSON: the statement was run once, after the load.",
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
        assert_eq!(lines("-> a\n  -> \u{1b}[2Jb"), "-> a\n  -> \u{fffd}[2Jb");
        assert_eq!(lines(" \n"), "(empty)");
    }
}
