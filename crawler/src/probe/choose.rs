//! One page for each route: the heaviest, without a query where there is one. Pure.

use std::collections::BTreeMap;

use kneepoint_model::site::{Page, PageKind, SiteMap};

use crate::address::template;
use crate::warm::weights;

/// A route and the page that stands for it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chosen<'a> {
    /// The server's own pattern, or the path with its numbers masked.
    pub(crate) route: String,
    /// The page.
    pub(crate) page: &'a Page,
}

/// The weight of a route, and its pages with theirs.
type Group<'a> = (u64, Vec<(&'a Page, u64)>);

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
        .filter_map(|(route, (sum, pages))| {
            let (page, _) = pages.into_iter().max_by_key(|(page, weight)| {
                (!page.path.contains('?'), *weight, std::cmp::Reverse(page.path.clone()))
            })?;
            Some((sum, Chosen { route, page }))
        })
        .collect();
    chosen.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.route.cmp(&b.1.route)));
    chosen.into_iter().take(limit).map(|(_, chosen)| chosen).collect()
}
