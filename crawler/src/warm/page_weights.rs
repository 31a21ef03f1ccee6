//! Weights pages for warming and probing: response time multiplied by the number of links to the page. Pure.

use std::collections::BTreeMap;

use kneepoint_model::site::{CrawledPage, PageKind, PageVerdict, SiteMap};

/// The heaviest paths of the site, at most `limit`: time to the last byte × links to the page (at least one).
///
/// Failed pages, redirects and crawler files are excluded.
pub fn warm_order(site: &SiteMap, limit: usize) -> Vec<String> {
    let mut pages: Vec<(u64, &str)> =
        page_weights(site).into_iter().map(|(page, weight)| (weight, page.path.as_str())).collect();
    pages.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    pages.into_iter().take(limit).map(|(_, path)| path.to_owned()).collect()
}

/// Each page that responds by itself, with its weight in microseconds × links.
pub(crate) fn page_weights(site: &SiteMap) -> Vec<(&CrawledPage, u64)> {
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
