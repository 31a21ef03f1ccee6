//! Many statements in one request, without a slope that proves an N+1.
//!
//! Thresholds: Sentry calls five executions of the same statement in one request an N+1 (with at least 50 ms, which is too
//! much for a database on the same host); without data about repetition, [`MANY`] statements in one request.

use kneepoint_model::finding::{Evidence, Finding, Rule, Severity, finding_id};
use kneepoint_model::probe::{RouteProbe, Statement};
use kneepoint_model::text::single_line;
use kneepoint_model::tier::Tier;

use super::context::{probe_evidence, rate_evidence};
use super::n_plus_one::{proven_slope, repeated_statement, statement_evidence};
use super::repeats::counted_evidence;
use super::statement::classify;
use super::text::{MAX_QUOTED, count};
use super::{Context, RuleOutcome};

/// Minimum number of executions of one statement in one request.
pub const REPEATS: u32 = 5;
/// Minimum number of statements in one request when nothing is known about repetition.
pub const MANY: u32 = 20;

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    if context.probed_routes().all(|route| route.queries.is_none()) {
        return RuleOutcome::inconclusive(
            "no route reports its number of statements: add kneepoint's Django middleware to the site",
        );
    }
    let suspects = context.probed_routes().filter(|route| proven_slope(route).is_none());
    RuleOutcome::found(
        suspects
            .filter_map(|route| check_repeats(context, route).or_else(|| check_count(context, route)))
            .collect(),
    )
}

fn check_repeats(context: &Context<'_>, route: &RouteProbe) -> Option<Finding> {
    let slope = route.slope.as_ref()?;
    let (repeats, _) = slope.repeats.as_ref().filter(|(repeats, _)| *repeats >= REPEATS)?;
    let statement = repeated_statement(context, slope);
    let mut evidence = vec![probe_evidence(format!(
        "one statement ran {repeats} times in one request, but the number does not grow with the size of the list ({} \
         statements per row)",
        count(slope.slope)
    ))];
    evidence.extend(statement.map(|statement| statement_evidence(statement, &route.route, Some(*repeats))));
    evidence.extend(statement.and_then(|statement| counted_evidence(context, statement)));
    Some(build_finding(context, route, Severity::Likely, evidence, statement, f64::from(*repeats - 1)))
}

fn check_count(context: &Context<'_>, route: &RouteProbe) -> Option<Finding> {
    let queries = route.queries.filter(|queries| *queries >= MANY)?;
    let probe = context.facts.probe.as_ref()?;
    let statement = probe.statements.values().find(|statement| statement.route == route.route);
    let mut evidence =
        vec![probe_evidence(format!("{queries} statements in one request, measured by itself"))];
    evidence.extend(statement.map(|statement| statement_evidence(statement, &route.route, None)));
    Some(build_finding(context, route, Severity::Hint, evidence, statement, 0.0))
}

fn build_finding(
    context: &Context<'_>,
    route: &RouteProbe,
    severity: Severity,
    mut evidence: Vec<Evidence>,
    statement: Option<&Statement>,
    saved: f64,
) -> Finding {
    evidence.extend(rate_evidence(context, route));
    let queries = route.queries.unwrap_or(0);
    let per_statement = route.db_us.map_or(0.0, |db| db.as_millis() / f64::from(queries.max(1)));
    let basis = format!(
        "{} statements at {per_statement:.2} ms of database time each, measured by themselves",
        count(saved)
    );
    Finding {
        id: finding_id(Rule::ManyQueries, Tier::Server, Some(&route.route)),
        rule: Rule::ManyQueries,
        severity,
        tier: Tier::Server,
        route: Some(route.route.clone()),
        title: format!("{} runs {queries} statements in one request", single_line(&route.route, MAX_QUOTED)),
        evidence,
        saving: context.saving(route, saved * per_statement, &basis),
        fix: classify(statement.map_or("", |statement| &statement.sql)).advice(),
        reproduce: context.curl_headers(&route.path, "^server-timing"),
    }
}

#[cfg(test)]
mod tests {
    use kneepoint_model::probe::SlopeTest;

    use super::*;
    use crate::fixtures;

    fn with(queries: u32, repeats: Option<u32>) -> Vec<Finding> {
        let mut facts = fixtures::healthy();
        let route = &mut facts.probe.as_mut().expect("probe").routes[0];
        route.queries = Some(queries);
        route.slope = repeats.map(|repeats| SlopeTest {
            parameter: "page_size".into(),
            points: vec![(12, queries), (24, queries)],
            slope: 0.0,
            residual: 0.0,
            repeats: Some((repeats, "abc".into())),
        });
        fixtures::findings(&facts, check)
    }

    #[test]
    fn repetition_without_slope_is_likely() {
        let found = with(14, Some(9));
        assert_eq!((found.len(), found[0].severity), (1, Severity::Likely));
        assert!(found[0].saving.is_some());
    }

    #[test]
    fn a_large_number_without_repetition_is_a_hint() {
        assert_eq!(with(40, None)[0].severity, Severity::Hint);
        assert!(with(8, None).is_empty());
        assert!(with(8, Some(2)).is_empty());
    }
}
