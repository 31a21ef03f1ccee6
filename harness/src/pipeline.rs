//! The sentence: a run is a folder; every stage reads what is before it and adds one file to it.
//!
//! `up → smoke → warm → probe → load → profile → down`, then `analyse → gate → report`, which are a pure function of the
//! folder. Whatever stops the first half, the stack is taken down and the second half is written from what is there.

use kneepoint_model::exit::ExitCode;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::stage::Stage;
use kneepoint_model::unmeasured::Unmeasured;

use crate::config::Plan;
use crate::failure::Failure;
use crate::run::Run;
use crate::stage;

/// Which of the observing stages are asked for; `up`, `smoke`, `down` and everything after always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked(pub(crate) &'static [Stage]);

impl Asked {
    /// The whole sentence.
    pub(crate) const ALL: Self = Self(&[Stage::Warm, Stage::Probe, Stage::Load, Stage::Profile]);
    /// Without profiling.
    pub(crate) const LOAD: Self = Self(&[Stage::Warm, Stage::Probe, Stage::Load]);
    /// Without a phase whose latency counts.
    pub(crate) const PROFILE: Self = Self(&[Stage::Warm, Stage::Probe, Stage::Profile]);
    /// Crawl and warm.
    pub(crate) const WARM: Self = Self(&[Stage::Warm]);
    /// Only the crawl.
    pub(crate) const SMOKE: Self = Self(&[]);

    /// Whether there is load of any kind.
    pub(crate) fn has_load(self) -> bool {
        self.0.iter().any(|stage| matches!(stage, Stage::Load | Stage::Profile))
    }
}

/// Says the whole sentence.
pub(crate) fn say(plan: &Plan, asked: Asked, run: &mut Run) -> Result<ExitCode, Failure> {
    let stopped = observe(plan, asked, run).err();
    conclude(plan, run, stopped)
}

fn observe(plan: &Plan, asked: Asked, run: &mut Run) -> Result<(), Failure> {
    let stack = run.stage(Stage::Up, |run| stage::up::up(&plan.target, &plan.home, run))?;
    let seen = look(plan, asked, stack.info(), run);
    let gone = run.stage(Stage::Down, |run| stage::down::down(stack, run));
    seen.and(gone)
}

fn look(plan: &Plan, asked: Asked, stack: &StackInfo, run: &mut Run) -> Result<(), Failure> {
    let site = run.stage(Stage::Smoke, |run| stage::smoke::smoke(&plan.crawl, stack, run))?;
    when(asked, Stage::Warm, run, |run| stage::warm::warm(plan.warm, stack, &site, run))?;
    when(asked, Stage::Probe, run, |run| stage::probe::probe(plan.probe, stack, &site, run))?;
    let overrun = when(asked, Stage::Load, run, |run| stage::load::load(&plan.load, stack, &site, run))?;
    if let Some(limit) = overrun.flatten() {
        return without_profiles(asked, &limit, run);
    }
    when(asked, Stage::Profile, run, |run| {
        stage::profile::profile(plan.profile, &plan.load, stack, &site, run)
    })
    .map(drop)
}

/// Profiles need load, and the site could not take it.
fn without_profiles(asked: Asked, limit: &str, run: &mut Run) -> Result<(), Failure> {
    if asked.0.contains(&Stage::Profile) {
        run.unmeasured([Unmeasured {
            what: "where each tier spends its CPU time (profiles)".to_owned(),
            why: format!("load was stopped because `{limit}` held, so the profiled phase was not begun"),
            fix: "mend what broke under load, ask for less of it, or take the limit out of [load] stop_when"
                .to_owned(),
        }]);
        run.note(Stage::Profile, format!("not run: load was stopped ({limit})"));
    }
    run.skip(Stage::Profile)
}

/// Says the second half again, from a stored folder.
pub(crate) fn conclude_again(plan: &Plan, run: &mut Run) -> Result<ExitCode, Failure> {
    let (facts, analysis) = run.stage(Stage::Analyse, stage::analyse::analyse)?;
    let gate = run.stage(Stage::Gate, |run| stage::gate::gate(&plan.slo, &facts, &analysis, None, run))?;
    run.stage(Stage::Report, |run| stage::report::report(&facts, &analysis, &gate, run))?;
    Ok(stage::gate::exit_of(&gate.verdict))
}

pub(crate) fn conclude(plan: &Plan, run: &mut Run, stopped: Option<Failure>) -> Result<ExitCode, Failure> {
    run.manifest.complete = stopped.is_none();
    run.manifest.stopped_by = stopped.as_ref().map(|failure| failure.message.clone());
    let (facts, analysis) = run.stage(Stage::Analyse, stage::analyse::analyse)?;
    let gate =
        run.stage(Stage::Gate, |run| stage::gate::gate(&plan.slo, &facts, &analysis, stopped.as_ref(), run))?;
    run.stage(Stage::Report, |run| stage::report::report(&facts, &analysis, &gate, run))?;
    Ok(stopped.map_or_else(|| stage::gate::exit_of(&gate.verdict), |failure| failure.exit))
}

/// `None` where it was not asked for.
fn when<T>(
    asked: Asked,
    stage: Stage,
    run: &mut Run,
    work: impl FnOnce(&mut Run) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    if asked.0.contains(&stage) { run.stage(stage, work).map(Some) } else { run.skip(stage).map(|()| None) }
}
