//! Gate: checks the assertions → `gate.json`.

use kneepoint_analysis::{Analysis, RunFacts, base_verdict};
use kneepoint_ci::{GateResult, SloPlan, judge};
use kneepoint_model::exit::ExitCode;
use kneepoint_model::manifest::StageRecord;
use kneepoint_model::run::names;
use kneepoint_model::stage::{Stage, StageStatus};
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
    let result = judge(&plan_for_stages(part, facts, run), facts, analysis, base);
    run.folder.write_json(names::GATE, &result)?;
    run.note(Stage::Gate, result.verdict.status.label());
    Ok(result)
}

/// Without a load stage there is nothing to check: its assertions are neither met nor inconclusive.
fn plan_for_stages(part: &SloPart, facts: &RunFacts, run: &Run) -> SloPlan {
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

/// The exit code of a run that was not interrupted.
pub(crate) fn exit_code(verdict: &Verdict) -> ExitCode {
    verdict.status.exit()
}
