//! The window itself: all sources at once, the kernel's account beside them, then everything is written.

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
use kneepoint_model::tier::Tier;
use kneepoint_model::units::UnixMillis;
use kneepoint_model::unmeasured::Unmeasured;

use super::choose::{Chosen, choose};
use super::meter::{Meter, Used};
use super::plan::{ProfileOutcome, ProfilePlan};
use super::{worth, write};
use crate::ProfilerError;
use crate::export::merge;
use crate::os::unix_ms;
use crate::source::self_::SelfPprof;
use crate::source::{Target, Window, one_line};

/// Profiles all tiers over the same window and writes `profiles/`; blocks for the window and what folding takes after it.
/// Cancelling ends the window early and keeps what was seen by then.
pub fn profile_all(
    plan: &ProfilePlan,
    cancel: &Cancel,
    run: &RunFolder,
    events: &Arc<dyn EventSink>,
) -> ProfileOutcome {
    let mut unmeasured = Vec::new();
    let chosen = choose_all(plan, &mut unmeasured);
    let (profiles, window) = record_all(plan, &chosen, cancel, events.as_ref(), &mut unmeasured);
    let index = write_all(run, &profiles, &mut unmeasured);
    for gap in &unmeasured {
        events.warn(Stage::Profile, &format!("{} was not measured: {}; {}", gap.what, gap.why, gap.fix));
    }
    let window = (!chosen.is_empty()).then_some(window);
    ProfileOutcome { index, window, unmeasured }
}

type Looked = (Target, Chosen);

fn choose_all(plan: &ProfilePlan, unmeasured: &mut Vec<Unmeasured>) -> Vec<Looked> {
    let mut all = Vec::new();
    let tiers = plan.tiers.iter().filter(|info| info.tier != Tier::Generator);
    let targets: Vec<Target> = tiers.map(|info| Target::of(info, &plan.tiers)).collect();
    // Each probe starts a short trial, so they go side by side.
    let choices: Vec<_> = thread::scope(|scope| {
        let asked: Vec<_> = targets.iter().map(|target| scope.spawn(|| choose(target))).collect();
        asked.into_iter().map(ScopedJoinHandle::join).collect()
    });
    for (target, choice) in targets.into_iter().zip(choices) {
        match choice {
            Ok(Ok(chosen)) => all.push((target, chosen)),
            Ok(Err(gap)) => unmeasured.push(gap),
            Err(_) => {
                unmeasured.push(not_profiled(target.tier, "the probe's own code failed; please report it"));
            }
        }
    }
    if plan.generator {
        all.push((Target::generator(), Chosen { source: Box::new(SelfPprof), notes: Vec::new() }));
    }
    all
}

fn record_all(
    plan: &ProfilePlan,
    chosen: &[Looked],
    cancel: &Cancel,
    events: &dyn EventSink,
    unmeasured: &mut Vec<Unmeasured>,
) -> (Vec<FoldedProfile>, (UnixMillis, UnixMillis)) {
    let targets: Vec<Target> = chosen.iter().map(|(target, _)| target.clone()).collect();
    let window = plan.window();
    thread::scope(|scope| {
        let from = unix_ms();
        let meter = Meter::start(&targets, window);
        let handles: Vec<_> = chosen
            .iter()
            .map(|(target, chosen)| {
                let hz = if target.runtime == Runtime::Python { plan.hz.max(1) } else { plan.native_hz() };
                let window = Window { duration: window, hz, cancel: cancel.clone() };
                thread::Builder::new()
                    .name(format!("kp-prof-{}", target.tier))
                    .spawn_scoped(scope, move || chosen.source.record(target, &window))
            })
            .collect();
        announce(window, cancel, events);
        let until = unix_ms();
        let used = meter.map(Meter::stop).unwrap_or_default();
        events.progress(
            Stage::Profile,
            u64::from(plan.seconds),
            Some(u64::from(plan.seconds)),
            "folding stacks",
        );
        let looked = chosen.iter().zip(handles);
        let profiles =
            looked.flat_map(|(looked, handle)| finish(looked, handle, &used, unmeasured)).collect();
        (profiles, (from, until))
    })
}

/// Waits for the window's end, saying each second how far it is.
fn announce(window: Duration, cancel: &Cancel, events: &dyn EventSink) {
    let started = Instant::now();
    loop {
        let left = window.saturating_sub(started.elapsed());
        if left.is_zero() || cancel.sleep(left.min(Duration::from_secs(1))) {
            return;
        }
        let done = started.elapsed().min(window).as_secs();
        events.progress(Stage::Profile, done, Some(window.as_secs()), "stacks of every tier");
    }
}

type Recording<'scope> = ScopedJoinHandle<'scope, Result<Vec<FoldedProfile>, ProfilerError>>;

fn finish(
    (target, chosen): &Looked,
    handle: std::io::Result<Recording<'_>>,
    used: &BTreeMap<Tier, Used>,
    unmeasured: &mut Vec<Unmeasured>,
) -> Vec<FoldedProfile> {
    let recorded = match handle.map(ScopedJoinHandle::join) {
        Ok(Ok(recorded)) => recorded.map_err(|error| error.to_string()),
        Ok(Err(_)) => Err("the profiler's own code failed; please report it".to_owned()),
        Err(error) => Err(format!("no thread could be started: {error}")),
    };
    match recorded {
        Ok(mut profiles) => {
            for profile in &mut profiles {
                profile.facts.notes.splice(0..0, chosen.notes.iter().cloned());
                worth::judge(profile, used.get(&target.tier).copied().filter(|_| !target.roots.is_empty()));
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
        why: one_line(why, 300),
        fix: "run `kneepoint doctor` to see what is permitted here".to_owned(),
    }
}

fn write_all(run: &RunFolder, profiles: &[FoldedProfile], unmeasured: &mut Vec<Unmeasured>) -> ProfilesIndex {
    let running: Vec<FoldedProfile> =
        profiles.iter().filter(|profile| profile.view == ProfileView::Running).cloned().collect();
    let mut index = ProfilesIndex { format_version: FORMAT_VERSION, ..ProfilesIndex::default() };
    let mut keep = |entry: Result<_, kneepoint_model::run::RunError>| match entry {
        Ok(entry) => index.profiles.push(entry),
        Err(error) => unmeasured.push(not_written(&error)),
    };
    for profile in profiles {
        keep(write::files(run, profile, &[profile]));
    }
    if !running.is_empty() {
        let merged = merge(&running);
        let mut tabs: Vec<&FoldedProfile> = vec![&merged];
        tabs.extend(profiles);
        keep(write::files(run, &merged, &tabs));
    }
    if let Err(error) = run.write_json(names::PROFILES_INDEX, &index) {
        unmeasured.push(not_written(&error));
    }
    index
}

fn not_written(error: &kneepoint_model::run::RunError) -> Unmeasured {
    Unmeasured {
        what: "a profile's file".to_owned(),
        why: error.to_string(),
        fix: "free disk space in the run folder".to_owned(),
    }
}
