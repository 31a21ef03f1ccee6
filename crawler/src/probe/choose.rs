//! One page for each route: the slowest without a query; or the slowest with one, where that is another kind of page (a
//! search without a word costs nothing and says nothing). Pure.

use std::collections::BTreeMap;

use kneepoint_model::site::{CrawledPage, PageKind, SiteMap};

use crate::address::template;
use crate::warm::weights;

/// A route and the page that stands for it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chosen<'a> {
    /// The server's own pattern, or the path with its numbers masked.
    pub(crate) route: String,
    /// The page.
    pub(crate) page: &'a CrawledPage,
}

/// The weight of a route, and its pages with theirs.
type Group<'a> = (u64, Vec<(&'a CrawledPage, u64)>);

/// How many times longer a page with a query must take to stand for its route.
const ANOTHER_KIND: u64 = 2;

fn representative<'a>(pages: &[(&'a CrawledPage, u64)]) -> Option<&'a CrawledPage> {
    let slowest = |asked: bool| {
        let of_kind =
            pages.iter().map(|(page, _)| *page).filter(move |page| page.path.contains('?') == asked);
        of_kind.max_by_key(|page| (page.total_us, std::cmp::Reverse(page.path.clone())))
    };
    match (slowest(false), slowest(true)) {
        (Some(plain), Some(asked)) if asked.total_us.get() > ANOTHER_KIND * plain.total_us.get() => {
            Some(asked)
        }
        (plain, asked) => plain.or(asked),
    }
}

/// At most `limit` routes, heaviest first.
pub(crate) fn routes(site: &SiteMap, limit: usize) -> Vec<Chosen<'_>> {
    let mut groups: BTreeMap<String, Group<'_>> = BTreeMap::new();
    for (page, weight) in weights(site) {
        if page.status != Some(200) || !matches!(page.kind, PageKind::Html | PageKind::Api) {
            continue;
        }
        let route = page.route.clone().unwrap_or_else(|| template(&page.path));
        let (sum, pages) = groups.entry(route).or_default();
        *sum = sum.saturating_add(weight);
        pages.push((page, weight));
    }
    let mut chosen: Vec<(u64, Chosen<'_>)> = groups
        .into_iter()
        .filter_map(|(route, (sum, pages))| Some((sum, Chosen { route, page: representative(&pages)? })))
        .collect();
    chosen.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.route.cmp(&b.1.route)));
    chosen.into_iter().take(limit).map(|(_, chosen)| chosen).collect()
}
