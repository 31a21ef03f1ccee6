//! Profile: samples every tier at once, in a load phase of its own → `profiles/`. Never a source of latency figures.

use std::time::Duration;

use kneepoint_model::load::{LoadModel, LoadPhase, SecondStats};
use kneepoint_model::run::names;
use kneepoint_model::site::SiteMap;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::stage::Stage;
use kneepoint_model::units::{Ratio, UnixMillis};
use kneepoint_profiler::{ProfilePlan, profile_all};

use crate::config::{LoadPart, ProfilePart};
use crate::failure::Failure;
use crate::run::Run;
use crate::stage::load::{mix, phase, plan};
use crate::stage::sampling::with_sampling;

/// Load before the first sample, so that the users are busy.
const LEAD_IN: Duration = Duration::from_secs(2);
/// Extra load for the time that attaching to every process takes.
const LEAD_OUT: Duration = Duration::from_secs(4);

pub(crate) fn profile(
    part: ProfilePart,
    load: &LoadPart,
    stack: &StackInfo,
    site: &SiteMap,
    run: &mut Run,
) -> Result<(), Failure> {
    if part.time.is_zero() {
        run.note(Stage::Profile, "skipped: profile.time is 0s");
        return Ok(());
    }
    let mix = mix(load, site)?;
    let mut plan =
        plan(load, "profiled", LoadModel::Closed { users: load.users }, part.time + LEAD_OUT, stack, &mix);
    plan.warmup = LEAD_IN;
    with_sampling(stack, run, |run| {
        let (folder, cancel, events) = (run.folder.clone(), run.shutdown.cancel.clone(), run.sink());
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
        outcome.index.profiled_over_unprofiled = slowdown_by_profiling(&loaded, outcome.window, run)?;
        run.folder.write_json(names::PROFILES_INDEX, &outcome.index)?;
        run.add_unmeasured(outcome.unmeasured);
        run.note(Stage::Profile, format!("{} profiles", outcome.index.profiles.len()));
        Ok(())
    })
}

/// Profiling makes nothing faster: above this ratio the two phases are not comparable.
const MAX_RATIO: f64 = 1.1;

/// Throughput with profiling divided by throughput without, under the same load.
fn slowdown_by_profiling(
    profiled: &LoadPhase,
    window: Option<(UnixMillis, UnixMillis)>,
    run: &Run,
) -> Result<Option<Ratio>, Failure> {
    let plain = run.folder.read_json_if_exists::<LoadPhase>(&names::load("closed"))?;
    let while_profiled = window.and_then(|window| rate_within(&profiled.seconds, window));
    let ratio = plain.zip(while_profiled).filter(|(plain, _)| plain.achieved_rps.0 > 0.0);
    // Three digits: more would be noise.
    let ratio = ratio.map(|(plain, rate)| (rate / plain.achieved_rps.0 * 1000.0).round() / 1000.0);
    if ratio.is_some_and(|ratio| ratio > MAX_RATIO) {
        run.note(Stage::Profile, "the site was faster in this phase than in the closed one (caches filled meanwhile?), so the cost of profiling is unknown");
    }
    Ok(ratio.filter(|ratio| *ratio <= MAX_RATIO).map(Ratio))
}

/// Requests per second in the window, from whole seconds only.
fn rate_within(seconds: &[SecondStats], (from, until): (UnixMillis, UnixMillis)) -> Option<f64> {
    let inside = |second: &&SecondStats| second.at_ms >= from && second.at_ms + UnixMillis(1_000) <= until;
    let counts: Vec<u64> = seconds.iter().filter(inside).map(|second| second.requests).collect();
    (!counts.is_empty()).then(|| counts.iter().sum::<u64>() as f64 / counts.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_seconds_inside_the_window_count() {
        let second =
            |at: u64, requests| SecondStats { at_ms: UnixMillis(at), requests, ..SecondStats::default() };
        let seconds = [second(0, 1000), second(1_000, 10), second(2_000, 20), second(3_000, 1000)];
        assert_eq!(rate_within(&seconds, (UnixMillis(900), UnixMillis(3_500))), Some(15.0));
        assert_eq!(rate_within(&seconds, (UnixMillis(100), UnixMillis(900))), None);
    }
}
