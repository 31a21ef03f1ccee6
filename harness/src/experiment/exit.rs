//! The exit code of `kneepoint experiment`. Advice that hurts is a result, not a failure.

use kneepoint_model::exit::ExitCode;
use kneepoint_model::experiment::{EffectVerdict, Ending, ToggleResult};

/// 0: every requested toggle has a result; with `--all`, what this machine cannot run is no failure.
/// 3: some are invalid (a noisy machine, errors), others have a result. 4: all that ran are invalid.
/// 5: a stack did not come up or went away. 7: a toggle requested by name needs something that is missing here.
pub(crate) fn exit_code(results: &[ToggleResult], missing: &[ExitCode], by_name: bool) -> ExitCode {
    if missing.contains(&ExitCode::StackFailed) {
        return ExitCode::StackFailed;
    }
    let not_run = results.iter().any(|result| matches!(result.ending, Ending::NotRun { .. }));
    if by_name && not_run {
        return ExitCode::MissingTool;
    }
    let judged: Vec<EffectVerdict> = results
        .iter()
        .filter_map(|result| match &result.ending {
            Ending::Assessed(judged) => Some(judged.verdict),
            _ => None,
        })
        .collect();
    let invalid = judged.iter().filter(|judgement| **judgement == EffectVerdict::Invalid).count();
    match (invalid, judged.len()) {
        (0, _) => ExitCode::Ok,
        (invalid, all) if invalid == all => ExitCode::Invalid,
        _ => ExitCode::Inconclusive,
    }
}

#[cfg(test)]
mod tests {
    use kneepoint_model::experiment::EffectAssessment;
    use kneepoint_stack::toggle::Toggle;

    use super::*;
    use crate::experiment::result;

    fn ended(ending: Ending) -> ToggleResult {
        let toggle = Toggle::named("select-related").expect("a file");
        ToggleResult { ending, ..result::not_run(&toggle, String::new(), String::new()) }
    }

    fn judged(judgement: EffectVerdict) -> ToggleResult {
        ended(Ending::Assessed(EffectAssessment {
            verdict: judgement,
            effect: None,
            smallest_detectable: None,
            why: Vec::new(),
        }))
    }

    #[test]
    fn a_result_is_a_result_also_when_it_is_negative() {
        let answers =
            [judged(EffectVerdict::Hurts), judged(EffectVerdict::NoEffectSeen), judged(EffectVerdict::Helps)];
        assert_eq!(exit_code(&answers, &[], true), ExitCode::Ok);
    }

    #[test]
    fn invalid_and_not_run_have_different_codes() {
        let some = [judged(EffectVerdict::Invalid), judged(EffectVerdict::Helps)];
        assert_eq!(exit_code(&some, &[], true), ExitCode::Inconclusive);
        assert_eq!(exit_code(&some[..1], &[], true), ExitCode::Invalid);
        let not_run = [ended(Ending::NotRun { why: "no MySQL".into(), fix: "install it".into() })];
        assert_eq!(exit_code(&not_run, &[ExitCode::MissingTool], true), ExitCode::MissingTool);
        assert_eq!(exit_code(&not_run, &[ExitCode::MissingTool], false), ExitCode::Ok);
        assert_eq!(exit_code(&not_run, &[ExitCode::StackFailed], false), ExitCode::StackFailed);
    }
}
