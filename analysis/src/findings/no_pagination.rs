//! Pages without an upper bound on rows: one page that is many times larger than the site's others.
//!
//! Threshold for size: Sentry's large payload is 300 kB on the wire; this looks at the decoded list, from 256 KiB, and only
//! where it is [`TIMES_MEDIAN`] times the site's median page, because some sites are heavy throughout. A database that counts
//! its statements tells the same by a `SELECT` without `LIMIT` that returns [`ROWS`] rows and more each time.

use kneepoint_model::db::{DigestDelta, Verb};
use kneepoint_model::finding::{Evidence, Finding, Rule, Severity, finding_id};
use kneepoint_model::probe::RouteProbe;
use kneepoint_model::site::PageKind;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros};

use super::context::{from_probe, rate_evidence};
use super::database::{MIN_EXECUTIONS, Seen, cost, counted, reading, route, work_ms};
use super::sql::Bound;
use super::text::{clip, clip_to, count};
use super::{Context, Judgement};

/// Decoded size from which a page is large.
pub const LARGE: Bytes = Bytes(256 * 1024);
/// Decoded size from which a page is so large that the signals agree.
pub const HUGE: Bytes = Bytes(1024 * 1024);
/// How many times the median of the other routes a page must be.
pub const TIMES_MEDIAN: u64 = 10;
/// Fewest other routes that make a median.
pub const OTHERS_LEAST: usize = 3;
/// Rows that one execution without a `LIMIT` returns, from which it is taken for a list without pages.
pub const ROWS: f64 = 200.0;

const PAGES: &str = "bound the rows: `paginate_by = 24` on the ListView, `Paginator(queryset, 24)` in a view, \
                     `DEFAULT_PAGINATION_CLASS` and `PAGE_SIZE` (and `max_page_size`) in Django REST framework";

pub(super) fn check(context: &Context<'_>) -> Judgement {
    let pages: Vec<&RouteProbe> = context.probed().filter(|route| is_list(context, route)).collect();
    let reads = wide_reads(context);
    if pages.len() <= OTHERS_LEAST && reads.is_empty() {
        return Judgement::not_judged(
            "fewer than four routes were looked at alone, so there is no usual size to compare with",
        );
    }
    let mut found: Vec<Finding> =
        pages.iter().filter_map(|route| unbounded(context, route, &pages)).collect();
    for (seen, digest) in reads {
        let of = route(digest);
        match found.iter_mut().find(|own| of.is_some() && own.route == of) {
            Some(own) => own.evidence.extend(read_evidence(&seen, digest)),
            None => found.push(by_rows(&seen, digest)),
        }
    }
    Judgement::found(found)
}

/// Statements without a `LIMIT` that return many rows each time.
fn wide_reads<'a>(context: &Context<'a>) -> Vec<(Seen<'a>, &'a DigestDelta)> {
    let wide = |digest: &&DigestDelta| {
        let (sums, reading) = (&digest.sums, reading(digest));
        digest.verb == Verb::Select
            && sums.count >= MIN_EXECUTIONS
            && sums.rows_sent as f64 >= sums.count as f64 * ROWS
            && reading.bound == Bound::None
            && !digest.text_cut
    };
    let seen = counted(context).unwrap_or_default();
    seen.iter()
        .flat_map(|one| one.database.statements.iter().filter(wide).map(|digest| (*one, digest)))
        .collect()
}

fn read_evidence(seen: &Seen<'_>, digest: &DigestDelta) -> [Evidence; 2] {
    let rows = count(digest.sums.rows_sent as f64 / digest.sums.count.max(1) as f64);
    [
        seen.says(format!(
            "a statement without `LIMIT` returns {rows} rows each time: {}",
            clip_to(&digest.text, 200)
        )),
        seen.says(cost(seen, digest)),
    ]
}

/// A list that only the database has seen to be long.
fn by_rows(seen: &Seen<'_>, digest: &DigestDelta) -> Finding {
    let table = reading(digest).table.unwrap_or_default();
    let rows = count(digest.sums.rows_sent as f64 / digest.sums.count.max(1) as f64);
    let of = route(digest);
    let basis =
        "the database's own time of the statement; what the application does with the rows comes on top";
    Finding {
        id: finding_id(Rule::NoPagination, Tier::Db, Some(of.as_deref().unwrap_or(&table))),
        rule: Rule::NoPagination,
        severity: Severity::Likely,
        tier: Tier::Db,
        route: of,
        title: format!(
            "{rows} rows of `{}` are fetched at a time: a list seems to have no pages",
            clip(&table)
        ),
        evidence: read_evidence(seen, digest).into(),
        saving: seen.saving(digest, work_ms(digest), basis.to_owned()),
        fix: PAGES.to_owned(),
        reproduce: format!("in the site's database: EXPLAIN ANALYZE {}", clip_to(&digest.text, 300)),
    }
}

/// Pages and API answers only; where the crawl did not see the path, it is taken for one.
fn is_list(context: &Context<'_>, route: &RouteProbe) -> bool {
    let page =
        context.facts.site.as_ref().and_then(|site| site.pages.iter().find(|page| page.path == route.path));
    page.is_none_or(|page| matches!(page.kind, PageKind::Html | PageKind::Api))
}

fn unbounded(context: &Context<'_>, route: &RouteProbe, pages: &[&RouteProbe]) -> Option<Finding> {
    let others = || pages.iter().filter(|other| other.route != route.route);
    let usual = Bytes(median(others().map(|other| other.body_bytes.get()).collect())?);
    if route.body_bytes < LARGE || route.body_bytes.get() <= usual.get().saturating_mul(TIMES_MEDIAN) {
        return None;
    }
    let mut evidence = vec![from_probe(format!(
        "the body is {}, and the usual page of this site {} (median of the other routes)",
        route.body_bytes, usual
    ))];
    evidence.extend(rate_evidence(context, route));
    let usual_app = median(others().filter_map(|other| other.app_us.map(Micros::get)).collect()).map(Micros);
    let saving = route.app_us.zip(usual_app).and_then(|(app, usual)| {
        let basis = format!("its application time alone ({app}) against the site's usual page ({usual})");
        context.saving(route, (app - usual).as_millis(), &basis)
    });
    Some(Finding {
        id: finding_id(Rule::NoPagination, Tier::Server, Some(&route.route)),
        rule: Rule::NoPagination,
        severity: if route.body_bytes >= HUGE { Severity::Likely } else { Severity::Hint },
        tier: Tier::Server,
        route: Some(route.route.clone()),
        title: format!(
            "{} sends {} in one answer: it seems to have no pages",
            clip(&route.route),
            route.body_bytes
        ),
        evidence,
        saving,
        fix: PAGES.to_owned(),
        reproduce: format!(
            "curl -s -o /dev/null -w '%{{size_download}} bytes in %{{time_total}} s\\n' {}",
            context.url(&route.path)
        ),
    })
}

fn median(mut values: Vec<u64>) -> Option<u64> {
    if values.len() < OTHERS_LEAST {
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
    use crate::hand;

    fn with(kib: u64) -> Vec<Finding> {
        let mut facts = hand::healthy();
        let route = &mut facts.probe.as_mut().expect("probe").routes[0];
        route.body_bytes = Bytes(kib * 1024);
        route.app_us = Some(Micros(500_000));
        hand::findings(&facts, check)
    }

    #[test]
    fn one_page_far_beyond_the_others_is_found() {
        let found = with(1_600);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Likely));
        assert!(found[0].saving.as_ref().expect("loaded").ms_per_request > 400.0);
        assert_eq!(with(300)[0].severity, Severity::Hint);
    }

    fn reads(text: &str, rows: u64, of: Option<&str>) -> crate::RunFacts {
        let mut facts = hand::healthy();
        let sums = StatementSums {
            count: 50,
            timer_us: Micros(50 * 9_000),
            rows_sent: 50 * rows,
            ..StatementSums::default()
        };
        let mut digest = hand::digest(Verb::Select, text, sums);
        digest.sample = of.map(|route| StatementSample {
            text: text.into(),
            text_cut: false,
            route: Some(route.into()),
            trace_id: None,
            at_ms: UnixMillis(0),
            timer_us: Micros(9_000),
        });
        hand::window(&mut facts, "open").databases[0].statements.push(digest);
        facts
    }

    const ALL: &str = "SELECT `b` . `id` FROM `b` ORDER BY `b` . `date` DESC";

    #[test]
    fn a_statement_that_returns_a_whole_table_is_found_where_pages_are_small() {
        let found = hand::findings(&reads(ALL, 500, None), check);
        assert_eq!((found.len(), found[0].tier), (1, Tier::Db));
        assert!(found[0].title.starts_with("500 rows of `b`"), "{}", found[0].title);
        assert!((found[0].saving.as_ref().expect("it takes time").ms_per_request - 9.0).abs() < 1e-9);
        assert!(hand::findings(&reads(ALL, 24, None), check).is_empty());
        assert!(hand::findings(&reads(&format!("{ALL} LIMIT ?"), 500, None), check).is_empty());
    }

    #[test]
    fn what_the_page_and_the_database_say_is_one_finding() {
        let mut facts = reads(ALL, 500, Some("catalogue/"));
        facts.probe.as_mut().expect("probe").routes[0].body_bytes = Bytes(1_600 * 1024);
        let found = hand::findings(&facts, check);
        assert_eq!((found.len(), found[0].tier), (1, Tier::Server));
        assert!(found[0].evidence.iter().any(|one| one.text.contains("without `LIMIT`")), "{found:?}");
    }

    #[test]
    fn a_page_of_common_size_is_not() {
        assert!(with(100).is_empty());
    }

    #[test]
    fn a_site_that_is_heavy_throughout_is_left_alone() {
        let mut facts = hand::healthy();
        for route in &mut facts.probe.as_mut().expect("probe").routes {
            route.body_bytes = Bytes(600 * 1024);
        }
        assert!(hand::findings(&facts, check).is_empty());
    }
}
