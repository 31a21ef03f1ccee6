//! Which pages matter: how long they take, times how many pages lead to them. Pure.

use std::collections::BTreeMap;

use kneepoint_model::site::{CrawledPage, PageKind, PageVerdict, SiteMap};

/// The heaviest paths of the site, at most `limit`: time to the last byte × links that lead there (at least one).
///
/// Pages that are broken, redirect, or were files for crawlers have nothing to warm.
pub fn warm_order(site: &SiteMap, limit: usize) -> Vec<String> {
    let mut pages: Vec<(u64, &str)> =
        weights(site).into_iter().map(|(page, weight)| (weight, page.path.as_str())).collect();
    pages.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    pages.into_iter().take(limit).map(|(_, path)| path.to_owned()).collect()
}

/// Each page that answers by itself, with its weight in microseconds × links.
pub(crate) fn weights(site: &SiteMap) -> Vec<(&CrawledPage, u64)> {
    let mut links: BTreeMap<&str, u64> = BTreeMap::new();
    for path in site.pages.iter().flat_map(|page| page.links.iter().chain(&page.assets)) {
        *links.entry(path).or_default() += 1;
    }
    site.pages
        .iter()
        .filter(|page| {
            page.verdict != PageVerdict::Failed
                && page.kind != PageKind::Meta
                && page.redirects.is_empty()
                && page.status.is_some_and(|status| (200..300).contains(&status))
        })
        .map(|page| {
            let links = links.get(page.path.as_str()).copied().unwrap_or(0).max(1);
            (page, page.total_us.get().saturating_mul(links))
        })
        .collect()
}
