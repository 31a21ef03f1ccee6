//! Around one phase of load: what databases and caches counted over its measured part → `db/<phase>.json`.

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
const EXPLAINED: usize = 5;

/// How often it is looked whether the phase has said when its measured part begins.
const LOOK: Duration = Duration::from_millis(20);

/// Watches the stack's databases and caches, when it has any that can be asked.
pub(crate) fn watch(stack: &StackInfo) -> Result<Option<StoreWatch>, Failure> {
    let plan = StorePlan::for_stack(stack);
    if plan.is_empty() {
        return Ok(None);
    }
    StoreWatch::start(&plan).map(Some).map_err(Failure::internal)
}

/// Runs a phase of load, and reads the servers' counters when its measured part begins and after its last request.
pub(crate) fn counted(
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
        over.set();
        (result, begins.join().unwrap_or(false))
    });
    if let (Ok(phase), true) = (&result, begun) {
        let readings = stores.end(EXPLAINED, &run.stop.cancel);
        run.unmeasured(readings.unmeasured.iter().cloned());
        run.folder.write_json(&names::db(name), &window(phase, readings))?;
    }
    run.stores = Some(stores);
    result
}

fn window(phase: &LoadPhase, readings: StoreReadings) -> DbWindow {
    DbWindow {
        format_version: FORMAT_VERSION,
        phase: phase.name.clone(),
        from_ms: readings.from_ms,
        until_ms: readings.until_ms,
        requests: CoveredRequests::of(phase, readings.from_ms),
        drain: readings.drain,
        databases: readings.databases,
        caches: readings.caches,
        unmeasured: readings.unmeasured,
    }
}

/// What is needed of a phase's plan.
#[derive(Deserialize)]
struct PhaseTimes {
    measured_from_ms: UnixMillis,
}

/// Waits until the measured part begins, as the load generator wrote down before its first request; false when the
/// phase was over before that. A plan from `since` or earlier belongs to another phase of this name.
fn wait_for_measured_part(folder: &RunFolder, name: &str, since: UnixMillis, over: &Cancel) -> bool {
    let plan = names::load_plan(name);
    loop {
        let times = folder.read_json_if_there::<PhaseTimes>(&plan).ok().flatten();
        if let Some(times) = times.filter(|times| times.measured_from_ms >= since) {
            let left = times.measured_from_ms - UnixMillis::now();
            return !over.sleep(Duration::from_millis(left.get()));
        }
        if over.sleep(LOOK) {
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
        over.set();
        write(since.0 + 60_000);
        assert!(!wait_for_measured_part(&folder, "closed", since, &over));
    }
}
