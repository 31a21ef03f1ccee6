//! Runs the profiling window: all sources at once with the kernel's accounting beside them, then writes the files.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::profile::{FoldedProfile, ProfileView, ProfilesIndex};
use kneepoint_model::run::{FORMAT_VERSION, RunFolder, names};
use kneepoint_model::stack::Runtime;
use kneepoint_model::stage::Stage;
use kneepoint_model::text::collapsed_line;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::UnixMillis;
use kneepoint_model::unmeasured::Unmeasured;

use super::cpu_meter::{CpuMeter, CpuUsage};
use super::plan::{ProfileOutcome, ProfilePlan};
use super::source_choice::{ChosenSource, choose_source};
use super::{sampling_accuracy, write};
use crate::ProfilerError;
use crate::export::merge;
use crate::os::unix_ms;
use crate::source::pprof_self::SelfPprof;
use crate::source::{ProfileTarget, ProfileWindow};

/// Profiles all tiers over the same window and writes `profiles/`; blocks for the window and the folding after it.
/// Cancelling ends the window early and keeps the samples so far.
pub fn profile_all(
    plan: &ProfilePlan,
    cancel: &Cancel,
    run: &RunFolder,
    events: &Arc<dyn EventSink>,
) -> ProfileOutcome {
    let mut unmeasured = Vec::new();
    let chosen = choose_sources(plan, &mut unmeasured);
    let (profiles, window) = record_all(plan, &chosen, cancel, events.as_ref(), &mut unmeasured);
    let index = write_all(run, &profiles, &mut unmeasured);
    for gap in &unmeasured {
        events.warn(Stage::Profile, &format!("{} was not measured: {}; {}", gap.what, gap.why, gap.fix));
    }
    let window = (!chosen.is_empty()).then_some(window);
    ProfileOutcome { index, window, unmeasured }
}

type ProfiledTier = (ProfileTarget, ChosenSource);

fn choose_sources(plan: &ProfilePlan, unmeasured: &mut Vec<Unmeasured>) -> Vec<ProfiledTier> {
    let mut all = Vec::new();
    let tiers = plan.tiers.iter().filter(|info| info.tier != Tier::Generator);
    let targets: Vec<ProfileTarget> = tiers.map(|info| ProfileTarget::for_tier(info, &plan.tiers)).collect();
    // Each probe starts a short trial, so they run in parallel.
    let choices: Vec<_> = thread::scope(|scope| {
        let probes: Vec<_> = targets.iter().map(|target| scope.spawn(|| choose_source(target))).collect();
        probes.into_iter().map(ScopedJoinHandle::join).collect()
    });
    for (target, choice) in targets.into_iter().zip(choices) {
        match choice {
            Ok(Ok(chosen)) => all.push((target, chosen)),
            Ok(Err(gap)) => unmeasured.push(gap),
            Err(_) => {
                unmeasured
                    .push(not_profiled(target.tier, "an internal error in the probe; please report it"));
            }
        }
    }
    if plan.generator {
        all.push((
            ProfileTarget::generator(),
            ChosenSource { source: Box::new(SelfPprof), notes: Vec::new() },
        ));
    }
    all
}

fn record_all(
    plan: &ProfilePlan,
    chosen: &[ProfiledTier],
    cancel: &Cancel,
    events: &dyn EventSink,
    unmeasured: &mut Vec<Unmeasured>,
) -> (Vec<FoldedProfile>, (UnixMillis, UnixMillis)) {
    let targets: Vec<ProfileTarget> = chosen.iter().map(|(target, _)| target.clone()).collect();
    let window = plan.window();
    thread::scope(|scope| {
        let from = unix_ms();
        let meter = CpuMeter::start(&targets, window);
        let handles: Vec<_> = chosen
            .iter()
            .map(|(target, chosen)| {
                let hz = if target.runtime == Runtime::Python { plan.hz.max(1) } else { plan.native_hz() };
                let window = ProfileWindow { duration: window, hz, cancel: cancel.clone() };
                thread::Builder::new()
                    .name(format!("kp-prof-{}", target.tier))
                    .spawn_scoped(scope, move || chosen.source.record(target, &window))
            })
            .collect();
        report_progress(window, cancel, events);
        let until = unix_ms();
        let usage = meter.map(CpuMeter::stop).unwrap_or_default();
        events.progress(
            Stage::Profile,
            u64::from(plan.seconds),
            Some(u64::from(plan.seconds)),
            "folding stacks",
        );
        let recordings = chosen.iter().zip(handles);
        let profiles = recordings
            .flat_map(|(tier, handle)| collect_profiles(tier, handle, &usage, unmeasured))
            .collect();
        (profiles, (from, until))
    })
}

/// Waits for the end of the window and reports progress every second.
fn report_progress(window: Duration, cancel: &Cancel, events: &dyn EventSink) {
    let started = Instant::now();
    loop {
        let left = window.saturating_sub(started.elapsed());
        if left.is_zero() || cancel.sleep(left.min(Duration::from_secs(1))) {
            return;
        }
        let done = started.elapsed().min(window).as_secs();
        events.progress(Stage::Profile, done, Some(window.as_secs()), "recording stacks of every tier");
    }
}

type RecordHandle<'scope> = ScopedJoinHandle<'scope, Result<Vec<FoldedProfile>, ProfilerError>>;

fn collect_profiles(
    (target, chosen): &ProfiledTier,
    handle: std::io::Result<RecordHandle<'_>>,
    usage: &BTreeMap<Tier, CpuUsage>,
    unmeasured: &mut Vec<Unmeasured>,
) -> Vec<FoldedProfile> {
    let recorded = match handle.map(ScopedJoinHandle::join) {
        Ok(Ok(recorded)) => recorded.map_err(|error| error.to_string()),
        Ok(Err(_)) => Err("an internal error in the profiler; please report it".to_owned()),
        Err(error) => Err(format!("no thread could be started: {error}")),
    };
    match recorded {
        Ok(mut profiles) => {
            for profile in &mut profiles {
                profile.facts.notes.splice(0..0, chosen.notes.iter().cloned());
                sampling_accuracy::annotate(
                    profile,
                    usage.get(&target.tier).copied().filter(|_| !target.roots.is_empty()),
                );
            }
            profiles
        }
        Err(why) => {
            unmeasured.push(not_profiled(target.tier, &why));
            Vec::new()
        }
    }
}

fn not_profiled(tier: Tier, why: &str) -> Unmeasured {
    Unmeasured {
        what: format!("profile of the {tier} tier"),
        why: collapsed_line(why, 300),
        fix: "run `kneepoint doctor` to see what is permitted here".to_owned(),
    }
}

fn write_all(run: &RunFolder, profiles: &[FoldedProfile], unmeasured: &mut Vec<Unmeasured>) -> ProfilesIndex {
    let running: Vec<FoldedProfile> =
        profiles.iter().filter(|profile| profile.view == ProfileView::Running).cloned().collect();
    let mut index = ProfilesIndex { format_version: FORMAT_VERSION, ..ProfilesIndex::default() };
    let mut push_entry = |entry: Result<_, kneepoint_model::run::RunError>| match entry {
        Ok(entry) => index.profiles.push(entry),
        Err(error) => unmeasured.push(not_written(&error)),
    };
    for profile in profiles {
        push_entry(write::write_files(run, profile, &[profile]));
    }
    if !running.is_empty() {
        let merged = merge(&running);
        let mut tabs: Vec<&FoldedProfile> = vec![&merged];
        tabs.extend(profiles);
        push_entry(write::write_files(run, &merged, &tabs));
    }
    if let Err(error) = run.write_json(names::PROFILES_INDEX, &index) {
        unmeasured.push(not_written(&error));
    }
    index
}

fn not_written(error: &kneepoint_model::run::RunError) -> Unmeasured {
    Unmeasured {
        what: "a profile file".to_owned(),
        why: error.to_string(),
        fix: "free disk space in the run folder".to_owned(),
    }
}
