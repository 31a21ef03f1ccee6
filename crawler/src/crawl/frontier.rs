//! What to visit next: pure. Each address once, nearest first, and of many that look alike only some.
//!
//! The same offers in the same order give the same visits: a crawl of an unchanged site can be compared with the last.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use url::Url;

use super::left::{Left, Why};
use super::scope::Scope;
use crate::address::{key, path_of, template};
use crate::target::Leads;

/// Most addresses that are remembered; beyond them links are only counted.
const MAX_KNOWN: usize = 50_000;
/// Most pages named as linking to one address.
const MAX_LINKED_FROM: usize = 10;

/// How far the crawl goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Most clicks from the start.
    pub(crate) depth: u32,
    /// Most addresses that share a path.
    pub(crate) variants: u32,
    /// Most addresses that share a shape.
    pub(crate) template: u32,
}

/// A link, found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    /// Where it leads.
    pub(crate) leads: Leads,
    /// A style sheet, script or image rather than a page.
    pub(crate) asset: bool,
    /// The page itself marks it as doing something.
    pub(crate) careful: bool,
}

/// An address to visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Next {
    /// Where.
    pub(crate) url: Url,
    /// Clicks from the start.
    pub(crate) depth: u32,
    /// Found as an asset.
    pub(crate) asset: bool,
}

/// The addresses known, visited or waiting.
#[derive(Debug)]
pub(crate) struct Frontier {
    scope: Arc<Scope>,
    limits: Limits,
    known: HashMap<String, String>,
    waiting: BTreeMap<(u32, u64), Next>,
    arrivals: u64,
    linked_from: HashMap<String, Vec<String>>,
    variants: HashMap<String, u32>,
    shapes: HashMap<String, u32>,
    held_back: BTreeMap<String, u64>,
    left: Left,
}

impl Frontier {
    /// Nothing known yet.
    pub(crate) fn new(scope: Arc<Scope>, limits: Limits) -> Self {
        Self {
            scope,
            limits,
            known: HashMap::new(),
            waiting: BTreeMap::new(),
            arrivals: 0,
            linked_from: HashMap::new(),
            variants: HashMap::new(),
            shapes: HashMap::new(),
            held_back: BTreeMap::new(),
            left: Left::default(),
        }
    }

    /// A page to start from: named by the user, so no rule holds it back.
    pub(crate) fn start(&mut self, url: Url) {
        let path = path_of(&url);
        if self.known.insert(key(&url), path).is_none() {
            self.count(&url);
            self.queue(url, 0, false);
        }
    }

    /// Marks an address as visited already (robots.txt, a sitemap file).
    pub(crate) fn visited(&mut self, url: &Url) {
        self.known.insert(key(url), path_of(url));
    }

    /// A link found on the page `from` (`None`: in a sitemap), `depth` clicks from the start.
    pub(crate) fn offer(&mut self, offer: Offer, from: Option<&str>, depth: u32) {
        let url = match offer.leads {
            Leads::Inside(url) => url,
            Leads::Outside { host, url } => {
                self.left.external(&host);
                return self.leave(url.clone(), &url, Why::OtherOrigin);
            }
            // Addresses of mail and telephone are personal, and what follows `data:` is endless.
            Leads::OtherScheme(scheme) => {
                let shown = format!("{scheme}:");
                return self.leave(shown.clone(), &shown, Why::Scheme);
            }
            Leads::Nowhere => return,
        };
        let path = path_of(&url);
        if let Some(known) = self.known.get(&key(&url)).cloned() {
            return self.link(&known, from);
        }
        let verdict = if offer.careful { Err(Why::LogoutLike) } else { self.scope.judge(&url) };
        match verdict.and_then(|()| self.room(&url, depth, offer.asset)) {
            Ok(()) => {
                self.known.insert(key(&url), path.clone());
                self.link(&path, from);
                self.count(&url);
                self.queue(url, depth, offer.asset);
            }
            Err(why) => self.leave(key(&url), &path, why),
        }
    }

    /// The nearest address that waits, in order of arrival.
    pub(crate) fn next(&mut self) -> Option<Next> {
        self.waiting.pop_first().map(|(_, next)| next)
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The pages that link to `path`.
    pub(crate) fn linked_from(&self, path: &str) -> Vec<String> {
        self.linked_from.get(path).cloned().unwrap_or_default()
    }

    /// Shapes of which some were left alone because enough had been visited, with how many.
    pub(crate) fn held_back(&self) -> &BTreeMap<String, u64> {
        &self.held_back
    }

    /// Gives up what waits, and tells what was left alone.
    pub(crate) fn finish(mut self) -> Left {
        for next in std::mem::take(&mut self.waiting).into_values() {
            self.left.add(&path_of(&next.url), Why::Limit);
        }
        self.left
    }

    fn room(&mut self, url: &Url, depth: u32, asset: bool) -> Result<(), Why> {
        if depth > self.limits.depth && !asset {
            return Err(Why::Depth);
        }
        if self.known.len() >= MAX_KNOWN {
            return Err(Why::Limit);
        }
        let used = |counts: &HashMap<String, u32>, name: &str| counts.get(name).copied().unwrap_or(0);
        let shape = template(url.path());
        let many_alike = used(&self.shapes, &shape) >= self.limits.template;
        let many_variants = url.query().is_some() && used(&self.variants, url.path()) >= self.limits.variants;
        if many_alike || many_variants {
            let name = if many_alike { shape } else { format!("{}?…", url.path()) };
            if self.held_back.len() < MAX_KNOWN {
                *self.held_back.entry(name).or_default() += 1;
            }
            return Err(Why::Limit);
        }
        Ok(())
    }

    fn count(&mut self, url: &Url) {
        *self.shapes.entry(template(url.path())).or_default() += 1;
        if url.query().is_some() {
            *self.variants.entry(url.path().to_owned()).or_default() += 1;
        }
    }

    fn queue(&mut self, url: Url, depth: u32, asset: bool) {
        self.arrivals += 1;
        self.waiting.insert((depth, self.arrivals), Next { url, depth, asset });
    }

    fn link(&mut self, path: &str, from: Option<&str>) {
        let Some(from) = from.filter(|from| *from != path) else { return };
        let pages = self.linked_from.entry(path.to_owned()).or_default();
        if pages.len() < MAX_LINKED_FROM && !pages.iter().any(|page| page == from) {
            pages.push(from.to_owned());
        }
    }

    fn leave(&mut self, key: String, shown: &str, why: Why) {
        if self.known.contains_key(&key) {
            return;
        }
        if self.known.len() < MAX_KNOWN {
            self.known.insert(key, shown.to_owned());
        }
        self.left.add(shown, why);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::RegexSet;

    use super::*;
    use crate::crawl::robots::Robots;
    use crate::target::Target;

    const LIMITS: Limits = Limits { depth: 3, variants: 2, template: 3 };

    fn frontier() -> Frontier {
        let target = Target::new(&Url::parse("http://h.test/").unwrap(), None).unwrap();
        let robots = Robots::parse("kneepoint", b"User-agent: *\nDisallow: /no/\n");
        let ignore = RegexSet::new(["^/skip"]).unwrap();
        Frontier::new(Arc::new(Scope::new(target, robots, ignore)), LIMITS)
    }

    fn offer(frontier: &mut Frontier, href: &str, depth: u32) {
        let base = frontier.scope.target.base().clone();
        let leads = frontier.scope.target.leads(&base, href);
        frontier.offer(Offer { leads, asset: false, careful: false }, Some("/from"), depth);
    }

    fn visits(frontier: &mut Frontier) -> Vec<String> {
        std::iter::from_fn(|| frontier.next()).map(|next| path_of(&next.url)).collect()
    }

    #[test]
    fn each_address_once_and_the_nearest_first() {
        let mut frontier = frontier();
        for (href, depth) in [("/far", 2), ("/a?x=1&y=2", 1), ("/a?y=2&x=1", 1), ("/b#part", 1), ("/b", 2)] {
            offer(&mut frontier, href, depth);
        }
        assert_eq!(visits(&mut frontier), ["/a?x=1&y=2", "/b", "/far"]);
        assert_eq!(frontier.linked_from("/b"), ["/from"]);
    }

    #[test]
    fn what_is_left_alone_is_counted_by_reason_once_an_address() {
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
            offer(&mut frontier, href, if href == "/deep" { 4 } else { 1 });
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
        assert!(!format!("{kept:?}").contains("a@b"), "an address of mail is nobody's business");
    }

    #[test]
    fn of_many_alike_only_some_are_visited() {
        let mut frontier = frontier();
        (0..10).for_each(|n| offer(&mut frontier, &format!("/books/{n}/"), 1));
        (0..10).for_each(|n| offer(&mut frontier, &format!("/list?page={n}"), 1));
        assert_eq!(visits(&mut frontier).len(), 3 + 2);
        assert_eq!(frontier.held_back()["/books/<n>/"], 7);
        assert_eq!(frontier.held_back()["/list?…"], 8);
        assert_eq!(frontier.finish().finish().1["limit"], 15);
    }

    #[test]
    fn a_named_page_is_visited_whatever_the_rules_say() {
        let mut frontier = frontier();
        frontier.start(Url::parse("http://h.test/no/start").unwrap());
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
                    offer(&mut frontier, href, (n % 5) as u32);
                }
                visits(&mut frontier)
            };
            let paths = run();
            prop_assert_eq!(&paths, &run());
            let mut shapes: HashMap<String, u32> = HashMap::new();
            for path in &paths {
                *shapes.entry(template(path)).or_default() += 1;
                prop_assert!(!path.starts_with("/no/") && !path.starts_with("/logout"));
            }
            prop_assert!(shapes.values().all(|count| *count <= LIMITS.template));
        }
    }
}
