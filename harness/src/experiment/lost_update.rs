//! Is anything sold twice? Isolation level × way of buying, with many buyers of one book: a stack of its own for each cell,
//! because each must begin with the same books.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::time::Duration;

use kneepoint_analysis::experiment::{conclusions, lost_update_verdict};
use kneepoint_loadgen::{BlockLoad, PhasePlan};
use kneepoint_model::correctness::StockAudit;
use kneepoint_model::experiment::{CodeOutcome, LostUpdateRow, LostUpdateTable, Signal, ToggleResult};
use kneepoint_model::load::{LoadModel, LoadPhase};
use kneepoint_model::units::{Micros, PerSecond, Ratio};
use kneepoint_scenarios::Scenario;
use kneepoint_stack::toggle::Toggle;
use kneepoint_stack::{Database, Topology};

use super::bench::Bench;
use super::counters::Counters;
use super::ground::{Ground, NoGround, stand_as};
use super::pairs::not_run;
use super::result;
use super::write::Book;
use crate::failure::Failure;
use crate::stage::audit::{self, Books};

/// Buyers at the same time, and workers that serve them.
const BUYERS: u16 = 8;
/// How long they buy.
const CELL: Duration = Duration::from_secs(3);
/// The book of the scenario.
const BOOK: u64 = 1;
/// The step that buys.
const BUY: &str = "POST /buy/<id>/";
const ISOLATION: [&str; 3] = ["serializable", "repeatable read", "read committed"];
/// Ways of buying, with how often a deadlock is tried again.
const CODES: [(&str, u32); 4] = [("naive", 0), ("naive", 20), ("for_update", 20), ("conditional", 20)];

/// Fills the table, cell by cell.
pub(super) fn table(
    toggle: &Toggle,
    place: &str,
    bench: &Bench<'_>,
    book: &mut Book,
) -> Result<ToggleResult, Failure> {
    let mut topology = Topology::named("gunicorn").map_err(|error| crate::stage::up::failure(&error))?;
    (topology.db, topology.engine, topology.workers) =
        (Some(Database::Mysql), false, NonZeroU16::new(BUYERS));
    let cells: Vec<(&str, (&str, u32))> =
        ISOLATION.iter().flat_map(|isolation| CODES.iter().map(move |code| (*isolation, *code))).collect();
    let (mut rows, mut database) = (Vec::new(), String::new());
    let total = u32::try_from(cells.len()).unwrap_or(u32::MAX);
    for (done, (isolation, (code, retries))) in (0..).zip(cells) {
        if bench.stop.cancel.is_set() {
            break;
        }
        bench.progress(done, total, &format!("{place}: {code}, {retries} retries, {isolation}"));
        let env = BTreeMap::from(
            [
                ("KP_AUDIT", "1"),
                ("KP_ISOLATION", isolation),
                ("KP_PURCHASE", code),
                ("KP_PURCHASE_RETRIES", &retries.to_string()),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let ground = match stand_as(&topology, &env, "a", &toggle.name, bench) {
            Ok(ground) => ground,
            Err(none @ NoGround::Missing { .. }) if rows.is_empty() => return not_run(toggle, none, book),
            Err(NoGround::Missing { why, .. }) => {
                rows.push(row(isolation, code, retries, CodeOutcome::NotRun { why }));
                continue;
            }
            Err(NoGround::Ends(failure)) => return Err(failure),
        };
        book.versions(&ground.info().versions);
        let tier = ground.info().tiers.iter().find(|tier| tier.tier == kneepoint_model::tier::Tier::Db);
        database = tier.map_or_else(|| "an unknown database".to_owned(), |tier| tier.what.clone());
        let outcome = cell(&ground, bench);
        ground.down()?;
        rows.push(row(isolation, code, retries, outcome.unwrap_or_else(|why| CodeOutcome::NotRun { why })));
    }
    let judged = lost_update_verdict(&rows);
    let table = LostUpdateTable {
        buyers: u32::from(BUYERS),
        cell_us: Micros::from_duration(CELL),
        database,
        conclusions: conclusions(&rows),
        rows,
    };
    book.lost_update(table);
    let (without, with) = ("lower isolation levels", "SERIALIZABLE");
    let ending = result::ending(judged, bench.stop.cancel.is_set());
    Ok(result::special(toggle, Signal::Oversold, without, with, ending))
}

fn row(isolation: &str, code: &str, retries: u32, outcome: CodeOutcome) -> LostUpdateRow {
    LostUpdateRow { isolation: isolation.to_owned(), code: code.to_owned(), retries, outcome }
}

fn cell(ground: &Ground, bench: &Bench<'_>) -> Result<CodeOutcome, String> {
    let (info, cancel) = (ground.info(), &bench.stop.cancel);
    let scenario = Scenario::from_library("hot-book").map_err(|error| error.to_string())?;
    let model = LoadModel::Closed { users: u32::from(BUYERS) };
    let mut plan = PhasePlan::new("hot-book", model, info.base_url.clone(), vec![(scenario, 1)]);
    (plan.options.think_scale, plan.options.seed) = (0.0, bench.stack.seed);
    let mut load = BlockLoad::new(plan).map_err(|error| error.to_string())?;
    let counters = Counters::of(info)?;
    let before = audit::count(info, Books::One(BOOK), cancel)?.count();
    if let Some(counters) = &counters {
        counters.begin();
    }
    let phase = load.run(CELL, cancel).map_err(|error| error.to_string())?;
    let window = counters.as_ref().and_then(|counters| counters.end(cancel));
    let audit = StockAudit::of(before, audit::count(info, Books::One(BOOK), cancel)?.count());
    let locks = window.as_ref().map(|window| window.status.locks);
    Ok(ran(&phase, audit, locks.and_then(|locks| locks.deadlocks), locks.map(|locks| locks.row_waits)))
}

/// What came of a cell. Pure.
fn ran(phase: &LoadPhase, audit: StockAudit, deadlocks: Option<u64>, lock_waits: Option<u64>) -> CodeOutcome {
    let buying = phase.endpoints.iter().find(|endpoint| endpoint.name == BUY);
    let (tried, went_well, sold_out) = buying.map_or((0, 0, 0), |endpoint| {
        let status = |status| endpoint.statuses.get(&status).copied().unwrap_or(0);
        (endpoint.requests, status(302), status(409))
    });
    let failed = tried.saturating_sub(went_well + sold_out);
    CodeOutcome::Ran {
        bought: PerSecond::of(went_well, phase.measured()),
        tried,
        failed,
        failed_share: Ratio::of(failed, tried),
        deadlocks,
        lock_waits,
        audit,
        oversold: i64::try_from(audit.unaccounted()).unwrap_or(i64::MAX),
    }
}
