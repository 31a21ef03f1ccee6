//! Gate: the assertions, judged → `gate.json`.

use kneepoint_analysis::{Analysis, RunFacts, base_verdict};
use kneepoint_ci::{GateResult, SloPlan, judge};
use kneepoint_model::event::{Stage, StageStatus};
use kneepoint_model::exit::ExitCode;
use kneepoint_model::manifest::StageRecord;
use kneepoint_model::run::names;
use kneepoint_model::verdict::{Verdict, VerdictStatus};

use crate::config::SloPart;
use crate::failure::Failure;
use crate::run::Run;

pub(crate) fn gate(
    part: &SloPart,
    facts: &RunFacts,
    analysis: &Analysis,
    stopped: Option<&Failure>,
    run: &mut Run,
) -> Result<GateResult, Failure> {
    let base = stopped.map_or_else(|| base_verdict(facts, analysis), stopped_verdict);
    let result = judge(&asked_of(part, facts, run), facts, analysis, base);
    run.folder.write_json(names::GATE, &result)?;
    run.note(Stage::Gate, result.verdict.status.word());
    Ok(result)
}

/// What is promised of load is not judged where no load was asked for: that is neither a pass nor a doubt.
fn asked_of(part: &SloPart, facts: &RunFacts, run: &Run) -> SloPlan {
    let skipped = |record: &StageRecord| record.name == Stage::Load && record.status == StageStatus::Skipped;
    if run.manifest.stages.iter().any(skipped) {
        SloPlan { fail_on: part.plan.fail_on, ..SloPlan::default() }
    } else {
        part.plan.clone().with_step_assertions(facts)
    }
}

fn stopped_verdict(failure: &Failure) -> Verdict {
    let status = match failure.exit {
        ExitCode::SmokeFailed => VerdictStatus::SmokeFailed,
        ExitCode::StackFailed | ExitCode::MissingTool => VerdictStatus::StackFailed,
        _ => VerdictStatus::Partial,
    };
    Verdict { status, exit_code: failure.exit.code(), reasons: vec![failure.message.clone()] }
}

/// The exit code that a verdict of a run that went to its end carries.
pub(crate) fn exit_of(verdict: &Verdict) -> ExitCode {
    verdict.status.exit()
}
