//! Checks assertions against measured figures. An inconclusive assertion is never a pass.
//!
//! Order of precedence: an unfinished run or an invalid measurement, whatever the assertions are; then a failed assertion
//! (or a finding at or above `fail_on`); then an inconclusive assertion; only then a pass.

use kneepoint_analysis::facts::OPEN;
use kneepoint_analysis::{Analysis, Disturbance, RunFacts};
use kneepoint_model::load::LoadPhase;
use kneepoint_model::metric::Unit;
use kneepoint_model::run::FORMAT_VERSION;
use kneepoint_model::summary::{AssertionResult, AssertionSummary};
use kneepoint_model::units::Ratio;
use kneepoint_model::verdict::{Verdict, VerdictStatus};

use crate::gate::GateResult;
use crate::measure::{Measured, default_phase, format_value, measure, samples_needed};
use crate::plan::{SloPlan, UnreadableAssertion};
use crate::slo::Assertion;

/// Share of failed requests above which a met latency limit proves nothing, because failures are fast.
pub const MAX_FAILED_SHARE: f64 = 0.01;

/// Checks every assertion of a plan; `base` is the verdict before any assertion.
pub fn judge(plan: &SloPlan, facts: &RunFacts, analysis: &Analysis, base: Verdict) -> GateResult {
    let judge = Judge { plan, facts, analysis };
    let global = plan.global.iter().map(|assertion| judge.check(assertion, None));
    let per_endpoint = plan.endpoints.iter().flat_map(|(endpoint, assertions)| {
        assertions.iter().map(|assertion| judge.check(assertion, Some(endpoint.as_str())))
    });
    let assertions: Vec<AssertionSummary> = global
        .chain(per_endpoint)
        .chain(plan.unreadable.iter().map(|one| unreadable_result(one, plan)))
        .collect();
    let failing: Vec<&kneepoint_model::finding::Finding> =
        analysis.findings.iter().filter(|f| plan.fail_on.is_some_and(|least| f.severity >= least)).collect();
    let mut failed: Vec<String> = describe_with_result(&assertions, AssertionResult::Fail);
    failed.extend(failing.iter().map(|finding| format!("finding {}: {}", finding.id, finding.title)));
    let inconclusive = describe_with_result(&assertions, AssertionResult::Inconclusive);
    GateResult {
        format_version: FORMAT_VERSION,
        verdict: final_verdict(plan, analysis, base, failed, inconclusive),
        failing_findings: failing.iter().map(|finding| finding.id.clone()).collect(),
        fail_on: plan.fail_on,
        assertions,
    }
}

/// An assertion that this kneepoint cannot parse is inconclusive.
fn unreadable_result(unreadable: &UnreadableAssertion, plan: &SloPlan) -> AssertionSummary {
    AssertionSummary {
        assertion: unreadable.text.clone(),
        endpoint: Some(unreadable.endpoint.clone()),
        phase: plan.phase.clone().unwrap_or_else(|| OPEN.to_owned()),
        actual: None,
        samples: 0,
        result: AssertionResult::Inconclusive,
        why: Some(unreadable.why.clone()),
    }
}

fn describe_with_result(assertions: &[AssertionSummary], result: AssertionResult) -> Vec<String> {
    assertions.iter().filter(|one| one.result == result).map(describe_assertion).collect()
}

/// The result of one assertion as a text.
pub(crate) fn describe_assertion(one: &AssertionSummary) -> String {
    let endpoint = one.endpoint.as_ref().map_or_else(String::new, |endpoint| format!("{endpoint}: "));
    let why = one.why.as_deref().unwrap_or("met");
    format!("{endpoint}`{}` in the {} phase: {why}", one.assertion, one.phase)
}

fn final_verdict(
    plan: &SloPlan,
    analysis: &Analysis,
    base: Verdict,
    failed: Vec<String>,
    inconclusive: Vec<String>,
) -> Verdict {
    if base.status >= VerdictStatus::Fail {
        // The exit code of a partial run depends on its stop reason, so the base verdict is kept; and a failure without
        // assertions (lost updates) stays a failure when all assertions are met.
        let mut verdict = base;
        verdict.reasons.extend(failed);
        return verdict;
    }
    let notes = analysis.validity.notes.iter().cloned();
    if !failed.is_empty() {
        return Verdict::new(
            VerdictStatus::Fail,
            failed.into_iter().chain(inconclusive).chain(notes).collect(),
        );
    }
    if base.status == VerdictStatus::Inconclusive || !inconclusive.is_empty() {
        let first = if base.status == VerdictStatus::Inconclusive { base.reasons } else { Vec::new() };
        return Verdict::new(
            VerdictStatus::Inconclusive,
            first.into_iter().chain(inconclusive).chain(notes).collect(),
        );
    }
    if plan.is_empty() { base } else { Verdict::new(VerdictStatus::Pass, notes.collect()) }
}

struct Judge<'a> {
    plan: &'a SloPlan,
    facts: &'a RunFacts,
    analysis: &'a Analysis,
}

/// The result of one assertion, with its figure if there is one.
struct CheckResult {
    measured: Option<Measured>,
    result: AssertionResult,
    why: Option<String>,
}

impl CheckResult {
    fn inconclusive(measured: Option<Measured>, why: String) -> Self {
        Self { measured, result: AssertionResult::Inconclusive, why: Some(why) }
    }
}

impl Judge<'_> {
    fn check(&self, assertion: &Assertion, endpoint: Option<&str>) -> AssertionSummary {
        let metric = assertion.metric();
        let name = self.plan.phase.clone().unwrap_or_else(|| default_phase(metric, self.facts).to_owned());
        let outcome = match self.facts.phase(&name) {
            Some(phase) => self.check_in_phase(assertion, endpoint, phase),
            None => CheckResult::inconclusive(None, format!("this run has no {name} phase")),
        };
        AssertionSummary {
            assertion: assertion.to_string(),
            endpoint: endpoint.map(str::to_owned),
            phase: name,
            actual: outcome.measured.map(|found| format_value(metric, found.value)),
            samples: outcome.measured.map_or(0, |found| found.samples),
            result: outcome.result,
            why: outcome.why,
        }
    }

    fn check_in_phase(
        &self,
        assertion: &Assertion,
        endpoint: Option<&str>,
        phase: &LoadPhase,
    ) -> CheckResult {
        let stats = endpoint.map(|name| phase.endpoints.iter().find(|stats| stats.name == name));
        if matches!(stats, Some(None)) {
            return CheckResult::inconclusive(None, "this endpoint had no requests".to_owned());
        }
        match measure(assertion.metric(), phase, stats.flatten(), self.analysis) {
            Err(why) => CheckResult::inconclusive(None, why),
            Ok(found) => {
                let (requests, errors) = stats
                    .flatten()
                    .map_or((phase.requests, phase.errors), |stats| (stats.requests, stats.errors));
                let failed = Ratio::from_parts(errors, requests).unwrap_or_default();
                self.compare(assertion, &phase.name, found, failed)
            }
        }
    }

    fn compare(&self, assertion: &Assertion, phase: &str, found: Measured, failed: Ratio) -> CheckResult {
        let conditions = self.analysis.conditions_of(phase);
        let metric = assertion.metric();
        let timed = matches!(metric.unit(), Unit::Time | Unit::PerSecond);
        let least = samples_needed(metric);
        let shown = format_value(metric, found.value);
        if found.samples < least {
            let why =
                format!("{} values are too few: {metric} needs {least}; load for longer", found.samples);
            return CheckResult::inconclusive((found.samples > 0).then_some(found), why);
        }
        if conditions.is_none_or(|phase| !phase.validity.valid) {
            let why = conditions
                .and_then(|phase| phase.validity.why.first())
                .map_or("no reason was recorded", String::as_str);
            return CheckResult::inconclusive(Some(found), format!("the measurement is invalid: {why}"));
        }
        if assertion.holds(found.value) {
            if metric.unit() == Unit::Time && failed.0 > MAX_FAILED_SHARE {
                let why = format!("{shown}, but {failed} of the requests failed, and failures are fast");
                return CheckResult::inconclusive(Some(found), why);
            }
            return CheckResult { measured: Some(found), result: AssertionResult::Pass, why: None };
        }
        if timed && conditions.is_some_and(|phase| phase.disturbance == Disturbance::Doubtful) {
            let why = format!("{shown} over {} values, but foreign CPU use may be the cause", found.samples);
            return CheckResult::inconclusive(Some(found), why);
        }
        let why = format!("{shown} over {} values", found.samples);
        CheckResult { measured: Some(found), result: AssertionResult::Fail, why: Some(why) }
    }
}

#[cfg(test)]
mod tests {
    use kneepoint_analysis::{analyse, base_verdict};
    use kneepoint_model::correctness::{StockAudit, StockCount};
    use kneepoint_model::finding::Severity;
    use kneepoint_model::units::Micros;

    use super::*;
    use crate::fixtures;

    fn gate(facts: &RunFacts, texts: &[&str]) -> GateResult {
        let analysis = analyse(facts);
        judge(&fixtures::plan(texts, &[]), facts, &analysis, base_verdict(facts, &analysis))
    }

    fn result(facts: &RunFacts, text: &str) -> (AssertionResult, VerdictStatus, String) {
        let gate = gate(facts, &[text]);
        let one = &gate.assertions[0];
        (one.result, gate.verdict.status, one.why.clone().unwrap_or_default())
    }

    #[test]
    fn lost_updates_fail_though_every_assertion_is_met() {
        let shop = |stock, sold| StockCount { stock, sold, orders: sold, below_zero: 0 };
        let mut facts = fixtures::run();
        facts.correctness = Some(StockAudit::from_counts(shop(100, 0), shop(95, 9)));
        let gate = gate(&facts, &["p50 < 15ms"]);
        assert_eq!((gate.verdict.status, gate.verdict.exit_code), (VerdictStatus::Fail, 1), "{gate:#?}");
        assert_eq!(gate.assertions[0].result, AssertionResult::Pass);
        assert!(gate.verdict.reasons[0].contains("4 of 9 sold pieces"), "{gate:#?}");
    }

    #[test]
    fn assertions_that_are_met_pass() {
        let gate = gate(
            &fixtures::run(),
            &[
                "p50 < 15ms",
                "p95 < 30ms",
                "error < 0.1%",
                "rps >= 90/s",
                "queries_per_request <= 5",
                "bytes_per_request < 4.1kB",
                "cpu_per_request < 20ms",
            ],
        );
        assert_eq!((gate.verdict.status, gate.verdict.exit_code), (VerdictStatus::Pass, 0), "{gate:#?}");
        assert!(gate.verdict.reasons.is_empty(), "{gate:#?}");
        let phases: Vec<&str> = gate.assertions.iter().map(|one| one.phase.as_str()).collect();
        assert_eq!(phases, ["open", "open", "open", "closed", "open", "open", "open"]);
        assert_eq!(gate.assertions[0].actual.as_deref(), Some("10.0 ms"));
    }

    #[test]
    fn a_violated_assertion_fails_with_its_figure() {
        let (result, status, why) = result(&fixtures::run(), "p95 < 20ms");
        assert_eq!((result, status), (AssertionResult::Fail, VerdictStatus::Fail));
        assert_eq!(why, "25.0 ms over 600 values");
        assert_eq!(gate(&fixtures::run(), &["p95 < 20ms"]).verdict.exit_code, 1);
    }

    #[test]
    fn too_few_values_are_never_a_pass() {
        let (result, status, why) = result(&fixtures::run(), "p99 < 10s");
        assert_eq!((result, status), (AssertionResult::Inconclusive, VerdictStatus::Inconclusive));
        assert!(why.contains("p99 needs 1000"), "{why}");
    }

    #[test]
    fn nothing_measured_is_never_a_pass() {
        let mut facts = fixtures::run();
        facts.phases.clear();
        assert_eq!(result(&facts, "p95 < 10s").0, AssertionResult::Inconclusive);
        let mut facts = fixtures::run();
        facts.samples.clear();
        assert_eq!(result(&facts, "cpu_per_request < 10s").0, AssertionResult::Inconclusive);
        assert_eq!(result(&fixtures::run(), "cache_hit > 90%").0, AssertionResult::Inconclusive);
        let plan = fixtures::plan(&[], &[("GET /nowhere/", &["p95 < 10s"])]);
        let analysis = analyse(&fixtures::run());
        let gate = judge(&plan, &fixtures::run(), &analysis, base_verdict(&fixtures::run(), &analysis));
        assert_eq!(gate.verdict.exit_code, 3);
    }

    #[test]
    fn an_invalid_measurement_outweighs_pass_and_fail() {
        let mut facts = fixtures::run();
        facts.phases[1].validity.valid = false;
        facts.phases[1].validity.why = vec!["the generator was late".into()];
        for text in ["p95 < 1s", "p95 < 1ms", "rps > 1000/s"] {
            let gate = gate(&facts, &[text]);
            assert_eq!((gate.verdict.status, gate.verdict.exit_code), (VerdictStatus::Invalid, 4), "{text}");
        }
        assert_eq!(result(&facts, "p95 < 1ms").0, AssertionResult::Inconclusive);
    }

    #[test]
    fn fast_failures_do_not_meet_a_latency_assertion() {
        let mut facts = fixtures::run();
        facts.phases[1].errors = 60;
        let (result, _, why) = result(&facts, "p95 < 1s");
        assert_eq!(result, AssertionResult::Inconclusive);
        assert!(why.contains("10.0 % of the requests failed"), "{why}");
    }

    #[test]
    fn foreign_cpu_makes_a_missed_time_inconclusive_but_not_a_count() {
        let mut facts = fixtures::run();
        for sample in &mut facts.samples {
            sample.host.foreign_us = Micros(sample.tick_us.get() * 6 / 10);
        }
        assert_eq!(result(&facts, "p95 < 1ms").0, AssertionResult::Inconclusive);
        assert_eq!(result(&facts, "p95 < 1s").0, AssertionResult::Pass);
        assert_eq!(result(&facts, "queries_per_request <= 1").0, AssertionResult::Fail);
    }

    #[test]
    fn findings_fail_the_run_if_configured() {
        let facts = fixtures::run();
        let mut analysis = analyse(&facts);
        analysis.findings.push(fixtures::finding(Severity::Likely));
        let base = base_verdict(&facts, &analysis);
        for (fail_on, status) in [
            (None, VerdictStatus::NoAssertions),
            (Some(Severity::Proven), VerdictStatus::Pass),
            (Some(Severity::Likely), VerdictStatus::Fail),
            (Some(Severity::Hint), VerdictStatus::Fail),
        ] {
            let plan = SloPlan { fail_on, ..SloPlan::default() };
            let gate = judge(&plan, &facts, &analysis, base.clone());
            assert_eq!(gate.verdict.status, status, "{fail_on:?}");
        }
    }

    #[test]
    fn a_partial_run_stays_partial_with_its_exit_code() {
        let mut facts = fixtures::run();
        facts.manifest.stopped_by = Some("SIGTERM".into());
        let gate = gate(&facts, &["p95 < 1s"]);
        assert_eq!((gate.verdict.status, gate.verdict.exit_code), (VerdictStatus::Partial, 143));
    }

    #[test]
    fn assertions_of_scenario_steps_are_checked_from_the_folder() {
        let mut facts = fixtures::run();
        let name = facts.phases[1].endpoints[0].name.clone();
        facts.phases[1].endpoints[0].slo = vec!["p95 <= 20ms".into(), "error <= 1%".into()];
        facts.phases[0].endpoints[0].slo = vec!["p95 <= 20ms".into()];
        let analysis = analyse(&facts);
        let base = base_verdict(&facts, &analysis);
        let plan = SloPlan::default().with_step_assertions(&facts);
        let gate = judge(&plan, &facts, &analysis, base.clone());
        let said: Vec<_> = gate
            .assertions
            .iter()
            .map(|one| (one.endpoint.as_deref(), one.assertion.as_str(), one.result))
            .collect();
        let name = Some(name.as_str());
        assert_eq!(
            said,
            [(name, "p95 <= 20ms", AssertionResult::Fail), (name, "error <= 1%", AssertionResult::Pass)]
        );
        assert_eq!(gate.verdict.exit_code, 1);
        // An assertion that this version cannot parse is never a pass.
        facts.phases[1].endpoints[0].slo = vec!["p42 <= 20ms".into(), "cpu_per_request < 1s".into()];
        facts.phases[0].endpoints[0].slo.clear();
        let plan = SloPlan::default().with_step_assertions(&facts);
        let gate = judge(&plan, &facts, &analysis, base);
        assert_eq!((gate.assertions.len(), gate.verdict.exit_code), (2, 3), "{gate:#?}");
    }

    #[test]
    fn a_named_phase_is_used_for_all() {
        let facts = fixtures::run();
        let analysis = analyse(&facts);
        let mut plan = fixtures::plan(&["p95 < 1s"], &[]);
        plan.phase = Some("closed".into());
        assert_eq!(
            judge(&plan, &facts, &analysis, base_verdict(&facts, &analysis)).assertions[0].phase,
            "closed"
        );
    }
}
