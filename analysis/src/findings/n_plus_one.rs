//! One statement per row, proven by slope: the same list asked for at two sizes makes statements in proportion to rows.
//!
//! Thresholds: at least [`SLOPE_PROVEN`] statements per row and points that lie on the line (one statement either way is
//! granted, because a page may hold one more row of something else). Seen in practice: slope 1.00 exactly, and 2.00 for
//! two at once. The saving counts database time only; the object work around each statement comes on top.

use kneepoint_model::finding::{Evidence, Finding, Rule, Severity, finding_id};
use kneepoint_model::probe::{RouteProbe, SlopeTest, Statement};
use kneepoint_model::tier::Tier;

use super::context::{from_probe, rate_evidence};
use super::repeats::counted_evidence;
use super::statement::purpose;
use super::text::{clip, clip_to, count};
use super::{Context, Judgement};

/// Statements per row from which an N+1 is proven.
pub const SLOPE_PROVEN: f64 = 0.8;
/// Farthest that a point may lie from the line, in statements.
pub const RESIDUAL_MOST: f64 = 1.0;
/// Fewest rows between the smallest and the largest list that make a slope.
pub const ROWS_APART: u32 = 3;

pub(super) fn check(context: &Context<'_>) -> Judgement {
    if context.probed().all(|route| route.slope.is_none()) {
        return Judgement::not_judged(
            "no route could be asked for at two sizes (`page_size`, `limit`, `per_page`), so no slope was measured",
        );
    }
    let proven = context.probed().filter_map(|route| Some((route, proven(route)?)));
    Judgement::found(proven.map(|(route, slope)| finding(context, route, slope)).collect())
}

/// The slope test of a route, when it proves an N+1.
pub(super) fn proven(route: &RouteProbe) -> Option<&SlopeTest> {
    let slope = route.slope.as_ref()?;
    let rows = slope.points.iter().map(|(rows, _)| *rows);
    let apart = rows.clone().max()? - rows.min()?;
    (apart >= ROWS_APART && slope.slope >= SLOPE_PROVEN && slope.residual <= RESIDUAL_MOST).then_some(slope)
}

/// The statement that was repeated most, as the probe wrote it down.
pub(super) fn repeated<'a>(context: &Context<'a>, slope: &SlopeTest) -> Option<&'a Statement> {
    let (_, digest) = slope.repeats.as_ref()?;
    context.facts.probe.as_ref()?.statements.get(digest)
}

/// Evidence of what is repeated, and where in the code.
///
/// The probe writes a statement down once, on the route where it was first repeated: its place in the code is that of
/// this route only.
pub(super) fn statement_evidence(statement: &Statement, route: &str, repeats: Option<u32>) -> Evidence {
    let times = repeats.map_or_else(|| "again and again".to_owned(), |n| format!("{n} times"));
    let code = place(statement, route).map_or_else(String::new, |code| format!(", from {code}"));
    from_probe(format!(
        "the same statement ran {times} in one request{code}: {}",
        clip_to(&statement.sql, 300)
    ))
}

/// Where in the code the statement is repeated, when it was written down on this route.
fn place(statement: &Statement, route: &str) -> Option<String> {
    (statement.route == route && !statement.code.is_empty()).then(|| clip(&statement.code))
}

fn statements(slope: f64) -> String {
    let number = count(slope);
    if number == "1" { "one statement".to_owned() } else { format!("{number} statements") }
}

fn finding(context: &Context<'_>, route: &RouteProbe, slope: &SlopeTest) -> Finding {
    let points: Vec<String> = slope
        .points
        .iter()
        .map(|(rows, statements)| format!("{rows} rows → {statements} statements"))
        .collect();
    let mut evidence = vec![from_probe(format!(
        "{}: {} for each row (`{}` = size of the list)",
        points.join(", "),
        statements(slope.slope),
        clip(&slope.parameter)
    ))];
    let statement = repeated(context, slope);
    if let Some(statement) = statement {
        evidence.push(statement_evidence(statement, &route.route, slope.repeats.as_ref().map(|(n, _)| *n)));
        evidence.extend(counted_evidence(context, statement));
    }
    evidence.extend(rate_evidence(context, route));
    let advice = purpose(statement.map_or("", |statement| &statement.sql)).advice();
    let at = statement
        .and_then(|statement| place(statement, &route.route))
        .map_or_else(String::new, |code| format!("at {code}: "));
    Finding {
        id: finding_id(Rule::NPlusOne, Tier::Server, Some(&route.route)),
        rule: Rule::NPlusOne,
        severity: Severity::Proven,
        tier: Tier::Server,
        route: Some(route.route.clone()),
        title: format!("N+1 queries on {}: {} for each row", clip(&route.route), statements(slope.slope)),
        evidence,
        saving: saving(context, route, slope),
        fix: format!("{at}{advice}"),
        reproduce: context.curl_headers(&route.path, "^server-timing"),
    }
}

fn saving(
    context: &Context<'_>,
    route: &RouteProbe,
    slope: &SlopeTest,
) -> Option<kneepoint_model::finding::Saving> {
    let queries = f64::from(route.queries?);
    let per_statement = route.db_us?.as_millis() / queries;
    // What does not grow with the rows stays; of the rest, one statement for each relation stays too.
    let (rows, statements) = slope.points.iter().max_by_key(|(rows, _)| *rows)?;
    let fixed = (f64::from(*statements) - slope.slope * f64::from(*rows)).max(0.0);
    let saved = queries - fixed - slope.slope.round();
    let basis = format!(
        "{} of {} statements at {per_statement:.2} ms of database time each, alone; the object work around each comes on top",
        count(saved),
        route.queries?
    );
    context.saving(route, saved * per_statement, &basis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand;

    fn with(slope: f64, residual: f64, points: &[(u32, u32)]) -> Vec<Finding> {
        let mut facts = hand::healthy();
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
        hand::findings(&facts, check)
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
    fn the_place_in_the_code_is_that_of_the_route_where_it_was_seen() {
        let statement = Statement {
            digest: "3fa9c1".into(),
            sql: "SELECT 1".into(),
            route: "catalogue/".into(),
            code: "catalogue.html:12".into(),
        };
        assert_eq!(place(&statement, "catalogue/").as_deref(), Some("catalogue.html:12"));
        assert_eq!(place(&statement, "api/books/"), None);
    }

    #[test]
    fn a_flat_line_a_cloud_or_too_close_points_are_no_proof() {
        assert!(with(0.0, 0.0, &[(12, 5), (24, 5)]).is_empty());
        assert!(with(1.0, 6.0, &[(12, 14), (18, 26), (24, 26)]).is_empty());
        assert!(with(1.0, 0.0, &[(12, 14), (13, 15)]).is_empty());
    }

    #[test]
    fn proof_stands_without_load_but_promises_nothing() {
        let mut facts = hand::healthy();
        facts.phases.clear();
        facts.probe.as_mut().expect("probe").routes[0].slope = Some(SlopeTest {
            parameter: "limit".into(),
            points: vec![(10, 12), (20, 22)],
            slope: 1.0,
            residual: 0.0,
            repeats: None,
        });
        let found = hand::findings(&facts, check);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].saving, None);
    }
}
