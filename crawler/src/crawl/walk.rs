//! The walk: robots.txt, sitemaps, then page after page, several at a time, each result taken in the order of asking.
//!
//! Taking results in order keeps the crawl repeatable; a page that hangs is waited for a second and then passed by, so
//! that it holds nothing up but itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::{EventSink, Stage};
use kneepoint_model::run::FORMAT_VERSION;
use kneepoint_model::site::{Page, PageKind, PageProblem, PageVerdict, SiteMap};
use kneepoint_model::units::Micros;
use tokio::task::JoinSet;
use url::Url;

use super::frontier::{Frontier, Limits, Next, Offer};
use super::page::{Seen, see};
use super::plan::CrawlPlan;
use super::robots::Robots;
use super::scope::{Scope, patterns};
use super::sitemap;
use super::trip::{self, End, Trip};
use crate::ROBOT_NAME;
use crate::error::CrawlError;
use crate::http::{Client, ClientPlan, Decoded, NoAnswer, Refusal};
use crate::runtime::{block_on, cancelled};
use crate::target::{Leads, Target};

/// Most sitemap files that are read.
const MAX_SITEMAPS: usize = 20;
/// Most addresses taken from sitemaps.
const MAX_LISTED: usize = 10_000;
/// Most notes about pages that look alike.
const MAX_NOTES: usize = 10;
/// How long later results wait for an earlier one.
const IN_ORDER: Duration = Duration::from_secs(1);
/// A path that no site has: what it answers shows whether the framework is debugging.
const ABSENT: &str = "/kneepoint-looks-for-a-page-that-is-not-there/";

/// Crawls the site: every page within its origin, politely and bounded, with GET alone.
///
/// Pages that are broken are in the result, not in the error. When `cancel` is set in the middle, what was seen so far is
/// returned, marked `truncated`.
///
/// # Errors
/// When there is nothing to crawl: no connection at all, an address or pattern that cannot be used, or `cancel` was set
/// before the first answer.
pub fn crawl(plan: &CrawlPlan, cancel: &Cancel, events: &dyn EventSink) -> Result<SiteMap, CrawlError> {
    block_on(async {
        let started = Instant::now();
        let target = Target::new(&plan.base_url, plan.host_header.as_deref())?;
        let client = Client::new(&ClientPlan {
            origin: target.base(),
            host_header: plan.host_header.as_deref(),
            user_agent: &plan.user_agent,
            timeout: plan.timeout,
            connections: plan.concurrency,
        })?;
        let ignore = patterns(&plan.ignore)?;
        let until = started + Duration::from_secs(plan.max_seconds);
        let free = Arc::new(Scope::new(target.clone(), Robots::default(), ignore.clone()));
        let mut walk = Walk::new(plan, cancel, events, client, free, until);
        let robots = walk.robots().await?;
        let delay = robots.delay();
        let sitemaps = robots.sitemaps().to_vec();
        walk.rules(Scope::new(target, robots, ignore), delay);
        walk.sitemaps(&sitemaps).await;
        walk.pages().await;
        walk.debugging().await;
        if walk.pages.is_empty() && cancel.is_set() {
            return Err(CrawlError::Cancelled);
        }
        Ok(walk.finish(started.elapsed()))
    })?
}

struct Walk<'a> {
    plan: &'a CrawlPlan,
    cancel: &'a Cancel,
    events: &'a dyn EventSink,
    client: Client,
    scope: Arc<Scope>,
    frontier: Frontier,
    until: Instant,
    delay: Duration,
    pages: Vec<Page>,
    listed: Vec<Url>,
    outside: Vec<Leads>,
    robots_found: bool,
    from_sitemap: u64,
    truncated: bool,
}

impl<'a> Walk<'a> {
    fn new(
        plan: &'a CrawlPlan,
        cancel: &'a Cancel,
        events: &'a dyn EventSink,
        client: Client,
        scope: Arc<Scope>,
        until: Instant,
    ) -> Self {
        let limits = Limits {
            depth: plan.max_depth,
            variants: plan.query_variants.max(1),
            template: plan.per_template.max(1),
        };
        Self {
            plan,
            cancel,
            events,
            client,
            frontier: Frontier::new(Arc::clone(&scope), limits),
            scope,
            until,
            delay: Duration::ZERO,
            pages: Vec::new(),
            listed: Vec::new(),
            outside: Vec::new(),
            robots_found: false,
            from_sitemap: 0,
            truncated: false,
        }
    }

    /// From now on, what robots.txt says counts.
    fn rules(&mut self, scope: Scope, delay: Duration) {
        let limits = Limits {
            depth: self.plan.max_depth,
            variants: self.plan.query_variants.max(1),
            template: self.plan.per_template.max(1),
        };
        let start = self.scope.target.base().clone();
        if scope.judge(&start).is_err() {
            self.events.warn(
                Stage::Smoke,
                "robots.txt keeps crawlers off the start page: only pages that were named are visited; \
                 allow the user agent `kneepoint` to have the rest crawled",
            );
        }
        self.scope = Arc::new(scope);
        self.delay = delay;
        self.frontier = Frontier::new(Arc::clone(&self.scope), limits);
        for page in &self.pages {
            if let Some(url) = self.scope.target.url(&page.path) {
                self.frontier.visited(&url);
            }
        }
        self.frontier.start(start);
        for path in &self.plan.extra_paths {
            match self.scope.target.url(path) {
                Some(url) => self.frontier.start(url),
                None => self.events.warn(
                    Stage::Smoke,
                    &format!("`{}` is not a path of this site; it is not visited", path.escape_debug()),
                ),
            }
        }
    }

    /// Waits for `future`, but neither beyond the deadline nor against the wish to stop.
    async fn within<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = cancelled(self.cancel) => None,
            () = tokio::time::sleep_until(self.until.into()) => None,
            output = future => Some(output),
        }
    }

    async fn fetch(&mut self, url: &Url) -> Option<Trip> {
        let trip = self.within(trip::follow(&self.client, &self.scope, url)).await;
        self.truncated |= trip.is_none();
        trip
    }

    async fn robots(&mut self) -> Result<Robots, CrawlError> {
        let mut url = self.scope.target.base().clone();
        url.set_path("/robots.txt");
        url.set_query(None);
        self.events.progress(Stage::Smoke, 0, None, "robots.txt");
        let Some(trip) = self.fetch(&url).await else { return Ok(Robots::default()) };
        if let End::NoAnswer(NoAnswer::Connection { refusal: Refusal::NoConnection, why }) = trip.end {
            return Err(CrawlError::Unreachable { origin: self.scope.target.origin(), why });
        }
        let body = match &trip.end {
            End::Answer(answer) if answer.status == 200 => answer.body.bytes().to_vec(),
            _ => return Ok(self.meta_failure(&url, trip, false)),
        };
        self.robots_found = true;
        self.meta(&url, trip, None);
        Ok(Robots::parse(ROBOT_NAME, &body))
    }

    /// Files for crawlers may be missing; when they fail otherwise, they are pages that fail.
    fn meta_failure(&mut self, url: &Url, trip: Trip, named: bool) -> Robots {
        let missing = matches!(&trip.end, End::Answer(answer) if answer.status < 500);
        if !missing || named {
            self.meta(url, trip, named.then_some("/robots.txt"));
        }
        Robots::default()
    }

    fn meta(&mut self, url: &Url, trip: Trip, from: Option<&str>) {
        let next = Next { url: url.clone(), depth: 1, asset: false };
        let mut page = see(&self.scope.target, &next, trip).page;
        page.kind = PageKind::Meta;
        page.linked_from = from.map(str::to_owned).into_iter().collect();
        page.problems.retain(PageProblem::is_broken);
        page.verdict = super::judge::verdict(page.kind, &page.problems);
        self.frontier.visited(url);
        self.pages.push(page);
    }

    async fn sitemaps(&mut self, named: &[String]) {
        let base = self.scope.target.base().clone();
        let mut files: Vec<(String, bool)> = named.iter().map(|file| (file.clone(), true)).collect();
        if files.is_empty() {
            files.push(("/sitemap.xml".to_owned(), false));
        }
        let (mut at, mut read) = (0, Vec::<Url>::new());
        while let Some((file, named)) = files.get(at).cloned() {
            at += 1;
            let leads = self.scope.target.leads(&base, &file);
            let Leads::Inside(url) = leads else {
                self.outside.push(leads);
                continue;
            };
            if read.contains(&url) {
                continue;
            }
            if read.len() >= MAX_SITEMAPS || self.listed.len() >= MAX_LISTED {
                self.events
                    .note(Stage::Smoke, "the site has more sitemap files than are read; links lead further");
                break;
            }
            read.push(url.clone());
            self.events.progress(Stage::Smoke, 0, None, "sitemaps");
            let Some(trip) = self.fetch(&url).await else { return };
            match &trip.end {
                End::Answer(answer) if answer.status == 200 => {
                    let listed = sitemap::read(&String::from_utf8_lossy(answer.body.bytes()));
                    files.extend(listed.files.into_iter().map(|file| (file, true)));
                    self.list(&base, &listed.pages);
                    self.meta(&url, trip, named.then_some("/robots.txt"));
                }
                _ => {
                    self.meta_failure(&url, trip, named);
                }
            }
        }
    }

    fn list(&mut self, base: &Url, pages: &[String]) {
        for href in pages {
            match self.scope.target.leads(base, href) {
                Leads::Inside(_) if self.listed.len() >= MAX_LISTED => {}
                Leads::Inside(url) => {
                    self.from_sitemap += 1;
                    self.listed.push(url);
                }
                other if self.outside.len() < MAX_LISTED => self.outside.push(other),
                _ => {}
            }
        }
    }

    /// What the sitemaps gave joins one click from the start, after the start page's own links.
    fn join_listed(&mut self) {
        let listed = std::mem::take(&mut self.listed).into_iter().map(Leads::Inside);
        for leads in listed.chain(std::mem::take(&mut self.outside)) {
            self.frontier.offer(Offer { leads, asset: false, careful: false }, None, 1);
        }
    }

    async fn pages(&mut self) {
        let mut tasks: JoinSet<(u64, Seen)> = JoinSet::new();
        let mut queue = InOrder::default();
        let mut not_before = Instant::now();
        let (mut asked, mut joined) = (0_u64, false);
        loop {
            let room = tasks.len() < self.plan.concurrency.max(1) && asked < self.plan.max_pages as u64;
            let rested = self.delay.is_zero() || Instant::now() >= not_before;
            if room
                && rested
                && let Some(next) = self.frontier.next()
            {
                not_before = Instant::now() + self.delay;
                queue.asked(asked);
                self.announce(asked, &next);
                tasks.spawn(visit(self.client.clone(), Arc::clone(&self.scope), asked, next));
                asked += 1;
                continue;
            }
            let resting = room && !rested && self.frontier.waiting() > 0;
            if tasks.is_empty() && queue.is_empty() && !resting {
                // The start page may have had no links at all, and still the sitemaps do.
                if std::mem::replace(&mut joined, true) {
                    break;
                }
                self.join_listed();
                continue;
            }
            tokio::select! {
                biased;
                () = cancelled(self.cancel) => { self.truncated = true; break }
                () = tokio::time::sleep_until(self.until.into()) => { self.truncated = true; break }
                Some(done) = tasks.join_next() => {
                    match done {
                        Ok((number, seen)) => queue.done(number, seen),
                        Err(fault) => self.fault(&fault),
                    }
                }
                () = tokio::time::sleep_until(not_before.into()), if resting => {}
                () = tokio::time::sleep(Duration::from_millis(100)), if !queue.is_empty() => {}
            }
            if tasks.is_empty() {
                queue.forget_missing();
            }
            while let Some(seen) = queue.take() {
                self.absorb(seen);
                if !std::mem::replace(&mut joined, true) {
                    self.join_listed();
                }
            }
        }
        while let Some(seen) = queue.take_any() {
            self.absorb(seen);
        }
        self.truncated |= self.frontier.waiting() > 0;
        tasks.abort_all();
    }

    fn announce(&self, asked: u64, next: &Next) {
        let known = asked + 1 + self.frontier.waiting() as u64;
        let path: String = next.url.path().chars().take(60).collect();
        self.events.progress(Stage::Smoke, asked, Some(known.min(self.plan.max_pages as u64)), &path);
    }

    /// A page that we ourselves could not read is missing from the map, and the map must say so.
    fn fault(&mut self, fault: &tokio::task::JoinError) {
        self.truncated = true;
        self.events
            .warn(Stage::Smoke, &format!("a page could not be read by a fault of kneepoint's own: {fault}"));
    }

    fn absorb(&mut self, seen: Seen) {
        let Seen { page, offers } = seen;
        let from_asset = page.kind == PageKind::Asset;
        for offer in offers {
            let depth = page.depth + u32::from(!from_asset);
            self.frontier.offer(offer, Some(&page.path), depth);
        }
        self.pages.push(page);
    }

    async fn debugging(&mut self) {
        let Some(url) = self.scope.target.url(ABSENT) else { return };
        if self.cancel.is_set() || self.truncated || self.scope.judge(&url).is_err() {
            return;
        }
        let Some(trip) = self.within(trip::follow(&self.client, &self.scope, &url)).await else { return };
        let debugging = matches!(&trip.end, End::Answer(answer) if answer.status >= 400
            && matches!(&answer.body, Decoded::Whole(body) if crate::html::is_debug_page(&String::from_utf8_lossy(body))));
        if debugging {
            let mut page = see(&self.scope.target, &Next { url, depth: 1, asset: false }, trip).page;
            // The page is absent on purpose; what its absence shows is all there is to say.
            (page.kind, page.problems, page.verdict) =
                (PageKind::Meta, vec![PageProblem::DebugPage], PageVerdict::Warned);
            self.pages.push(page);
        }
    }

    fn finish(mut self, took: Duration) -> SiteMap {
        for (shape, count) in self.frontier.held_back().iter().take(MAX_NOTES) {
            let of = if shape.ends_with("?…") { self.plan.query_variants } else { self.plan.per_template };
            self.events.note(
                Stage::Smoke,
                &format!("{count} more pages like {shape} were left alone: {of} of them were visited"),
            );
        }
        for page in self.pages.iter_mut().filter(|page| page.kind != PageKind::Meta) {
            page.linked_from = self.frontier.linked_from(&page.path);
        }
        self.pages.sort_by(|a, b| a.path.cmp(&b.path));
        if self.truncated {
            self.events.warn(
                Stage::Smoke,
                "the crawl ended before the site did; raise its limits on pages or seconds to see the rest",
            );
        }
        let (left_alone, left_alone_counts, external) = self.frontier.finish().finish();
        SiteMap {
            format_version: FORMAT_VERSION,
            origin: self.scope.target.origin(),
            pages: self.pages,
            left_alone,
            left_alone_counts,
            external,
            robots: self.robots_found,
            from_sitemap: self.from_sitemap,
            truncated: self.truncated,
            took_us: Micros::from_duration(took),
        }
    }
}

async fn visit(client: Client, scope: Arc<Scope>, number: u64, next: Next) -> (u64, Seen) {
    let trip = trip::follow(&client, &scope, &next.url).await;
    (number, see(&scope.target, &next, trip))
}

/// Results that wait for their turn.
#[derive(Debug, Default)]
struct InOrder {
    outstanding: BTreeMap<u64, Instant>,
    ready: BTreeMap<u64, Seen>,
}

impl InOrder {
    fn asked(&mut self, number: u64) {
        self.outstanding.insert(number, Instant::now());
    }
    fn done(&mut self, number: u64, seen: Seen) {
        self.outstanding.remove(&number);
        self.ready.insert(number, seen);
    }
    fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }
    fn forget_missing(&mut self) {
        self.outstanding.clear();
    }
    fn take_any(&mut self) -> Option<Seen> {
        self.ready.pop_first().map(|(_, seen)| seen)
    }
    /// The next result whose turn it is: nothing earlier is outstanding, or has been for too long.
    fn take(&mut self) -> Option<Seen> {
        let (first, _) = self.ready.first_key_value()?;
        let earlier = self.outstanding.range(..*first).any(|(_, since)| since.elapsed() < IN_ORDER);
        if earlier { None } else { self.take_any() }
    }
}
