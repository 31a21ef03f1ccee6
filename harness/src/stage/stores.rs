//! Counters of databases and caches over the measured part of one load phase → `db/<phase>.json`.

use std::thread;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::db::{CoveredRequests, DbWindow};
use kneepoint_model::load::LoadPhase;
use kneepoint_model::run::{FORMAT_VERSION, RunFolder, names};
use kneepoint_model::stack::StackInfo;
use kneepoint_model::units::UnixMillis;
use kneepoint_profiler::{StorePlan, StoreReadings, StoreWatch};
use serde::Deserialize;

use crate::failure::Failure;
use crate::run::Run;

/// Statements of each database that are explained after a phase, on a throw-away stack.
const EXPLAINED_STATEMENTS: usize = 5;

/// Time between two reads of the phase's plan file.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Connects to the stack's databases and caches; `None` when none of them has counters.
pub(crate) fn watch_stores(stack: &StackInfo) -> Result<Option<StoreWatch>, Failure> {
    let plan = StorePlan::for_stack(stack);
    if plan.is_empty() {
        return Ok(None);
    }
    StoreWatch::start(&plan).map(Some).map_err(Failure::internal)
}

/// Runs a load phase, and reads the counters at the start of its measured part and after its last request.
pub(crate) fn with_store_counters(
    name: &str,
    run: &mut Run,
    load: impl FnOnce(&mut Run) -> Result<LoadPhase, Failure>,
) -> Result<LoadPhase, Failure> {
    let Some(stores) = run.stores.take() else { return load(run) };
    let (over, folder, since) = (Cancel::new(), run.folder.clone(), UnixMillis::now());
    let (result, begun) = thread::scope(|scope| {
        let begins = scope.spawn(|| {
            let measured = wait_for_measured_part(&folder, name, since, &over);
            if measured {
                stores.begin();
            }
            measured
        });
        let result = load(run);
        over.cancel();
        (result, begins.join().unwrap_or(false))
    });
    if let (Ok(phase), true) = (&result, begun) {
        let readings = stores.end(EXPLAINED_STATEMENTS, &run.shutdown.cancel);
        run.add_unmeasured(readings.unmeasured.iter().cloned());
        run.folder.write_json(&names::db(name), &db_window(phase, readings))?;
    }
    run.stores = Some(stores);
    result
}

fn db_window(phase: &LoadPhase, readings: StoreReadings) -> DbWindow {
    DbWindow {
        format_version: FORMAT_VERSION,
        phase: phase.name.clone(),
        from_ms: readings.from_ms,
        until_ms: readings.until_ms,
        requests: CoveredRequests::for_phase(phase, readings.from_ms),
        drain: readings.drain,
        databases: readings.databases,
        caches: readings.caches,
        unmeasured: readings.unmeasured,
    }
}

/// The one field of a phase's plan file that is needed here.
#[derive(Deserialize)]
struct PhaseTimes {
    measured_from_ms: UnixMillis,
}

/// Waits until the measured part begins; the load generator writes the time before its first request. False when the phase
/// ended before. A plan from before `since` belongs to an earlier phase of this name.
fn wait_for_measured_part(folder: &RunFolder, name: &str, since: UnixMillis, over: &Cancel) -> bool {
    let plan = names::load_plan(name);
    loop {
        let times = folder.read_json_if_exists::<PhaseTimes>(&plan).ok().flatten();
        if let Some(times) = times.filter(|times| times.measured_from_ms >= since) {
            let left = times.measured_from_ms - UnixMillis::now();
            return !over.sleep(Duration::from_millis(left.get()));
        }
        if over.sleep(POLL_INTERVAL) {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_measured_part_is_waited_for_and_an_older_plan_is_not_taken() {
        let home = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(home.path(), "r").unwrap();
        let since = UnixMillis::now();
        let write = |at: u64| {
            let plan = serde_json::json!({"format_version": 1, "measured_from_ms": at});
            folder.write_json(&names::load_plan("closed"), &plan).unwrap();
        };
        write(since.0 - 5_000);
        let over = Cancel::new();
        let waited = thread::scope(|scope| {
            let waits = scope.spawn(|| wait_for_measured_part(&folder, "closed", since, &over));
            thread::sleep(Duration::from_millis(60));
            assert!(!waits.is_finished(), "the older plan was taken");
            write(since.0 + 200);
            waits.join().unwrap()
        });
        let now = UnixMillis::now();
        assert!(waited && now.0 >= since.0 + 200, "{now:?} {since:?}");
        over.cancel();
        write(since.0 + 60_000);
        assert!(!wait_for_measured_part(&folder, "closed", since, &over));
    }
}
