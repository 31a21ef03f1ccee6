//! Observation around load: samples resources from before the first request until after the last, connects to databases and
//! caches, and summarizes the proxy's access log for each phase.

use std::path::Path;
use std::time::Duration;

use kneepoint_model::load::LoadPhase;
use kneepoint_model::run::names;
use kneepoint_model::stack::StackInfo;
use kneepoint_profiler::sample::{SamplePlan, Sampler};
use kneepoint_profiler::{StoreWatch, proxy_log};

use crate::failure::Failure;
use crate::run::Run;
use crate::stage::stores;

/// nginx writes its buffered log once a second.
const LOG_FLUSH: Duration = Duration::from_millis(1_300);

/// Runs `work` while resources are sampled; the samples are written also when it fails.
pub(crate) fn with_sampling<T>(
    stack: &StackInfo,
    run: &mut Run,
    work: impl FnOnce(&mut Run) -> Result<T, Failure>,
) -> Result<T, Failure> {
    run.stores = stores::watch_stores(stack)?;
    let mut plan = SamplePlan::for_stack(stack);
    plan.stores = run.stores.as_ref().map(StoreWatch::gauges).unwrap_or_default();
    let sampler = Sampler::start(plan, &run.folder, run.sink()).map_err(Failure::internal)?;
    let result = work(run);
    let summary = sampler.stop();
    run.stores = None;
    run.add_unmeasured(summary.unmeasured);
    read_proxy_log(stack, run)?;
    result
}

fn read_proxy_log(stack: &StackInfo, run: &mut Run) -> Result<(), Failure> {
    let Some(log) = stack.tiers.iter().find_map(|tier| tier.access_log.clone()) else { return Ok(()) };
    run.shutdown.cancel.sleep(LOG_FLUSH);
    for name in ["closed", "open", "profiled"] {
        let Some(phase) = run.folder.read_json_if_exists::<LoadPhase>(&names::load(name))? else { continue };
        if run.folder.has(&names::access(name)) {
            continue;
        }
        match proxy_log::read(Path::new(&log), phase.measured_from_ms, phase.measured_until_ms) {
            Ok(summary) => {
                run.folder.write_json(&names::access(name), &summary)?;
            }
            Err(error) => run.add_unmeasured([kneepoint_model::unmeasured::Unmeasured {
                what: "queueing at the proxy and its cache, by route".to_owned(),
                why: error.to_string(),
                fix: "make the access log readable and write it in the format of stack/reference/proxy/nginx.conf.j2"
                    .to_owned(),
            }]),
        }
    }
    Ok(())
}
