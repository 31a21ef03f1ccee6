//! Many statements in one request, without a slope that would prove an N+1.
//!
//! Thresholds: the same statement five times in one request is what Sentry calls an N+1 (and asks 50 ms for, which is
//! far too much for a database on the same host); without a word about repetition, [`MANY`] statements in one request.

use kneepoint_model::finding::{Evidence, Finding, Rule, Severity, finding_id};
use kneepoint_model::probe::{RouteProbe, Statement};
use kneepoint_model::tier::Tier;

use super::context::{from_probe, rate_evidence};
use super::n_plus_one::{proven, repeated, statement_evidence};
use super::repeats::counted_evidence;
use super::statement::purpose;
use super::text::{clip, count};
use super::{Context, Judgement};

/// Repetitions of one statement from which a request is suspect.
pub const REPEATS: u32 = 5;
/// Statements in one request from which it is worth a look even when nothing is known of repetition.
pub const MANY: u32 = 20;

pub(super) fn check(context: &Context<'_>) -> Judgement {
    if context.probed().all(|route| route.queries.is_none()) {
        return Judgement::not_judged(
            "no route said how many statements it makes: add kneepoint's Django middleware to the site",
        );
    }
    let suspects = context.probed().filter(|route| proven(route).is_none());
    Judgement::found(
        suspects.filter_map(|route| repeating(context, route).or_else(|| many(context, route))).collect(),
    )
}

fn repeating(context: &Context<'_>, route: &RouteProbe) -> Option<Finding> {
    let slope = route.slope.as_ref()?;
    let (repeats, _) = slope.repeats.as_ref().filter(|(repeats, _)| *repeats >= REPEATS)?;
    let statement = repeated(context, slope);
    let mut evidence = vec![from_probe(format!(
        "one statement ran {repeats} times in one request, but the number did not follow the size of the list ({} \
         statements for each row)",
        count(slope.slope)
    ))];
    evidence.extend(statement.map(|statement| statement_evidence(statement, &route.route, Some(*repeats))));
    evidence.extend(statement.and_then(|statement| counted_evidence(context, statement)));
    Some(finding(context, route, Severity::Likely, evidence, statement, f64::from(*repeats - 1)))
}

fn many(context: &Context<'_>, route: &RouteProbe) -> Option<Finding> {
    let queries = route.queries.filter(|queries| *queries >= MANY)?;
    let probe = context.facts.probe.as_ref()?;
    let statement = probe.statements.values().find(|statement| statement.route == route.route);
    let mut evidence = vec![from_probe(format!("{queries} statements in one request, alone"))];
    evidence.extend(statement.map(|statement| statement_evidence(statement, &route.route, None)));
    Some(finding(context, route, Severity::Hint, evidence, statement, 0.0))
}

fn finding(
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
    let basis = format!("{} statements at {per_statement:.2} ms of database time each, alone", count(saved));
    Finding {
        id: finding_id(Rule::ManyQueries, Tier::Server, Some(&route.route)),
        rule: Rule::ManyQueries,
        severity,
        tier: Tier::Server,
        route: Some(route.route.clone()),
        title: format!("{} makes {queries} statements in one request", clip(&route.route)),
        evidence,
        saving: context.saving(route, saved * per_statement, &basis),
        fix: purpose(statement.map_or("", |statement| &statement.sql)).advice(),
        reproduce: context.curl_headers(&route.path, "^server-timing"),
    }
}

#[cfg(test)]
mod tests {
    use kneepoint_model::probe::SlopeTest;

    use super::*;
    use crate::hand;

    fn with(queries: u32, repeats: Option<u32>) -> Vec<Finding> {
        let mut facts = hand::healthy();
        let route = &mut facts.probe.as_mut().expect("probe").routes[0];
        route.queries = Some(queries);
        route.slope = repeats.map(|repeats| SlopeTest {
            parameter: "page_size".into(),
            points: vec![(12, queries), (24, queries)],
            slope: 0.0,
            residual: 0.0,
            repeats: Some((repeats, "abc".into())),
        });
        hand::findings(&facts, check)
    }

    #[test]
    fn repetition_without_slope_is_likely() {
        let found = with(14, Some(9));
        assert_eq!((found.len(), found[0].severity), (1, Severity::Likely));
        assert!(found[0].saving.is_some());
    }

    #[test]
    fn a_great_number_alone_is_a_hint() {
        assert_eq!(with(40, None)[0].severity, Severity::Hint);
        assert!(with(8, None).is_empty());
        assert!(with(8, Some(2)).is_empty());
    }
}
