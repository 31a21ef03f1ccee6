//! The order of findings: those that invalidate the measurement first, then by estimated saving, then by severity.

use std::cmp::{Ordering, Reverse};

use kneepoint_model::finding::{Finding, Rule, Saving, Severity};

/// Sorts findings; the result does not depend on the order of the input.
pub(super) fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        rank(b)
            .cmp(&rank(a))
            .then_with(|| by_saving(a, b))
            .then_with(|| Reverse(a.severity).cmp(&Reverse(b.severity)))
            .then_with(|| a.id.cmp(&b.id))
    });
}

/// Lost updates come first. Errors and a limited generator invalidate every other figure, and a leak of user data is not
/// measured in milliseconds.
fn rank(finding: &Finding) -> u8 {
    match finding.rule {
        Rule::LostUpdate => 2,
        Rule::GeneratorLimited | Rule::Errors | Rule::UnsafeCache if finding.severity > Severity::Hint => 1,
        _ => 0,
    }
}

fn by_saving(a: &Finding, b: &Finding) -> Ordering {
    let saved = |finding: &Finding| finding.saving.as_ref().map_or(0.0, Saving::ms_per_second);
    saved(b).total_cmp(&saved(a))
}

#[cfg(test)]
mod tests {
    use kneepoint_model::tier::Tier;

    use super::*;

    fn build_finding(rule: Rule, severity: Severity, ms: f64) -> Finding {
        Finding {
            id: format!("{rule:?}{ms}"),
            rule,
            severity,
            tier: Tier::Server,
            route: None,
            title: String::new(),
            evidence: Vec::new(),
            saving: (ms > 0.0).then(|| Saving {
                ms_per_request: ms,
                requests_per_second: 1.0,
                basis: String::new(),
            }),
            fix: String::new(),
            reproduce: String::new(),
        }
    }

    #[test]
    fn lost_updates_and_errors_come_first_then_savings_then_severity() {
        let mut all = vec![
            build_finding(Rule::CacheMiss, Severity::Hint, 5.0),
            build_finding(Rule::Errors, Severity::Hint, 0.0),
            build_finding(Rule::DebugMode, Severity::Likely, 0.0),
            build_finding(Rule::NPlusOne, Severity::Proven, 9.0),
            build_finding(Rule::Errors, Severity::Proven, 0.0),
            build_finding(Rule::LostUpdate, Severity::Proven, 0.0),
        ];
        sort(&mut all);
        let order: Vec<_> = all.iter().map(|f| (f.rule, f.severity)).collect();
        assert_eq!(
            order,
            [
                (Rule::LostUpdate, Severity::Proven),
                (Rule::Errors, Severity::Proven),
                (Rule::NPlusOne, Severity::Proven),
                (Rule::CacheMiss, Severity::Hint),
                (Rule::DebugMode, Severity::Likely),
                (Rule::Errors, Severity::Hint),
            ]
        );
    }
}
