//! Pages without an upper limit on rows: one page that is many times larger than the other pages of the site.
//!
//! Threshold for size: Sentry's large payload is 300 kB on the wire. This rule uses the decoded size, from 256 KiB, and
//! only if it is [`TIMES_MEDIAN`] times the median page, because all pages of some sites are large. A database that counts
//! its statements shows the same fault by a `SELECT` without `LIMIT` that returns at least [`MIN_ROWS`] rows.

use kneepoint_model::db::{DigestDelta, Verb};
use kneepoint_model::finding::{Evidence, Finding, Rule, Severity, finding_id};
use kneepoint_model::probe::RouteProbe;
use kneepoint_model::site::PageKind;
use kneepoint_model::text::single_line;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros};

use super::context::{probe_evidence, rate_evidence};
use super::database::{
    DbObservation, MIN_EXECUTIONS, describe_cost, parse_digest, route_of, with_statements, work_ms,
};
use super::sql::RowLimit;
use super::text::{MAX_QUOTED, count};
use super::{Context, RuleOutcome};

/// Decoded size from which a page is large.
pub const LARGE: Bytes = Bytes(256 * 1024);
/// Decoded size from which the finding is likely instead of a hint.
pub const HUGE: Bytes = Bytes(1024 * 1024);
/// Minimum size of a page, as a multiple of the median of the other routes.
pub const TIMES_MEDIAN: u64 = 10;
/// Minimum number of other routes for a median.
pub const MIN_OTHERS: usize = 3;
/// Minimum number of rows that one execution without a `LIMIT` returns.
pub const MIN_ROWS: f64 = 200.0;

const FIX: &str = "limit the rows: `paginate_by = 24` on the ListView, `Paginator(queryset, 24)` in a view, \
                     `DEFAULT_PAGINATION_CLASS` and `PAGE_SIZE` (and `max_page_size`) in Django REST framework";

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    let pages: Vec<&RouteProbe> = context.probed_routes().filter(|route| is_list(context, route)).collect();
    let reads = wide_reads(context);
    if pages.len() <= MIN_OTHERS && reads.is_empty() {
        return RuleOutcome::inconclusive(
            "fewer than four routes were measured by themselves, so there is no usual size to compare with",
        );
    }
    let mut found: Vec<Finding> =
        pages.iter().filter_map(|route| check_page(context, route, &pages)).collect();
    for (observed, digest) in reads {
        let route = route_of(digest);
        match found.iter_mut().find(|known| route.is_some() && known.route == route) {
            Some(known) => known.evidence.extend(read_evidence(&observed, digest)),
            None => found.push(finding_by_rows(&observed, digest)),
        }
    }
    RuleOutcome::found(found)
}

/// Statements without a `LIMIT` that return many rows each time.
fn wide_reads<'a>(context: &Context<'a>) -> Vec<(DbObservation<'a>, &'a DigestDelta)> {
    let wide = |digest: &&DigestDelta| {
        let (sums, statement) = (&digest.sums, parse_digest(digest));
        digest.verb == Verb::Select
            && sums.count >= MIN_EXECUTIONS
            && sums.rows_sent as f64 >= sums.count as f64 * MIN_ROWS
            && statement.bound == RowLimit::None
            && !digest.text_cut
    };
    let observed = with_statements(context).unwrap_or_default();
    observed
        .iter()
        .flat_map(|one| one.database.statements.iter().filter(wide).map(|digest| (*one, digest)))
        .collect()
}

fn read_evidence(observed: &DbObservation<'_>, digest: &DigestDelta) -> [Evidence; 2] {
    let rows = count(digest.sums.rows_sent as f64 / digest.sums.count.max(1) as f64);
    [
        observed.evidence(format!(
            "a statement without `LIMIT` returns {rows} rows each time: {}",
            single_line(&digest.text, 200)
        )),
        observed.evidence(describe_cost(observed, digest)),
    ]
}

/// A long list that only the database counters show.
fn finding_by_rows(observed: &DbObservation<'_>, digest: &DigestDelta) -> Finding {
    let table = parse_digest(digest).table.unwrap_or_default();
    let rows = count(digest.sums.rows_sent as f64 / digest.sums.count.max(1) as f64);
    let route = route_of(digest);
    let basis =
        "the server-side time of the statement; the work of the application on the rows is not included";
    Finding {
        id: finding_id(Rule::NoPagination, Tier::Db, Some(route.as_deref().unwrap_or(&table))),
        rule: Rule::NoPagination,
        severity: Severity::Likely,
        tier: Tier::Db,
        route,
        title: format!(
            "{rows} rows of `{}` are fetched at once: a list seems to have no pagination",
            single_line(&table, MAX_QUOTED)
        ),
        evidence: read_evidence(observed, digest).into(),
        saving: observed.saving(digest, work_ms(digest), basis.to_owned()),
        fix: FIX.to_owned(),
        reproduce: format!("in the site's database: EXPLAIN ANALYZE {}", single_line(&digest.text, 300)),
    }
}

/// True for pages and API responses, and for paths that the crawl did not find.
fn is_list(context: &Context<'_>, route: &RouteProbe) -> bool {
    let page =
        context.facts.site.as_ref().and_then(|site| site.pages.iter().find(|page| page.path == route.path));
    page.is_none_or(|page| matches!(page.kind, PageKind::Html | PageKind::Api))
}

fn check_page(context: &Context<'_>, route: &RouteProbe, pages: &[&RouteProbe]) -> Option<Finding> {
    let others = || pages.iter().filter(|other| other.route != route.route);
    let usual = Bytes(median(others().map(|other| other.body_bytes.get()).collect())?);
    if route.body_bytes < LARGE || route.body_bytes.get() <= usual.get().saturating_mul(TIMES_MEDIAN) {
        return None;
    }
    let mut evidence = vec![probe_evidence(format!(
        "the body is {}; the usual page of this site is {} (median of the other routes)",
        route.body_bytes, usual
    ))];
    evidence.extend(rate_evidence(context, route));
    let usual_app = median(others().filter_map(|other| other.app_us.map(Micros::get)).collect()).map(Micros);
    let saving = route.app_us.zip(usual_app).and_then(|(app, usual)| {
        let basis = format!(
            "its application time ({app}, measured by itself) minus that of the usual page ({usual})"
        );
        context.saving(route, (app - usual).as_millis(), &basis)
    });
    Some(Finding {
        id: finding_id(Rule::NoPagination, Tier::Server, Some(&route.route)),
        rule: Rule::NoPagination,
        severity: if route.body_bytes >= HUGE { Severity::Likely } else { Severity::Hint },
        tier: Tier::Server,
        route: Some(route.route.clone()),
        title: format!(
            "{} sends {} in one response: it seems to have no pagination",
            single_line(&route.route, MAX_QUOTED),
            route.body_bytes
        ),
        evidence,
        saving,
        fix: FIX.to_owned(),
        reproduce: format!(
            "curl -s -o /dev/null -w '%{{size_download}} bytes in %{{time_total}} s\\n' {}",
            context.url(&route.path)
        ),
    })
}

fn median(mut values: Vec<u64>) -> Option<u64> {
    if values.len() < MIN_OTHERS {
        return None;
    }
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use kneepoint_model::db::{StatementSample, StatementSums};
    use kneepoint_model::units::UnixMillis;

    use super::*;
    use crate::fixtures;

    fn with(kib: u64) -> Vec<Finding> {
        let mut facts = fixtures::healthy();
        let route = &mut facts.probe.as_mut().expect("probe").routes[0];
        route.body_bytes = Bytes(kib * 1024);
        route.app_us = Some(Micros(500_000));
        fixtures::findings(&facts, check)
    }

    #[test]
    fn one_page_far_beyond_the_others_is_found() {
        let found = with(1_600);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Likely));
        assert!(found[0].saving.as_ref().expect("loaded").ms_per_request > 400.0);
        assert_eq!(with(300)[0].severity, Severity::Hint);
    }

    fn reads(text: &str, rows: u64, of: Option<&str>) -> crate::RunFacts {
        let mut facts = fixtures::healthy();
        let sums = StatementSums {
            count: 50,
            timer_us: Micros(50 * 9_000),
            rows_sent: 50 * rows,
            ..StatementSums::default()
        };
        let mut digest = fixtures::digest(Verb::Select, text, sums);
        digest.sample = of.map(|route| StatementSample {
            text: text.into(),
            text_cut: false,
            route: Some(route.into()),
            trace_id: None,
            at_ms: UnixMillis(0),
            timer_us: Micros(9_000),
        });
        fixtures::window(&mut facts, "open").databases[0].statements.push(digest);
        facts
    }

    const ALL: &str = "SELECT `b` . `id` FROM `b` ORDER BY `b` . `date` DESC";

    #[test]
    fn a_statement_that_returns_a_whole_table_is_found_where_pages_are_small() {
        let found = fixtures::findings(&reads(ALL, 500, None), check);
        assert_eq!((found.len(), found[0].tier), (1, Tier::Db));
        assert!(found[0].title.starts_with("500 rows of `b`"), "{}", found[0].title);
        assert!((found[0].saving.as_ref().expect("it takes time").ms_per_request - 9.0).abs() < 1e-9);
        assert!(fixtures::findings(&reads(ALL, 24, None), check).is_empty());
        assert!(fixtures::findings(&reads(&format!("{ALL} LIMIT ?"), 500, None), check).is_empty());
    }

    #[test]
    fn page_size_and_database_rows_are_one_finding() {
        let mut facts = reads(ALL, 500, Some("catalogue/"));
        facts.probe.as_mut().expect("probe").routes[0].body_bytes = Bytes(1_600 * 1024);
        let found = fixtures::findings(&facts, check);
        assert_eq!((found.len(), found[0].tier), (1, Tier::Server));
        assert!(found[0].evidence.iter().any(|one| one.text.contains("without `LIMIT`")), "{found:?}");
    }

    #[test]
    fn a_page_of_common_size_is_not() {
        assert!(with(100).is_empty());
    }

    #[test]
    fn a_site_with_only_large_pages_has_no_finding() {
        let mut facts = fixtures::healthy();
        for route in &mut facts.probe.as_mut().expect("probe").routes {
            route.body_bytes = Bytes(600 * 1024);
        }
        assert!(fixtures::findings(&facts, check).is_empty());
    }
}
