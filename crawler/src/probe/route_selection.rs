//! Selects one page per route: the slowest without a query, or the slowest with one when it takes much longer (a
//! search without a term costs nothing). Pure.

use std::collections::BTreeMap;

use kneepoint_model::site::{CrawledPage, PageKind, SiteMap};

use crate::address::path_template;
use crate::warm::page_weights;

/// A route and the page that represents it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SelectedRoute<'a> {
    /// URL pattern reported by the server, or the path template.
    pub(crate) route: String,
    /// Page that is requested for the route.
    pub(crate) page: &'a CrawledPage,
}

/// Total weight of a route, and its pages with their weights.
type WeightedPages<'a> = (u64, Vec<(&'a CrawledPage, u64)>);

/// A page with a query represents its route only when it takes more than this many times as long as the slowest
/// page without one.
const OTHER_KIND_RATIO: u64 = 2;

fn representative<'a>(pages: &[(&'a CrawledPage, u64)]) -> Option<&'a CrawledPage> {
    let slowest = |with_query: bool| {
        let of_kind =
            pages.iter().map(|(page, _)| *page).filter(move |page| page.path.contains('?') == with_query);
        of_kind.max_by_key(|page| (page.total_us, std::cmp::Reverse(page.path.clone())))
    };
    match (slowest(false), slowest(true)) {
        (Some(plain), Some(with_query))
            if with_query.total_us.get() > OTHER_KIND_RATIO * plain.total_us.get() =>
        {
            Some(with_query)
        }
        (plain, with_query) => plain.or(with_query),
    }
}

/// At most `limit` routes, heaviest first.
pub(crate) fn select_routes(site: &SiteMap, limit: usize) -> Vec<SelectedRoute<'_>> {
    let mut groups: BTreeMap<String, WeightedPages<'_>> = BTreeMap::new();
    for (page, weight) in page_weights(site) {
        if page.status != Some(200) || !matches!(page.kind, PageKind::Html | PageKind::Api) {
            continue;
        }
        let route = page.route.clone().unwrap_or_else(|| path_template(&page.path));
        let (sum, pages) = groups.entry(route).or_default();
        *sum = sum.saturating_add(weight);
        pages.push((page, weight));
    }
    let mut chosen: Vec<(u64, SelectedRoute<'_>)> = groups
        .into_iter()
        .filter_map(|(route, (sum, pages))| {
            Some((sum, SelectedRoute { route, page: representative(&pages)? }))
        })
        .collect();
    chosen.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.route.cmp(&b.1.route)));
    chosen.into_iter().take(limit).map(|(_, chosen)| chosen).collect()
}
