//! Pages without an upper bound on rows: one page that is many times larger than the site's others.
//!
//! Threshold for size: Sentry's large payload is 300 kB on the wire; this looks at the decoded list, from 256 KiB, and only
//! where it is [`TIMES_MEDIAN`] times the site's median page, because some sites are heavy throughout.

use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::probe::RouteProbe;
use kneepoint_model::site::PageKind;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Bytes, Micros};

use super::context::{from_probe, rate_evidence};
use super::text::clip;
use super::{Context, Judgement};

/// Decoded size from which a page is large.
pub const LARGE: Bytes = Bytes(256 * 1024);
/// Decoded size from which a page is so large that the signals agree.
pub const HUGE: Bytes = Bytes(1024 * 1024);
/// How many times the median of the other routes a page must be.
pub const TIMES_MEDIAN: u64 = 10;
/// Fewest other routes that make a median.
pub const OTHERS_LEAST: usize = 3;

pub(super) fn check(context: &Context<'_>) -> Judgement {
    let pages: Vec<&RouteProbe> = context.probed().filter(|route| is_list(context, route)).collect();
    if pages.len() <= OTHERS_LEAST {
        return Judgement::not_judged(
            "fewer than four routes were looked at alone, so there is no usual size to compare with",
        );
    }
    Judgement::found(pages.iter().filter_map(|route| unbounded(context, route, &pages)).collect())
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
        fix: "bound the rows: `paginate_by = 24` on the ListView, `Paginator(queryset, 24)` in a view, \
              `DEFAULT_PAGINATION_CLASS` and `PAGE_SIZE` (and `max_page_size`) in Django REST framework"
            .to_owned(),
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
