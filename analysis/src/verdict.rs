//! The base verdict, before any assertion: whether the run finished, and whether its figures are valid.
//!
//! A run counts as finished once `down` is in its manifest. The verdict is computed before the last stages have run, so
//! `complete` cannot decide; and the stages after `down` can be repeated for any run folder.

use kneepoint_model::exit::ExitCode;
use kneepoint_model::manifest::StageRecord;
use kneepoint_model::outcome::Outcome;
use kneepoint_model::site::SiteMap;
use kneepoint_model::stage::{Stage, StageStatus};
use kneepoint_model::text;
use kneepoint_model::verdict::{Verdict, VerdictStatus};

use crate::facts::RunFacts;
use crate::findings::lost_update::describe_imbalance;
use crate::types::Analysis;

/// Minimum number of requests for a verdict.
pub const MIN_REQUESTS: u64 = 20;

/// The base verdict: never `pass`, because no assertion has been checked yet; `fail` when updates were lost, because that
/// needs no assertion.
pub fn base_verdict(facts: &RunFacts, analysis: &Analysis) -> Verdict {
    let lost = facts.correctness.as_ref().filter(|audit| !audit.is_consistent());
    let lost = lost.map(|audit| format!("updates were lost under load: {}", describe_imbalance(audit)));
    let mut verdict = check_stack(facts)
        .or_else(|| check_smoke(facts))
        .or_else(|| check_load_stage(facts))
        .or_else(|| check_interrupted(facts))
        .or_else(|| check_measurement(facts, analysis))
        .unwrap_or_else(|| no_assertions(facts));
    if let Some(why) = lost {
        if verdict.status < VerdictStatus::Fail {
            verdict = Verdict::new(VerdictStatus::Fail, vec![why]);
        } else {
            verdict.reasons.push(why);
        }
    }
    let notes = &analysis.validity.notes;
    if matches!(verdict.status, VerdictStatus::NoAssertions | VerdictStatus::Invalid) {
        verdict.reasons.extend(notes.iter().cloned());
    }
    verdict
}

fn last_record(facts: &RunFacts, name: Stage) -> Option<&StageRecord> {
    facts.manifest.stages.iter().rev().find(|record| record.name == name)
}

fn failed(facts: &RunFacts, name: Stage) -> bool {
    last_record(facts, name).is_some_and(|record| record.status == StageStatus::Failed)
}

fn stop_reason(facts: &RunFacts, otherwise: &str) -> Vec<String> {
    vec![facts.manifest.stopped_by.clone().unwrap_or_else(|| otherwise.to_owned())]
}

fn check_stack(facts: &RunFacts) -> Option<Verdict> {
    if failed(facts, Stage::Up) {
        let reasons = stop_reason(facts, "the stack did not start: see logs/ in the run folder");
        return Some(Verdict::new(VerdictStatus::StackFailed, reasons));
    }
    let gone = facts.measured_phases().any(|phase| {
        let lost: u64 = [Outcome::Refused, Outcome::Dns].iter().filter_map(|o| phase.outcomes.get(o)).sum();
        phase.requests > 0 && lost == phase.requests
    });
    gone.then(|| {
        let reason =
            "the target disappeared: every request of a phase was refused; see logs/ in the run folder";
        Verdict::new(VerdictStatus::StackFailed, vec![reason.to_owned()])
    })
}

fn check_smoke(facts: &RunFacts) -> Option<Verdict> {
    let broken: Vec<&str> =
        facts.site.iter().flat_map(SiteMap::broken).map(|page| page.path.as_str()).take(4).collect();
    let loaded = facts.phases.iter().any(|phase| phase.requests > 0);
    if !failed(facts, Stage::Smoke) && (broken.is_empty() || loaded) {
        return None;
    }
    let reasons = if broken.is_empty() {
        stop_reason(facts, "the crawl failed; the load did not start")
    } else {
        let total = facts.site.iter().flat_map(SiteMap::broken).count();
        let named = broken.iter().take(3).map(|path| text::clean(path, 80)).collect::<Vec<_>>().join(", ");
        let more = if total > 3 { ", …" } else { "" };
        let pages = text::plural_form(total, "page is", "pages are");
        vec![format!("{total} {pages} broken ({named}{more}); the load did not start")]
    };
    Some(Verdict::new(VerdictStatus::SmokeFailed, reasons))
}

fn check_interrupted(facts: &RunFacts) -> Option<Verdict> {
    let manifest = &facts.manifest;
    let cut = manifest.stages.iter().any(|record| record.status == StageStatus::Interrupted);
    let finished = manifest.complete || last_record(facts, Stage::Down).is_some();
    if finished && !cut && manifest.stopped_by.is_none() {
        return None;
    }
    let mut verdict = Verdict::new(
        VerdictStatus::Partial,
        stop_reason(facts, "the run was interrupted; its results are partial"),
    );
    let terminated =
        manifest.stopped_by.as_ref().is_some_and(|by| by.to_ascii_uppercase().contains("SIGTERM"));
    if terminated {
        verdict.exit_code = ExitCode::Terminated.code();
    }
    Some(verdict)
}

fn check_load_stage(facts: &RunFacts) -> Option<Verdict> {
    failed(facts, Stage::Load).then(|| {
        let reasons = stop_reason(facts, "the load stage failed: see events.jsonl in the run folder");
        Verdict::new(VerdictStatus::Invalid, reasons)
    })
}

fn check_measurement(facts: &RunFacts, analysis: &Analysis) -> Option<Verdict> {
    if last_record(facts, Stage::Load).is_none_or(|record| record.status == StageStatus::Skipped)
        && facts.measured_phases().next().is_none()
    {
        return None;
    }
    let requests: u64 = facts.measured_phases().map(|phase| phase.requests).sum();
    // With an exhausted feed a longer load does not help: the validity of the phase contains the fix.
    let feed_exhausted = facts.measured_phases().any(|phase| !phase.exhausted_feeds.is_empty());
    if requests < MIN_REQUESTS && !feed_exhausted {
        let reason = format!("only {requests} requests completed in the measured parts: load for longer");
        return Some(Verdict::new(VerdictStatus::Inconclusive, vec![reason]));
    }
    (!analysis.validity.valid).then(|| Verdict::new(VerdictStatus::Invalid, analysis.validity.why.clone()))
}

fn no_assertions(facts: &RunFacts) -> Verdict {
    let reason = if facts.phases.is_empty() {
        "no load was requested, and there are no assertions"
    } else {
        "there are no assertions; the measurement is valid"
    };
    Verdict::new(VerdictStatus::NoAssertions, vec![reason.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{analyse, fixtures};

    fn verdict_of(facts: &RunFacts) -> Verdict {
        base_verdict(facts, &analyse(facts))
    }

    #[test]
    fn a_valid_run_without_assertions_is_done() {
        let verdict = verdict_of(&fixtures::healthy());
        assert_eq!((verdict.status, verdict.exit_code), (VerdictStatus::NoAssertions, 0), "{verdict:?}");
    }

    #[test]
    fn an_interrupted_run_is_partial() {
        let mut facts = fixtures::healthy();
        facts.manifest.stages.retain(|record| record.name != Stage::Down);
        facts.manifest.complete = false;
        assert_eq!(verdict_of(&facts).status, VerdictStatus::Partial);
        facts.manifest.stopped_by = Some("SIGTERM".into());
        assert_eq!(verdict_of(&facts).exit_code, 143);
    }

    #[test]
    fn an_invalid_phase_makes_an_invalid_run() {
        let mut facts = fixtures::healthy();
        facts.phases[1].validity.valid = false;
        facts.phases[1].validity.why = vec!["only 80 % of the offered rate was sent".into()];
        let verdict = verdict_of(&facts);
        assert_eq!((verdict.status, verdict.exit_code), (VerdictStatus::Invalid, 4));
        assert!(verdict.reasons[0].starts_with("open: only 80 %"), "{verdict:?}");
    }

    #[test]
    fn the_profiled_phase_does_not_invalidate_the_run() {
        let mut facts = fixtures::healthy();
        facts.phases[2].validity.valid = false;
        assert_eq!(verdict_of(&facts).status, VerdictStatus::NoAssertions);
    }

    #[test]
    fn a_broken_page_stops_before_load() {
        let mut facts = fixtures::healthy();
        facts.phases.clear();
        facts.site.as_mut().expect("site").pages[0].verdict = kneepoint_model::site::PageVerdict::Failed;
        let verdict = verdict_of(&facts);
        assert_eq!((verdict.status, verdict.exit_code), (VerdictStatus::SmokeFailed, 6));
        assert!(verdict.reasons[0].starts_with("1 page is broken"), "{verdict:?}");
    }

    #[test]
    fn a_missing_stack_is_a_stack_failure() {
        let mut facts = fixtures::healthy();
        facts.manifest.stages[0].status = StageStatus::Failed;
        assert_eq!(verdict_of(&facts).exit_code, 5);
        let mut facts = fixtures::healthy();
        facts.phases[0].outcomes =
            std::collections::BTreeMap::from([(Outcome::Refused, facts.phases[0].requests)]);
        assert_eq!(verdict_of(&facts).exit_code, 5);
    }

    #[test]
    fn too_few_requests_are_inconclusive() {
        let mut facts = fixtures::healthy();
        facts.phases.iter_mut().for_each(|phase| phase.requests = 4);
        assert_eq!(verdict_of(&facts).status, VerdictStatus::Inconclusive);
    }

    #[test]
    fn an_exhausted_feed_is_reported_though_few_requests_were_made() {
        let mut facts = fixtures::healthy();
        facts.phases.iter_mut().for_each(|phase| phase.requests = 4);
        facts.phases[0].exhausted_feeds.push(kneepoint_model::load::ExhaustedFeed::default());
        facts.phases[0].validity.valid = false;
        facts.phases[0].validity.why = vec!["feed `account` had none left".into()];
        let verdict = verdict_of(&facts);
        assert_eq!(verdict.status, VerdictStatus::Invalid);
        assert!(verdict.reasons.iter().any(|why| why.contains("had none left")), "{verdict:?}");
    }
}
