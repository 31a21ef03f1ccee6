//! The walk: the files for crawlers, then page after page, several at a time, each result taken in the order of asking.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::run::FORMAT_VERSION;
use kneepoint_model::site::{CrawledPage, PageKind, PageProblem, PageVerdict, SiteMap};
use kneepoint_model::stage::Stage;
use kneepoint_model::units::Micros;
use tokio::task::JoinSet;
use url::Url;

use super::frontier::{Frontier, Limits, Next};
use super::in_order::InOrder;
use super::page::{Seen, see};
use super::plan::CrawlPlan;
use super::robots::Robots;
use super::scope::{Scope, patterns};
use super::trip::{self, End, Trip};
use crate::address::path_of;
use crate::error::CrawlError;
use crate::http::{Client, ClientPlan, Decoded};
use crate::runtime::{block_on, cancelled};
use crate::target::{Leads, Target};

/// Most notes about pages that look alike.
const MAX_NOTES: usize = 10;
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
            via: &plan.via,
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
        if walk.pages.is_empty() && cancel.is_cancelled() {
            return Err(CrawlError::Cancelled);
        }
        Ok(walk.finish(started.elapsed()))
    })?
}

/// The state of one crawl.
pub(super) struct Walk<'a> {
    plan: &'a CrawlPlan,
    cancel: &'a Cancel,
    pub(super) events: &'a dyn EventSink,
    client: Client,
    pub(super) scope: Arc<Scope>,
    pub(super) frontier: Frontier,
    until: Instant,
    delay: Duration,
    pub(super) pages: Vec<CrawledPage>,
    pub(super) listed: Vec<Url>,
    pub(super) outside: Vec<Leads>,
    pub(super) robots_found: bool,
    pub(super) from_sitemap: u64,
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

    /// Follows one address, within the time that is left.
    pub(super) async fn fetch(&mut self, url: &Url) -> Option<Trip> {
        let trip = self.within(trip::follow(&self.client, &self.scope, url)).await;
        self.truncated |= trip.is_none();
        trip
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
        if self.cancel.is_cancelled() || self.truncated || self.scope.judge(&url).is_err() {
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

    /// A site that sends its visitors elsewhere at once was not crawled, however well it answered.
    fn start_that_leads_away(&self) {
        let start = path_of(self.scope.target.base());
        let page = self.pages.iter().find(|page| page.path == start && page.status.is_some_and(|s| s < 400));
        if let Some(to) = page.and_then(|page| page.redirects.last()).filter(|to| !to.starts_with('/')) {
            let message =
                format!("the start page leads to {to}, which was not visited: give that address instead");
            self.events.warn(Stage::Smoke, &message);
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
        self.start_that_leads_away();
        let (skipped_links, skipped_counts, external) = self.frontier.finish().finish();
        SiteMap {
            format_version: FORMAT_VERSION,
            origin: self.scope.target.origin(),
            pages: self.pages,
            skipped_links,
            skipped_counts,
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
