//! Gate: the assertions, judged → `gate.json`.

use kneepoint_analysis::{Analysis, RunFacts, base_verdict};
use kneepoint_ci::{GateResult, judge};
use kneepoint_model::event::Stage;
use kneepoint_model::exit::ExitCode;
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
    let result = judge(&part.plan, facts, analysis, base);
    run.folder.write_json(names::GATE, &result)?;
    run.note(Stage::Gate, result.verdict.status.word());
    Ok(result)
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
