//! The pipeline: a run is a folder; every stage reads the files of the stages before it and adds its own.
//!
//! `up → smoke → warm → probe → load → profile → down`, then `analyse → gate → report`, which are a pure function of the
//! folder. Whatever ends the first part, the stack is taken down and the second part reports what was measured.

use kneepoint_model::exit::ExitCode;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::stage::Stage;
use kneepoint_model::unmeasured::Unmeasured;

use crate::config::Plan;
use crate::failure::Failure;
use crate::run::Run;
use crate::stage;

/// The optional stages of a run; `up`, `smoke`, `down`, `analyse`, `gate` and `report` always run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StageSet(pub(crate) &'static [Stage]);

impl StageSet {
    /// All stages: `kneepoint run`.
    pub(crate) const ALL: Self = Self(&[Stage::Warm, Stage::Probe, Stage::Load, Stage::Profile]);
    /// `kneepoint load`: no profiles.
    pub(crate) const LOAD: Self = Self(&[Stage::Warm, Stage::Probe, Stage::Load]);
    /// `kneepoint profile`: no phase with latency figures.
    pub(crate) const PROFILE: Self = Self(&[Stage::Warm, Stage::Probe, Stage::Profile]);
    /// Crawl and warm: `kneepoint warm`.
    pub(crate) const WARM: Self = Self(&[Stage::Warm]);
    /// Only the crawl: `kneepoint smoke`.
    pub(crate) const SMOKE: Self = Self(&[]);

    /// True when a stage generates load.
    pub(crate) fn has_load(self) -> bool {
        self.0.iter().any(|stage| matches!(stage, Stage::Load | Stage::Profile))
    }
}

/// Runs all stages; an error of an observing stage becomes the verdict of the report.
pub(crate) fn execute(plan: &Plan, stages: StageSet, run: &mut Run) -> Result<ExitCode, Failure> {
    let stopped = run_with_stack(plan, stages, run).err();
    conclude(plan, run, stopped)
}

fn run_with_stack(plan: &Plan, stages: StageSet, run: &mut Run) -> Result<(), Failure> {
    let stack = run.run_stage(Stage::Up, |run| stage::up::up(&plan.target, &plan.home, run))?;
    let observed = run_observed_stages(plan, stages, stack.info(), run);
    let stopped = run.run_stage(Stage::Down, |run| stage::down::down(stack, run));
    observed.and(stopped)
}

fn run_observed_stages(
    plan: &Plan,
    stages: StageSet,
    stack: &StackInfo,
    run: &mut Run,
) -> Result<(), Failure> {
    let site = run.run_stage(Stage::Smoke, |run| stage::smoke::smoke(&plan.crawl, stack, run))?;
    run_if_selected(stages, Stage::Warm, run, |run| stage::warm::warm(plan.warm, stack, &site, run))?;
    run_if_selected(stages, Stage::Probe, run, |run| stage::probe::probe(plan.probe, stack, &site, run))?;
    let overrun =
        run_if_selected(stages, Stage::Load, run, |run| stage::load::load(&plan.load, stack, &site, run))?;
    if let Some(limit) = overrun.flatten() {
        return skip_profiles(stages, &limit, run);
    }
    run_if_selected(stages, Stage::Profile, run, |run| {
        stage::profile::profile(plan.profile, &plan.load, stack, &site, run)
    })
    .map(drop)
}

/// The site could not sustain the load, and profiles need load.
fn skip_profiles(stages: StageSet, limit: &str, run: &mut Run) -> Result<(), Failure> {
    if stages.0.contains(&Stage::Profile) {
        run.add_unmeasured([Unmeasured {
            what: "where each tier spends its CPU time (profiles)".to_owned(),
            why: format!(
                "load was stopped because `{limit}` was true, so the profiled phase was not started"
            ),
            fix: "fix what failed under load, reduce the load, or remove the limit from [load] stop_when"
                .to_owned(),
        }]);
        run.note(Stage::Profile, format!("not run: load was stopped ({limit})"));
    }
    run.skip_stage(Stage::Profile)
}

/// Analyses, judges and reports a stored run again.
pub(crate) fn conclude_stored_run(plan: &Plan, run: &mut Run) -> Result<ExitCode, Failure> {
    let (facts, analysis) = run.run_stage(Stage::Analyse, stage::analyse::analyse)?;
    let gate =
        run.run_stage(Stage::Gate, |run| stage::gate::gate(&plan.slo, &facts, &analysis, None, run))?;
    run.run_stage(Stage::Report, |run| stage::report::report(&facts, &analysis, &gate, run))?;
    Ok(stage::gate::exit_code(&gate.verdict))
}

/// Analyses, judges and reports what was measured; `stopped` is the error that ended the measurement.
pub(crate) fn conclude(plan: &Plan, run: &mut Run, stopped: Option<Failure>) -> Result<ExitCode, Failure> {
    run.manifest.complete = stopped.is_none();
    run.manifest.stopped_by = stopped.as_ref().map(|failure| failure.message.clone());
    let (facts, analysis) = run.run_stage(Stage::Analyse, stage::analyse::analyse)?;
    let gate = run.run_stage(Stage::Gate, |run| {
        stage::gate::gate(&plan.slo, &facts, &analysis, stopped.as_ref(), run)
    })?;
    run.run_stage(Stage::Report, |run| stage::report::report(&facts, &analysis, &gate, run))?;
    Ok(stopped.map_or_else(|| stage::gate::exit_code(&gate.verdict), |failure| failure.exit))
}

/// Runs a stage that is in `stages`; `None` for another one.
fn run_if_selected<T>(
    stages: StageSet,
    stage: Stage,
    run: &mut Run,
    work: impl FnOnce(&mut Run) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    if stages.0.contains(&stage) {
        run.run_stage(stage, work).map(Some)
    } else {
        run.skip_stage(stage).map(|()| None)
    }
}
