//! First step of the crawl: robots.txt and the sitemaps.
//!
//! A missing file is no fault. A file that fails with a server error is recorded as a failed page, because every
//! search engine sees the same.

use kneepoint_model::site::{PageKind, PageProblem};
use kneepoint_model::stage::Stage;
use url::Url;

use super::fetch::{FetchOutcome, RedirectChain};
use super::frontier::{FoundLink, QueuedPage};
use super::page::read_page;
use super::page_checks;
use super::robots::Robots;
use super::sitemap;
use super::walk::Walk;
use crate::ROBOT_NAME;
use crate::error::CrawlError;
use crate::http::{ConnectionFailure, ExchangeError};
use crate::target::LinkTarget;

/// Most sitemap files that are read.
const MAX_SITEMAPS: usize = 20;
/// Most URLs taken from sitemaps.
const MAX_LISTED: usize = 10_000;

impl Walk<'_> {
    /// Reads robots.txt; this first request also shows whether the site is reachable.
    pub(super) async fn fetch_robots(&mut self) -> Result<Robots, CrawlError> {
        let mut url = self.scope.target.base().clone();
        url.set_path("/robots.txt");
        url.set_query(None);
        self.events.progress(Stage::Smoke, 0, None, "robots.txt");
        let Some(chain) = self.fetch(&url).await else { return Ok(Robots::default()) };
        if let FetchOutcome::NoResponse(ExchangeError::Connection {
            failure: ConnectionFailure::NotConnected,
            why,
        }) = chain.outcome
        {
            return Err(CrawlError::Unreachable { origin: self.scope.target.origin(), why });
        }
        let body = match &chain.outcome {
            FetchOutcome::Response(response) if response.status == 200 => response.body.bytes().to_vec(),
            _ => return Ok(self.record_failure(&url, chain, false)),
        };
        self.robots_found = true;
        self.record_file(&url, chain, None);
        Ok(Robots::parse(ROBOT_NAME, &body))
    }

    /// Records a file that failed, unless it is merely missing and nothing refers to it.
    fn record_failure(&mut self, url: &Url, chain: RedirectChain, named: bool) -> Robots {
        let missing = matches!(&chain.outcome, FetchOutcome::Response(response) if response.status < 500);
        if !missing || named {
            self.record_file(url, chain, named.then_some("/robots.txt"));
        }
        Robots::default()
    }

    fn record_file(&mut self, url: &Url, chain: RedirectChain, from: Option<&str>) {
        let next = QueuedPage { url: url.clone(), depth: 1, asset: false };
        let mut page = read_page(&self.scope.target, &next, chain).page;
        page.kind = PageKind::Meta;
        page.linked_from = from.map(str::to_owned).into_iter().collect();
        page.problems.retain(PageProblem::is_broken);
        page.verdict = page_checks::verdict_for(page.kind, &page.problems);
        self.frontier.mark_visited(url);
        self.pages.push(page);
    }

    /// Reads the sitemaps named in robots.txt (or `/sitemap.xml`), and the files that they name.
    pub(super) async fn fetch_sitemaps(&mut self, named: &[String]) {
        let base = self.scope.target.base().clone();
        let mut files: Vec<(String, bool)> = named.iter().map(|file| (file.clone(), true)).collect();
        if files.is_empty() {
            files.push(("/sitemap.xml".to_owned(), false));
        }
        let (mut at, mut read) = (0, Vec::<Url>::new());
        while let Some((file, named)) = files.get(at).cloned() {
            at += 1;
            let destination = self.scope.target.resolve(&base, &file);
            let LinkTarget::Inside(url) = destination else {
                self.outside.push(destination);
                continue;
            };
            if read.contains(&url) {
                continue;
            }
            if read.len() >= MAX_SITEMAPS || self.listed.len() >= MAX_LISTED {
                self.events
                    .note(Stage::Smoke, "the site has more sitemap entries than the crawl reads; the remaining pages are found through links only");
                break;
            }
            read.push(url.clone());
            self.events.progress(Stage::Smoke, 0, None, "sitemaps");
            let Some(chain) = self.fetch(&url).await else { return };
            match &chain.outcome {
                FetchOutcome::Response(response) if response.status == 200 => {
                    let listed = sitemap::parse(&String::from_utf8_lossy(response.body.bytes()));
                    files.extend(listed.files.into_iter().map(|file| (file, true)));
                    self.record_listed(&base, &listed.pages);
                    self.record_file(&url, chain, named.then_some("/robots.txt"));
                }
                _ => {
                    self.record_failure(&url, chain, named);
                }
            }
        }
    }

    fn record_listed(&mut self, base: &Url, pages: &[String]) {
        for href in pages {
            match self.scope.target.resolve(base, href) {
                LinkTarget::Inside(_) if self.listed.len() >= MAX_LISTED => {}
                LinkTarget::Inside(url) => {
                    self.from_sitemap += 1;
                    self.listed.push(url);
                }
                other if self.outside.len() < MAX_LISTED => self.outside.push(other),
                _ => {}
            }
        }
    }

    /// Adds the pages of the sitemaps at depth one, after the start page's own links.
    pub(super) fn queue_listed_pages(&mut self) {
        let listed = std::mem::take(&mut self.listed).into_iter().map(LinkTarget::Inside);
        for destination in listed.chain(std::mem::take(&mut self.outside)) {
            self.frontier.add_link(FoundLink { destination, asset: false, has_side_effects: false }, None, 1);
        }
    }
}
