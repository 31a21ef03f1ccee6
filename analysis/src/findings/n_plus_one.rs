//! One statement per row, proven by slope: the number of statements grows with the size of the requested list.
//!
//! Thresholds: at least [`SLOPE_PROVEN`] statements per row, and points on a line (with a tolerance of one statement,
//! because a page may contain one more row of another kind). Measured: slope exactly 1.00, and 2.00 for two N+1 at once.
//! The saving includes database time only, not the object work of each statement.

use kneepoint_model::finding::{Evidence, Finding, Rule, Severity, finding_id};
use kneepoint_model::probe::{RouteProbe, SlopeTest, Statement};
use kneepoint_model::text::single_line;
use kneepoint_model::tier::Tier;

use super::context::{probe_evidence, rate_evidence};
use super::repeats::counted_evidence;
use super::statement::classify;
use super::text::{MAX_QUOTED, count};
use super::{Context, RuleOutcome};

/// Minimum number of statements per row.
pub const SLOPE_PROVEN: f64 = 0.8;
/// Maximum distance of a point from the line, in statements.
pub const MAX_RESIDUAL: f64 = 1.0;
/// Minimum difference in rows between the smallest and the largest list.
pub const MIN_ROW_DIFFERENCE: u32 = 3;

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    if context.probed_routes().all(|route| route.slope.is_none()) {
        return RuleOutcome::inconclusive(
            "no route has a size parameter (`page_size`, `limit`, `per_page`), so no slope was measured",
        );
    }
    let proven = context.probed_routes().filter_map(|route| Some((route, proven_slope(route)?)));
    RuleOutcome::found(proven.map(|(route, slope)| build_finding(context, route, slope)).collect())
}

/// The slope test of a route if it proves an N+1.
pub(super) fn proven_slope(route: &RouteProbe) -> Option<&SlopeTest> {
    let slope = route.slope.as_ref()?;
    let rows = slope.points.iter().map(|(rows, _)| *rows);
    let difference = rows.clone().max()? - rows.min()?;
    (difference >= MIN_ROW_DIFFERENCE && slope.slope >= SLOPE_PROVEN && slope.residual <= MAX_RESIDUAL)
        .then_some(slope)
}

/// The most repeated statement, as recorded by the probe.
pub(super) fn repeated_statement<'a>(context: &Context<'a>, slope: &SlopeTest) -> Option<&'a Statement> {
    let (_, digest) = slope.repeats.as_ref()?;
    context.facts.probe.as_ref()?.statements.get(digest)
}

/// Evidence of the repeated statement and its position in the code.
///
/// The probe records a statement once, on the route where it was first repeated: its position in the code belongs to this
/// route only.
pub(super) fn statement_evidence(statement: &Statement, route: &str, repeats: Option<u32>) -> Evidence {
    let times = repeats.map_or_else(|| "repeatedly".to_owned(), |n| format!("{n} times"));
    let code = source_position(statement, route).map_or_else(String::new, |code| format!(", from {code}"));
    probe_evidence(format!(
        "the same statement ran {times} in one request{code}: {}",
        single_line(&statement.sql, 300)
    ))
}

/// The position in the code if the statement was recorded on this route.
fn source_position(statement: &Statement, route: &str) -> Option<String> {
    (statement.route == route && !statement.code.is_empty()).then(|| single_line(&statement.code, MAX_QUOTED))
}

fn count_statements(slope: f64) -> String {
    let number = count(slope);
    if number == "1" { "one statement".to_owned() } else { format!("{number} statements") }
}

fn build_finding(context: &Context<'_>, route: &RouteProbe, slope: &SlopeTest) -> Finding {
    let points: Vec<String> = slope
        .points
        .iter()
        .map(|(rows, statements)| format!("{rows} rows → {statements} statements"))
        .collect();
    let mut evidence = vec![probe_evidence(format!(
        "{}: {} per row (`{}` = size of the list)",
        points.join(", "),
        count_statements(slope.slope),
        single_line(&slope.parameter, MAX_QUOTED)
    ))];
    let statement = repeated_statement(context, slope);
    if let Some(statement) = statement {
        evidence.push(statement_evidence(statement, &route.route, slope.repeats.as_ref().map(|(n, _)| *n)));
        evidence.extend(counted_evidence(context, statement));
    }
    evidence.extend(rate_evidence(context, route));
    let advice = classify(statement.map_or("", |statement| &statement.sql)).advice();
    let position = statement
        .and_then(|statement| source_position(statement, &route.route))
        .map_or_else(String::new, |code| format!("at {code}: "));
    Finding {
        id: finding_id(Rule::NPlusOne, Tier::Server, Some(&route.route)),
        rule: Rule::NPlusOne,
        severity: Severity::Proven,
        tier: Tier::Server,
        route: Some(route.route.clone()),
        title: format!(
            "N+1 queries on {}: {} per row",
            single_line(&route.route, MAX_QUOTED),
            count_statements(slope.slope)
        ),
        evidence,
        saving: estimate_saving(context, route, slope),
        fix: format!("{position}{advice}"),
        reproduce: context.curl_headers(&route.path, "^server-timing"),
    }
}

fn estimate_saving(
    context: &Context<'_>,
    route: &RouteProbe,
    slope: &SlopeTest,
) -> Option<kneepoint_model::finding::Saving> {
    let queries = f64::from(route.queries?);
    let per_statement = route.db_us?.as_millis() / queries;
    // Statements that do not grow with the rows remain; of the others, one per relation remains.
    let (rows, statements) = slope.points.iter().max_by_key(|(rows, _)| *rows)?;
    let fixed = (f64::from(*statements) - slope.slope * f64::from(*rows)).max(0.0);
    let saved = queries - fixed - slope.slope.round();
    let basis = format!(
        "{} of {} statements at {per_statement:.2} ms of database time each, measured by themselves, without the object work",
        count(saved),
        route.queries?
    );
    context.saving(route, saved * per_statement, &basis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn with(slope: f64, residual: f64, points: &[(u32, u32)]) -> Vec<Finding> {
        let mut facts = fixtures::healthy();
        let probe = facts.probe.as_mut().expect("probe");
        probe.routes[0].queries = Some(26);
        probe.routes[0].db_us = Some(kneepoint_model::units::Micros(5_200));
        probe.routes[0].slope = Some(SlopeTest {
            parameter: "page_size".into(),
            points: points.to_vec(),
            slope,
            residual,
            repeats: Some((24, "3fa9c1".into())),
        });
        let sql = r#"SELECT "books_author"."id" FROM "books_author" WHERE "books_author"."id" = ? LIMIT ?"#;
        probe.statements.insert(
            "3fa9c1".into(),
            Statement {
                digest: "3fa9c1".into(),
                sql: sql.into(),
                route: "catalogue/".into(),
                code: "books/templates/catalogue.html:12".into(),
            },
        );
        fixtures::findings(&facts, check)
    }

    #[test]
    fn a_slope_of_one_is_proof_and_names_the_field() {
        let found = with(1.0, 0.0, &[(12, 14), (24, 26)]);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Proven));
        assert!(found[0].fix.contains("books/templates/catalogue.html:12: "), "{}", found[0].fix);
        assert!(found[0].fix.contains(r#"select_related("author")"#), "{}", found[0].fix);
        let saving = found[0].saving.as_ref().expect("loaded");
        // 26 statements, 2 fixed, 1 stays: 23 at 0.2 ms.
        assert!((saving.ms_per_request - 4.6).abs() < 1e-9, "{saving:?}");
        assert!((saving.requests_per_second - 25.0).abs() < 1e-9, "{saving:?}");
    }

    #[test]
    fn the_source_position_belongs_to_the_recording_route() {
        let statement = Statement {
            digest: "3fa9c1".into(),
            sql: "SELECT 1".into(),
            route: "catalogue/".into(),
            code: "catalogue.html:12".into(),
        };
        assert_eq!(source_position(&statement, "catalogue/").as_deref(), Some("catalogue.html:12"));
        assert_eq!(source_position(&statement, "api/books/"), None);
    }

    #[test]
    fn a_flat_line_a_cloud_or_too_close_points_are_no_proof() {
        assert!(with(0.0, 0.0, &[(12, 5), (24, 5)]).is_empty());
        assert!(with(1.0, 6.0, &[(12, 14), (18, 26), (24, 26)]).is_empty());
        assert!(with(1.0, 0.0, &[(12, 14), (13, 15)]).is_empty());
    }

    #[test]
    fn an_n_plus_one_without_load_has_no_saving() {
        let mut facts = fixtures::healthy();
        facts.phases.clear();
        facts.probe.as_mut().expect("probe").routes[0].slope = Some(SlopeTest {
            parameter: "limit".into(),
            points: vec![(10, 12), (20, 22)],
            slope: 1.0,
            residual: 0.0,
            repeats: None,
        });
        let found = fixtures::findings(&facts, check);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].saving, None);
    }
}
