//! Rollouts under load: how many requests fail while the servers are replaced, compared with killing all of them at once?

use std::collections::BTreeMap;
use std::num::{NonZeroU8, NonZeroU16};
use std::time::{Duration, Instant};

use kneepoint_analysis::experiment::rollout_verdict;
use kneepoint_loadgen::{BlockLoad, PhasePlan};
use kneepoint_model::experiment::{Rollout, RolloutResult, Signal, ToggleResult};
use kneepoint_model::load::{LoadModel, LoadPhase};
use kneepoint_model::units::{Micros, PerSecond};
use kneepoint_stack::toggle::{Connections, Requests, Toggle};
use kneepoint_stack::{ProxySettings, Topology};

use super::context::ExperimentContext;
use super::journal::ExperimentJournal;
use super::pairs::not_run;
use super::requests::build_scenario;
use super::result;
use super::testbed::{Testbed, bring_up_topology};
use crate::failure::Failure;

/// Users per second: well below what two workers can serve, so that no request fails for lack of capacity.
const RATE: PerSecond = PerSecond(30.0);
/// Length of the load.
const LOAD_TIME: Duration = Duration::from_secs(16);
/// Load before the rollout begins.
const LEAD_TIME: Duration = Duration::from_secs(2);
/// Pages that the users request.
const PAGES: [&str; 2] = ["/catalogue/?page=3", "/books/7/"];

/// Measures a hard restart and then the rollout.
pub(super) fn compare_rollout(
    which: Rollout,
    toggle: &Toggle,
    position: &str,
    context: &ExperimentContext<'_>,
    journal: &mut ExperimentJournal,
) -> Result<ToggleResult, Failure> {
    let mut topology = Topology::named("nginx")?;
    topology.proxy = Some(ProxySettings { cache: false, ..ProxySettings::default() });
    topology.servers = NonZeroU8::new(2).unwrap_or(NonZeroU8::MIN);
    (topology.workers, topology.rung) = (NonZeroU16::new(1), None);
    let mut results = Vec::new();
    for (done, which) in (0..).zip([Rollout::RestartHard, which]) {
        context.progress(done, 2, &format!("{position}: {} under load", which.name()));
        let mut testbed = match bring_up_topology(&topology, &BTreeMap::new(), "a", &toggle.name, context) {
            Ok(testbed) => testbed,
            Err(error) => return not_run(toggle, error, journal),
        };
        journal.add_versions(&testbed.info().versions);
        let result = measure_under_load(which, &mut testbed, context);
        testbed.down()?;
        match result {
            Ok(result) => results.push(result),
            Err(_) if context.shutdown.cancel.is_cancelled() => break,
            Err(why) => return Ok(result::not_run(toggle, why, "see the logs of the experiment".to_owned())),
        }
    }
    let [hard, careful] = results.as_slice() else {
        return Ok(result::interrupted(toggle));
    };
    let ending = result::ending(rollout_verdict(careful, hard), context.shutdown.cancel.is_cancelled());
    let mut result = result::special_result(
        toggle,
        Signal::Errors,
        "every server is killed at once",
        which.name(),
        ending,
    );
    result.notes.push(format!("{RATE} users, two app servers behind nginx"));
    journal.add_rollouts(results);
    Ok(result)
}

fn measure_under_load(
    which: Rollout,
    testbed: &mut Testbed,
    context: &ExperimentContext<'_>,
) -> Result<RolloutResult, String> {
    let requests = Requests::Routes(PAGES.map(str::to_owned).to_vec());
    let built = build_scenario(which.name(), &requests, Connections::KeepAlive, None);
    let scenario = built.map_err(|error| error.to_string())?;
    let base = testbed.info().base_url.clone();
    let mut plan = PhasePlan::new("users", LoadModel::Open { rate: RATE }, base, vec![(scenario, 1)]);
    (plan.options.think_scale, plan.options.seed) = (0.0, context.stack.seed);
    let cancel = context.shutdown.cancel.clone();
    let load = std::thread::Builder::new()
        .name("users".to_owned())
        .spawn(move || BlockLoad::new(plan)?.run(LOAD_TIME, &cancel))
        .map_err(|error| error.to_string())?;
    context.shutdown.cancel.sleep(LEAD_TIME);
    let began = Instant::now();
    let rolled_out = testbed.roll_out(which, context);
    let took = began.elapsed();
    let phase = load.join().map_err(|_| "the thread of the load panicked".to_owned())?;
    let phase = phase.map_err(|error| error.to_string())?;
    let late = (LEAD_TIME + took > LOAD_TIME).then(|| "it took longer than the load".to_owned());
    Ok(rollout_result(which, &phase, took, rolled_out.err().or(late)))
}

/// The result from the user's side: failed requests and response times. Pure.
fn rollout_result(
    which: Rollout,
    phase: &LoadPhase,
    took: Duration,
    trouble: Option<String>,
) -> RolloutResult {
    let how: BTreeMap<_, _> =
        phase.outcomes.iter().filter(|(outcome, _)| !outcome.is_ok()).map(|(o, n)| (*o, *n)).collect();
    RolloutResult {
        rollout: which,
        rate: RATE,
        requests: phase.requests,
        lost: how.values().sum(),
        how,
        response_us: phase.response_us,
        took_us: Micros::from_duration(took),
        trouble,
    }
}
