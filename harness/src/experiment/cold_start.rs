//! Compares the first request to a fresh worker with later ones: one launch of the server is one pair.

use std::collections::BTreeMap;
use std::time::Duration;

use kneepoint_analysis::experiment::{EffectCriterion, drop_reason, judge};
use kneepoint_loadgen::{BlockLoad, PhasePlan};
use kneepoint_model::exit::ExitCode;
use kneepoint_model::experiment::{Block, Side, Signal, ToggleResult};
use kneepoint_model::load::LoadModel;
use kneepoint_profiler::ResourceSnapshotter;
use kneepoint_stack::Topology;
use kneepoint_stack::toggle::{Connections, Requests, Toggle};

use super::block::{BlockObservation, build_block};
use super::context::ExperimentContext;
use super::journal::ExperimentJournal;
use super::pairs::not_run;
use super::requests::build_scenario;
use super::result;
use super::testbed::{Testbed, TestbedError, bring_up_topology};
use crate::failure::Failure;

/// Fewest launches that give a verdict.
const LAUNCHES: u32 = 8;
/// Launches that may be repeated because foreign CPU disturbed them.
const SPARE_LAUNCHES: u32 = 4;
/// A page with a template and queries.
const PAGE: &str = "/catalogue/?page=3";
/// Long enough for the first request to a fresh worker, and for a few to a warm one.
const MEASURED_TIME: Duration = Duration::from_millis(300);
const QUESTION: EffectCriterion =
    EffectCriterion { signal: Signal::FirstRequest, min_effect: 0.5, concurrency: false };

/// Starts the server again and again, and requests the same page first and later.
pub(super) fn measure_cold_start(
    toggle: &Toggle,
    position: &str,
    context: &ExperimentContext<'_>,
    journal: &mut ExperimentJournal,
) -> Result<ToggleResult, Failure> {
    let mut topology = Topology::named("gunicorn")?;
    topology.workers = std::num::NonZeroU16::new(1);
    let (mut blocks, mut good): (Vec<Block>, u32) = (Vec::new(), 0);
    for launch in 0..LAUNCHES + SPARE_LAUNCHES {
        if good >= LAUNCHES || context.shutdown.cancel.is_cancelled() {
            break;
        }
        context.progress(good, LAUNCHES, &format!("{position}: launch {} of {LAUNCHES}", good + 1));
        let testbed = match bring_up_topology(&topology, &BTreeMap::new(), "a", &toggle.name, context) {
            Ok(testbed) => testbed,
            Err(error) => return not_run(toggle, error, journal),
        };
        journal.add_versions(&testbed.info().versions);
        let pair = measure_first_and_later(launch, &testbed, context);
        testbed.down()?;
        match pair {
            Ok([mut without, mut with]) => {
                let dropped = drop_reason(&QUESTION, &without, &with);
                good += u32::from(dropped.is_none());
                (without.dropped, with.dropped) = (dropped.clone(), dropped);
                blocks.extend([without, with]);
            }
            Err(_) if context.shutdown.cancel.is_cancelled() => break,
            Err(why) => {
                let fix = "the logs are in the folder of the experiment".to_owned();
                return not_run(
                    toggle,
                    TestbedError::Missing { why, fix, exit: ExitCode::StackFailed },
                    journal,
                );
            }
        }
    }
    let ending = result::ending(judge(&QUESTION, &blocks, &[]), context.shutdown.cancel.is_cancelled());
    let (without, with) = ("the first user of a fresh worker", "a later user");
    let mut result = result::special_result(toggle, QUESTION.signal, without, with, ending);
    result.min_effect = QUESTION.min_effect;
    result.blocks = blocks;
    Ok(result)
}

fn measure_first_and_later(
    launch: u32,
    testbed: &Testbed,
    context: &ExperimentContext<'_>,
) -> Result<[Block; 2], String> {
    let requests = Requests::Routes(vec![PAGE.to_owned()]);
    let built = build_scenario("cold-start", &requests, Connections::KeepAlive, None);
    let scenario = built.map_err(|error| error.to_string())?;
    let info = testbed.info();
    let model = LoadModel::Closed { users: 1 };
    let mut plan = PhasePlan::new("cold-start", model, info.base_url.clone(), vec![(scenario, 1)]);
    plan.options.think_scale = 0.0;
    let mut load = BlockLoad::new(plan).map_err(|error| error.to_string())?;
    let mut taker = ResourceSnapshotter::new(&[info]);
    let mut measure = |side| {
        taker.take();
        let phase = load.run(MEASURED_TIME, &context.shutdown.cancel).map_err(|error| error.to_string())?;
        let stock = taker.take();
        // One user requests one page after the other: the slowest response of the first time is the cold one.
        let first = if side == Side::Without { phase.response_us.max } else { phase.response_us.p50 };
        let extra = BTreeMap::from([(Signal::FirstRequest, first.as_f64())]);
        Ok::<Block, String>(build_block(BlockObservation {
            pair: launch,
            side,
            phase: &phase,
            stock: &stock,
            stack: 0,
            extra,
        }))
    };
    Ok([measure(Side::Without)?, measure(Side::With)?])
}
