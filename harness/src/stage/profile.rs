//! Profile: every tier at once, in a phase of load of its own → `profiles/`. Never a source of latency figures.

use std::time::Duration;

use kneepoint_model::event::Stage;
use kneepoint_model::load::{LoadModel, LoadPhase};
use kneepoint_model::run::names;
use kneepoint_model::site::SiteMap;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::units::Ratio;
use kneepoint_profiler::{ProfilePlan, profile_all};

use crate::config::{LoadPart, ProfilePart};
use crate::failure::Failure;
use crate::run::Run;
use crate::stage::load::{mix, phase, plan};
use crate::stage::sampled::sampled;

/// The load around the profile: users are busy before the first sample is taken.
const LEAD_IN: Duration = Duration::from_secs(2);

pub(crate) fn profile(
    part: ProfilePart,
    load: &LoadPart,
    stack: &StackInfo,
    site: &SiteMap,
    run: &mut Run,
) -> Result<(), Failure> {
    if part.time.is_zero() {
        run.note(Stage::Profile, "left out: profile.time is 0s");
        return Ok(());
    }
    let mix = mix(load, site)?;
    let mut plan = plan(load, "profiled", LoadModel::Closed { users: load.users }, part.time, stack, &mix);
    plan.warmup = LEAD_IN;
    sampled(stack, run, |run| {
        let (folder, cancel, events) = (run.folder.clone(), run.stop.cancel.clone(), run.sink());
        let tiers = stack.tiers.clone();
        let profiles = std::thread::Builder::new()
            .name("profiles".to_owned())
            .spawn(move || {
                cancel.sleep(LEAD_IN);
                let seconds = u32::try_from(part.time.as_secs()).unwrap_or(u32::MAX).max(1);
                let plan = ProfilePlan { hz: part.hz, ..ProfilePlan::new(tiers, seconds) };
                profile_all(&plan, &cancel, &folder, &events)
            })
            .map_err(Failure::internal)?;
        let loaded = phase(&plan, run);
        let mut outcome = profiles.join().map_err(|_| Failure::internal("a profiler thread panicked"))?;
        let loaded = loaded?;
        outcome.index.profiled_over_unprofiled = slowdown(&loaded, run)?;
        run.folder.write_json(names::PROFILES_INDEX, &outcome.index)?;
        run.unmeasured(outcome.unmeasured);
        run.note(Stage::Profile, format!("{} profiles", outcome.index.profiles.len()));
        Ok(())
    })
}

/// Throughput while profiled over throughput while not, in the same kind of load.
fn slowdown(profiled: &LoadPhase, run: &Run) -> Result<Option<Ratio>, Failure> {
    let plain = run.folder.read_json_if_there::<LoadPhase>(&names::load("closed"))?;
    Ok(plain.filter(|p| p.achieved_rps.0 > 0.0).map(|p| Ratio(profiled.achieved_rps.0 / p.achieved_rps.0)))
}
