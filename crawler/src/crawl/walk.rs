//! The crawl loop: crawler files first, then page after page with several requests in flight; results are processed
//! in request order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::run::FORMAT_VERSION;
use kneepoint_model::site::{CrawledPage, PageKind, PageProblem, PageVerdict, SiteMap};
use kneepoint_model::stage::Stage;
use kneepoint_model::text::clip;
use kneepoint_model::units::Micros;
use tokio::task::JoinSet;
use url::Url;

use super::fetch::{self, FetchOutcome, RedirectChain};
use super::frontier::{CrawlLimits, Frontier, QueuedPage};
use super::page::{PageVisit, read_page};
use super::plan::CrawlPlan;
use super::result_queue::ResultQueue;
use super::robots::Robots;
use super::scope::{Scope, compile_patterns};
use crate::address::path_of;
use crate::error::CrawlError;
use crate::http::{Client, ClientPlan, DecodedBody};
use crate::runtime::{block_on, wait_for_cancellation};
use crate::target::{LinkTarget, Target};

/// Most notes about path templates that reached their limit.
const MAX_NOTES: usize = 10;
/// A path that no site has: its error page shows whether the framework is in debug mode.
const MISSING_PATH: &str = "/kneepoint-looks-for-a-page-that-is-not-there/";

/// Crawls the site: every page of its origin, politely and bounded, with GET only.
///
/// Broken pages are part of the result, not an error. When `cancel` is set, the pages visited so far are returned
/// and the map is marked `truncated`.
///
/// # Errors
/// The site is unreachable, a URL or pattern of the plan is not usable, or `cancel` was set before the first
/// response.
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
        let ignore = compile_patterns(&plan.ignore)?;
        let until = started + Duration::from_secs(plan.max_seconds);
        let unrestricted = Arc::new(Scope::new(target.clone(), Robots::default(), ignore.clone()));
        let mut walk = Walk::new(plan, cancel, events, client, unrestricted, until);
        let robots = walk.fetch_robots().await?;
        let delay = robots.delay();
        let sitemaps = robots.sitemaps().to_vec();
        walk.apply_rules(Scope::new(target, robots, ignore), delay);
        walk.fetch_sitemaps(&sitemaps).await;
        walk.visit_pages().await;
        walk.check_debug_page().await;
        if walk.pages.is_empty() && cancel.is_cancelled() {
            return Err(CrawlError::Cancelled);
        }
        Ok(walk.finish(started.elapsed()))
    })?
}

/// State of one crawl.
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
    pub(super) outside: Vec<LinkTarget>,
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
        let limits = CrawlLimits {
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

    /// Replaces the scope and the frontier once robots.txt is known.
    fn apply_rules(&mut self, scope: Scope, delay: Duration) {
        let limits = CrawlLimits {
            depth: self.plan.max_depth,
            variants: self.plan.query_variants.max(1),
            template: self.plan.per_template.max(1),
        };
        let start = self.scope.target.base().clone();
        if scope.check(&start).is_err() {
            self.events.warn(
                Stage::Smoke,
                "robots.txt disallows the start page, so only the named pages are visited; \
                 allow the user agent `kneepoint` to crawl the rest",
            );
        }
        self.scope = Arc::new(scope);
        self.delay = delay;
        self.frontier = Frontier::new(Arc::clone(&self.scope), limits);
        for page in &self.pages {
            if let Some(url) = self.scope.target.url(&page.path) {
                self.frontier.mark_visited(&url);
            }
        }
        self.frontier.add_start_page(start);
        for path in &self.plan.extra_paths {
            match self.scope.target.url(path) {
                Some(url) => self.frontier.add_start_page(url),
                None => self.events.warn(
                    Stage::Smoke,
                    &format!("`{}` is not a path of this site and is not visited", path.escape_debug()),
                ),
            }
        }
    }

    /// Awaits `future`; returns `None` at the deadline or on cancellation.
    async fn run_until_deadline<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = wait_for_cancellation(self.cancel) => None,
            () = tokio::time::sleep_until(self.until.into()) => None,
            output = future => Some(output),
        }
    }

    /// Fetches one URL within the remaining time.
    pub(super) async fn fetch(&mut self, url: &Url) -> Option<RedirectChain> {
        let chain = self.run_until_deadline(fetch::fetch(&self.client, &self.scope, url)).await;
        self.truncated |= chain.is_none();
        chain
    }

    async fn visit_pages(&mut self) {
        let mut tasks: JoinSet<(u64, PageVisit)> = JoinSet::new();
        let mut queue = ResultQueue::default();
        let mut not_before = Instant::now();
        let (mut requested, mut listed_queued) = (0_u64, false);
        loop {
            let room = tasks.len() < self.plan.concurrency.max(1) && requested < self.plan.max_pages as u64;
            let rested = self.delay.is_zero() || Instant::now() >= not_before;
            if room
                && rested
                && let Some(next) = self.frontier.next()
            {
                not_before = Instant::now() + self.delay;
                queue.expect(requested);
                self.announce(requested, &next);
                tasks.spawn(visit(self.client.clone(), Arc::clone(&self.scope), requested, next));
                requested += 1;
                continue;
            }
            let resting = room && !rested && self.frontier.waiting() > 0;
            if tasks.is_empty() && queue.is_empty() && !resting {
                // The start page may have no links while the sitemaps have some.
                if std::mem::replace(&mut listed_queued, true) {
                    break;
                }
                self.queue_listed_pages();
                continue;
            }
            tokio::select! {
                biased;
                () = wait_for_cancellation(self.cancel) => { self.truncated = true; break }
                () = tokio::time::sleep_until(self.until.into()) => { self.truncated = true; break }
                Some(done) = tasks.join_next() => {
                    match done {
                        Ok((number, visit_result)) => queue.insert(number, visit_result),
                        Err(fault) => self.record_fault(&fault),
                    }
                }
                () = tokio::time::sleep_until(not_before.into()), if resting => {}
                () = tokio::time::sleep(Duration::from_millis(100)), if !queue.is_empty() => {}
            }
            if tasks.is_empty() {
                queue.forget_missing();
            }
            while let Some(visit_result) = queue.take() {
                self.record_visit(visit_result);
                if !std::mem::replace(&mut listed_queued, true) {
                    self.queue_listed_pages();
                }
            }
        }
        while let Some(visit_result) = queue.take_any() {
            self.record_visit(visit_result);
        }
        self.truncated |= self.frontier.waiting() > 0;
        tasks.abort_all();
    }

    fn announce(&self, requested: u64, next: &QueuedPage) {
        let known = requested + 1 + self.frontier.waiting() as u64;
        let path = clip(next.url.path(), 60);
        self.events.progress(Stage::Smoke, requested, Some(known.min(self.plan.max_pages as u64)), path);
    }

    /// A page lost to an internal error is missing from the map, so the map is marked truncated.
    fn record_fault(&mut self, fault: &tokio::task::JoinError) {
        self.truncated = true;
        self.events.warn(
            Stage::Smoke,
            &format!("a page is missing from the map because of an internal error: {fault}"),
        );
    }

    fn record_visit(&mut self, visit_result: PageVisit) {
        let PageVisit { page, links } = visit_result;
        let from_asset = page.kind == PageKind::Asset;
        for link in links {
            let depth = page.depth + u32::from(!from_asset);
            self.frontier.add_link(link, Some(&page.path), depth);
        }
        self.pages.push(page);
    }

    async fn check_debug_page(&mut self) {
        let Some(url) = self.scope.target.url(MISSING_PATH) else { return };
        if self.cancel.is_cancelled() || self.truncated || self.scope.check(&url).is_err() {
            return;
        }
        let Some(chain) = self.run_until_deadline(fetch::fetch(&self.client, &self.scope, &url)).await else {
            return;
        };
        let debugging = matches!(&chain.outcome, FetchOutcome::Response(response) if response.status >= 400
            && matches!(&response.body, DecodedBody::Whole(body) if crate::html::is_debug_page(&String::from_utf8_lossy(body))));
        if debugging {
            let mut page =
                read_page(&self.scope.target, &QueuedPage { url, depth: 1, asset: false }, chain).page;
            // The page is missing on purpose; only the debug page is a problem.
            (page.kind, page.problems, page.verdict) =
                (PageKind::Meta, vec![PageProblem::DebugPage], PageVerdict::Warned);
            self.pages.push(page);
        }
    }

    /// A site whose start page redirects to another site was not crawled, however well it responded.
    fn warn_if_start_page_leaves_site(&self) {
        let start = path_of(self.scope.target.base());
        let page = self.pages.iter().find(|page| page.path == start && page.status.is_some_and(|s| s < 400));
        if let Some(to) = page.and_then(|page| page.redirects.last()).filter(|to| !to.starts_with('/')) {
            let message = format!(
                "the start page redirects to {to}, which is another site and was not visited: use that address instead"
            );
            self.events.warn(Stage::Smoke, &message);
        }
    }

    fn finish(mut self, took: Duration) -> SiteMap {
        for (shape, count) in self.frontier.over_limit().iter().take(MAX_NOTES) {
            let limit =
                if shape.ends_with("?…") { self.plan.query_variants } else { self.plan.per_template };
            self.events.note(
                Stage::Smoke,
                &format!("{count} more pages like {shape} are skipped: {limit} of them were visited"),
            );
        }
        for page in self.pages.iter_mut().filter(|page| page.kind != PageKind::Meta) {
            page.linked_from = self.frontier.linked_from(&page.path);
        }
        self.pages.sort_by(|a, b| a.path.cmp(&b.path));
        if self.truncated {
            self.events.warn(
                Stage::Smoke,
                "the crawl ended before every page was visited; raise its limit on pages or seconds to see the rest",
            );
        }
        self.warn_if_start_page_leaves_site();
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

async fn visit(client: Client, scope: Arc<Scope>, number: u64, next: QueuedPage) -> (u64, PageVisit) {
    let chain = fetch::fetch(&client, &scope, &next.url).await;
    (number, read_page(&scope.target, &next, chain))
}
