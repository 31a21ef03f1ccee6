//! The lost-update test: isolation level × purchase code, with many buyers of one book. Each cell has a stack of its own, so
//! that all start with the same stock.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::time::Duration;

use kneepoint_analysis::experiment::{lost_update_verdict, summarise_lost_updates};
use kneepoint_loadgen::{BlockLoad, PhasePlan};
use kneepoint_model::correctness::StockAudit;
use kneepoint_model::experiment::{CodeOutcome, LostUpdateRow, LostUpdateTable, Signal, ToggleResult};
use kneepoint_model::load::{LoadModel, LoadPhase};
use kneepoint_model::units::{Micros, PerSecond, Ratio};
use kneepoint_scenarios::Scenario;
use kneepoint_stack::toggle::Toggle;
use kneepoint_stack::{Database, Topology};

use super::context::ExperimentContext;
use super::counters::DbCounters;
use super::journal::ExperimentJournal;
use super::pairs::not_run;
use super::result;
use super::testbed::{Testbed, TestbedError, bring_up_topology};
use crate::failure::Failure;
use crate::stage::stock_check::{self, BookRange};

/// Concurrent buyers, and workers that serve them.
const BUYERS: u16 = 8;
/// Length of the load of one cell.
const CELL_TIME: Duration = Duration::from_secs(3);
/// Key of the book that the scenario buys.
const BOOK_KEY: u64 = 1;
/// Name of the step that buys.
const BUY_STEP: &str = "POST /buy/<id>/";
const ISOLATION_LEVELS: [&str; 3] = ["serializable", "repeatable read", "read committed"];
/// Purchase code of the bookstore, and retries after a deadlock.
const PURCHASE_CODES: [(&str, u32); 4] =
    [("naive", 0), ("naive", 20), ("for_update", 20), ("conditional", 20)];

/// Measures the table cell by cell.
pub(super) fn measure_lost_updates(
    toggle: &Toggle,
    position: &str,
    context: &ExperimentContext<'_>,
    journal: &mut ExperimentJournal,
) -> Result<ToggleResult, Failure> {
    let mut topology = Topology::named("gunicorn")?;
    (topology.db, topology.engine, topology.workers) =
        (Some(Database::Mysql), false, NonZeroU16::new(BUYERS));
    let cells: Vec<(&str, (&str, u32))> = ISOLATION_LEVELS
        .iter()
        .flat_map(|isolation| PURCHASE_CODES.iter().map(move |code| (*isolation, *code)))
        .collect();
    let (mut rows, mut database) = (Vec::new(), String::new());
    let total = u32::try_from(cells.len()).unwrap_or(u32::MAX);
    for (done, (isolation, (code, retries))) in (0..).zip(cells) {
        if context.shutdown.cancel.is_cancelled() {
            break;
        }
        context.progress(done, total, &format!("{position}: {code}, {retries} retries, {isolation}"));
        let env = BTreeMap::from(
            [
                ("KP_AUDIT", "1"),
                ("KP_ISOLATION", isolation),
                ("KP_PURCHASE", code),
                ("KP_PURCHASE_RETRIES", &retries.to_string()),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let testbed = match bring_up_topology(&topology, &env, "a", &toggle.name, context) {
            Ok(testbed) => testbed,
            Err(error @ TestbedError::Missing { .. }) if rows.is_empty() => {
                return not_run(toggle, error, journal);
            }
            Err(TestbedError::Missing { why, .. }) => {
                rows.push(row(isolation, code, retries, CodeOutcome::NotRun { why }));
                continue;
            }
            Err(TestbedError::Fatal(failure)) => return Err(failure),
        };
        journal.add_versions(&testbed.info().versions);
        let tier = testbed.info().tiers.iter().find(|tier| tier.tier == kneepoint_model::tier::Tier::Db);
        database = tier.map_or_else(|| "an unknown database".to_owned(), |tier| tier.what.clone());
        let outcome = measure_cell(&testbed, context);
        testbed.down()?;
        rows.push(row(isolation, code, retries, outcome.unwrap_or_else(|why| CodeOutcome::NotRun { why })));
    }
    let judged = lost_update_verdict(&rows);
    let table = LostUpdateTable {
        buyers: u32::from(BUYERS),
        cell_us: Micros::from_duration(CELL_TIME),
        database,
        conclusions: summarise_lost_updates(&rows),
        rows,
    };
    journal.set_lost_update(table);
    let (without, with) = ("lower isolation levels", "SERIALIZABLE");
    let ending = result::ending(judged, context.shutdown.cancel.is_cancelled());
    Ok(result::special_result(toggle, Signal::Oversold, without, with, ending))
}

fn row(isolation: &str, code: &str, retries: u32, outcome: CodeOutcome) -> LostUpdateRow {
    LostUpdateRow { isolation: isolation.to_owned(), code: code.to_owned(), retries, outcome }
}

fn measure_cell(testbed: &Testbed, context: &ExperimentContext<'_>) -> Result<CodeOutcome, String> {
    let (info, cancel) = (testbed.info(), &context.shutdown.cancel);
    let scenario = Scenario::from_library("hot-book").map_err(|error| error.to_string())?;
    let model = LoadModel::Closed { users: u32::from(BUYERS) };
    let mut plan = PhasePlan::new("hot-book", model, info.base_url.clone(), vec![(scenario, 1)]);
    (plan.options.think_scale, plan.options.seed) = (0.0, context.stack.seed);
    let mut load = BlockLoad::new(plan).map_err(|error| error.to_string())?;
    let counters = DbCounters::for_stack(info)?;
    let before = stock_check::count_stock(info, BookRange::One(BOOK_KEY), cancel)?.count();
    if let Some(counters) = &counters {
        counters.begin();
    }
    let phase = load.run(CELL_TIME, cancel).map_err(|error| error.to_string())?;
    let window = counters.as_ref().and_then(|counters| counters.end(cancel));
    let audit = StockAudit::from_counts(
        before,
        stock_check::count_stock(info, BookRange::One(BOOK_KEY), cancel)?.count(),
    );
    let locks = window.as_ref().map(|window| window.status.locks);
    Ok(cell_outcome(
        &phase,
        audit,
        locks.and_then(|locks| locks.deadlocks),
        locks.map(|locks| locks.row_waits),
    ))
}

/// The outcome of a cell that ran. Pure.
fn cell_outcome(
    phase: &LoadPhase,
    audit: StockAudit,
    deadlocks: Option<u64>,
    lock_waits: Option<u64>,
) -> CodeOutcome {
    let purchases = phase.endpoints.iter().find(|endpoint| endpoint.name == BUY_STEP);
    let (tried, succeeded, sold_out) = purchases.map_or((0, 0, 0), |endpoint| {
        let status = |status| endpoint.statuses.get(&status).copied().unwrap_or(0);
        (endpoint.requests, status(302), status(409))
    });
    let failed = tried.saturating_sub(succeeded + sold_out);
    CodeOutcome::Ran {
        bought: PerSecond::from_count(succeeded, phase.measured()),
        tried,
        failed,
        failed_share: Ratio::from_parts(failed, tried),
        deadlocks,
        lock_waits,
        audit,
        oversold: i64::try_from(audit.unaccounted()).unwrap_or(i64::MAX),
    }
}
