//! The crawl frontier: which page is visited next. Pure.
//!
//! Each URL is visited once, pages nearest to the start first, and only some of the pages that share a template. The
//! same links in the same order give the same visits, so crawls of an unchanged site are comparable.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use url::Url;

use super::scope::Scope;
use super::skipped::{SkipReason, Skipped};
use crate::address::{dedup_key, path_of, path_template};
use crate::target::LinkTarget;

/// Most URLs that are remembered; further links are only counted.
const MAX_KNOWN: usize = 50_000;
/// Most pages that are recorded as linking to one URL.
const MAX_LINKED_FROM: usize = 10;

/// Bounds of the crawl.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CrawlLimits {
    /// Most clicks from the start page.
    pub(crate) depth: u32,
    /// Most URLs that differ only in the query.
    pub(crate) variants: u32,
    /// Most URLs that share a path template.
    pub(crate) template: u32,
}

/// A link found on a page or in a sitemap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundLink {
    pub(crate) destination: LinkTarget,
    /// A style sheet, script or image, not a page.
    pub(crate) asset: bool,
    /// The page marks the link as changing data; it is never followed.
    pub(crate) has_side_effects: bool,
}

/// A page that waits to be visited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueuedPage {
    pub(crate) url: Url,
    /// Clicks from the start page.
    pub(crate) depth: u32,
    /// Linked as an asset, not as a page.
    pub(crate) asset: bool,
}

/// URLs that are known, waiting and skipped.
#[derive(Debug)]
pub(crate) struct Frontier {
    scope: Arc<Scope>,
    limits: CrawlLimits,
    known: HashMap<String, String>,
    waiting: BTreeMap<(u32, u64), QueuedPage>,
    arrivals: u64,
    linked_from: HashMap<String, Vec<String>>,
    variants: HashMap<String, u32>,
    shapes: HashMap<String, u32>,
    over_limit: BTreeMap<String, u64>,
    skipped: Skipped,
}

impl Frontier {
    /// An empty frontier.
    pub(crate) fn new(scope: Arc<Scope>, limits: CrawlLimits) -> Self {
        Self {
            scope,
            limits,
            known: HashMap::new(),
            waiting: BTreeMap::new(),
            arrivals: 0,
            linked_from: HashMap::new(),
            variants: HashMap::new(),
            shapes: HashMap::new(),
            over_limit: BTreeMap::new(),
            skipped: Skipped::default(),
        }
    }

    /// Adds a page that the user named; no rule excludes it.
    pub(crate) fn add_start_page(&mut self, url: Url) {
        let path = path_of(&url);
        if self.known.insert(dedup_key(&url), path).is_none() {
            self.count_shape(&url);
            self.enqueue(url, 0, false);
        }
    }

    /// Marks a URL as already visited (robots.txt, a sitemap file).
    pub(crate) fn mark_visited(&mut self, url: &Url) {
        self.known.insert(dedup_key(url), path_of(url));
    }

    /// Adds a link found on the page `from` (`None`: in a sitemap), `depth` clicks from the start.
    pub(crate) fn add_link(&mut self, link: FoundLink, from: Option<&str>, depth: u32) {
        let url = match link.destination {
            LinkTarget::Inside(url) => url,
            LinkTarget::Outside { host, url } => {
                self.skipped.count_external(&host);
                return self.skip(url.clone(), &url, SkipReason::OtherOrigin);
            }
            // Mail addresses and phone numbers are personal, and `data:` has no end, so only the scheme is
            // recorded.
            LinkTarget::OtherScheme(scheme) => {
                let shown = format!("{scheme}:");
                return self.skip(shown.clone(), &shown, SkipReason::Scheme);
            }
            LinkTarget::Nowhere => return,
        };
        let path = path_of(&url);
        if let Some(known) = self.known.get(&dedup_key(&url)).cloned() {
            return self.record_link_source(&known, from);
        }
        let verdict =
            if link.has_side_effects { Err(SkipReason::LogoutLike) } else { self.scope.check(&url) };
        match verdict.and_then(|()| self.check_limits(&url, depth, link.asset)) {
            Ok(()) => {
                self.known.insert(dedup_key(&url), path.clone());
                self.record_link_source(&path, from);
                self.count_shape(&url);
                self.enqueue(url, depth, link.asset);
            }
            Err(why) => self.skip(dedup_key(&url), &path, why),
        }
    }

    /// Takes the page nearest to the start, in order of arrival.
    pub(crate) fn next(&mut self) -> Option<QueuedPage> {
        self.waiting.pop_first().map(|(_, next)| next)
    }

    /// Number of pages that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Paths of pages that link to `path`, at most ten.
    pub(crate) fn linked_from(&self, path: &str) -> Vec<String> {
        self.linked_from.get(path).cloned().unwrap_or_default()
    }

    /// Path templates that reached their limit, with the number of skipped URLs.
    pub(crate) fn over_limit(&self) -> &BTreeMap<String, u64> {
        &self.over_limit
    }

    /// Discards the waiting pages and returns everything that was skipped.
    pub(crate) fn finish(mut self) -> Skipped {
        for next in std::mem::take(&mut self.waiting).into_values() {
            self.skipped.add(&path_of(&next.url), SkipReason::Limit);
        }
        self.skipped
    }

    fn check_limits(&mut self, url: &Url, depth: u32, asset: bool) -> Result<(), SkipReason> {
        if depth > self.limits.depth && !asset {
            return Err(SkipReason::Depth);
        }
        if self.known.len() >= MAX_KNOWN {
            return Err(SkipReason::Limit);
        }
        let used = |counts: &HashMap<String, u32>, name: &str| counts.get(name).copied().unwrap_or(0);
        let shape = path_template(url.path());
        let too_many_of_template = used(&self.shapes, &shape) >= self.limits.template;
        let too_many_variants =
            url.query().is_some() && used(&self.variants, url.path()) >= self.limits.variants;
        if too_many_of_template || too_many_variants {
            let name = if too_many_of_template { shape } else { format!("{}?…", url.path()) };
            if self.over_limit.len() < MAX_KNOWN {
                *self.over_limit.entry(name).or_default() += 1;
            }
            return Err(SkipReason::Limit);
        }
        Ok(())
    }

    fn count_shape(&mut self, url: &Url) {
        *self.shapes.entry(path_template(url.path())).or_default() += 1;
        if url.query().is_some() {
            *self.variants.entry(url.path().to_owned()).or_default() += 1;
        }
    }

    fn enqueue(&mut self, url: Url, depth: u32, asset: bool) {
        self.arrivals += 1;
        self.waiting.insert((depth, self.arrivals), QueuedPage { url, depth, asset });
    }

    fn record_link_source(&mut self, path: &str, from: Option<&str>) {
        let Some(from) = from.filter(|from| *from != path) else { return };
        let pages = self.linked_from.entry(path.to_owned()).or_default();
        if pages.len() < MAX_LINKED_FROM && !pages.iter().any(|page| page == from) {
            pages.push(from.to_owned());
        }
    }

    fn skip(&mut self, key: String, shown: &str, why: SkipReason) {
        if self.known.contains_key(&key) {
            return;
        }
        if self.known.len() < MAX_KNOWN {
            self.known.insert(key, shown.to_owned());
        }
        self.skipped.add(shown, why);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::RegexSet;

    use super::*;
    use crate::crawl::robots::Robots;
    use crate::target::Target;

    const LIMITS: CrawlLimits = CrawlLimits { depth: 3, variants: 2, template: 3 };

    fn frontier() -> Frontier {
        let target = Target::new(&Url::parse("http://h.test/").unwrap(), None).unwrap();
        let robots = Robots::parse("kneepoint", b"User-agent: *\nDisallow: /no/\n");
        let ignore = RegexSet::new(["^/skip"]).unwrap();
        Frontier::new(Arc::new(Scope::new(target, robots, ignore)), LIMITS)
    }

    fn add_link(frontier: &mut Frontier, href: &str, depth: u32) {
        let base = frontier.scope.target.base().clone();
        let destination = frontier.scope.target.resolve(&base, href);
        frontier.add_link(
            FoundLink { destination, asset: false, has_side_effects: false },
            Some("/from"),
            depth,
        );
    }

    fn visits(frontier: &mut Frontier) -> Vec<String> {
        std::iter::from_fn(|| frontier.next()).map(|next| path_of(&next.url)).collect()
    }

    #[test]
    fn each_address_once_and_the_nearest_first() {
        let mut frontier = frontier();
        for (href, depth) in [("/far", 2), ("/a?x=1&y=2", 1), ("/a?y=2&x=1", 1), ("/b#part", 1), ("/b", 2)] {
            add_link(&mut frontier, href, depth);
        }
        assert_eq!(visits(&mut frontier), ["/a?x=1&y=2", "/b", "/far"]);
        assert_eq!(frontier.linked_from("/b"), ["/from"]);
    }

    #[test]
    fn skipped_links_are_counted_by_reason_once_per_url() {
        let mut frontier = frontier();
        let hrefs = [
            "/no/1",
            "/no/1",
            "/logout",
            "/skip/me",
            "mailto:a@b.test",
            "mailto:c@d.test",
            "http://x.test/",
            "http://x.test/",
            "/deep",
        ];
        for href in hrefs {
            add_link(&mut frontier, href, if href == "/deep" { 4 } else { 1 });
        }
        assert_eq!(visits(&mut frontier), [""; 0]);
        let (kept, counts, external) = frontier.finish().finish();
        let expected = [
            ("depth", 1),
            ("ignored", 1),
            ("logout-like", 1),
            ("other-origin", 1),
            ("robots", 1),
            ("scheme", 1),
        ];
        assert_eq!(counts, expected.map(|(why, count)| (why.to_owned(), count)).into());
        assert_eq!(external["x.test"], 2);
        assert!(!format!("{kept:?}").contains("a@b"), "mail addresses are private");
    }

    #[test]
    fn only_some_pages_of_one_template_are_visited() {
        let mut frontier = frontier();
        (0..10).for_each(|n| add_link(&mut frontier, &format!("/books/{n}/"), 1));
        (0..10).for_each(|n| add_link(&mut frontier, &format!("/list?page={n}"), 1));
        assert_eq!(visits(&mut frontier).len(), 3 + 2);
        assert_eq!(frontier.over_limit()["/books/<n>/"], 7);
        assert_eq!(frontier.over_limit()["/list?…"], 8);
        assert_eq!(frontier.finish().finish().1["limit"], 15);
    }

    #[test]
    fn a_named_page_is_visited_whatever_the_rules_say() {
        let mut frontier = frontier();
        frontier.add_start_page(Url::parse("http://h.test/no/start").unwrap());
        assert_eq!(visits(&mut frontier), ["/no/start"]);
    }

    proptest! {
        #[test]
        fn bounds_hold_and_the_order_is_the_same_every_time(
            hrefs in proptest::collection::vec("/(books|list|no|logout)/[0-9]{0,2}(\\?p=[0-9])?", 0..80),
        ) {
            let run = || {
                let mut frontier = frontier();
                for (n, href) in hrefs.iter().enumerate() {
                    add_link(&mut frontier, href, (n % 5) as u32);
                }
                visits(&mut frontier)
            };
            let paths = run();
            prop_assert_eq!(&paths, &run());
            let mut shapes: HashMap<String, u32> = HashMap::new();
            for path in &paths {
                *shapes.entry(path_template(path)).or_default() += 1;
                prop_assert!(!path.starts_with("/no/") && !path.starts_with("/logout"));
            }
            prop_assert!(shapes.values().all(|count| *count <= LIMITS.template));
        }
    }
}
