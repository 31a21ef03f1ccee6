//! The walk's first steps: the files that a site keeps for crawlers.
//!
//! They may be missing, and that is no fault; when they answer otherwise than with a page or with 4xx, they are pages
//! that fail, because every crawler will see the same.

use kneepoint_model::site::{PageKind, PageProblem};
use kneepoint_model::stage::Stage;
use url::Url;

use super::frontier::{Next, Offer};
use super::judge;
use super::page::see;
use super::robots::Robots;
use super::sitemap;
use super::trip::{End, Trip};
use super::walk::Walk;
use crate::ROBOT_NAME;
use crate::error::CrawlError;
use crate::http::{NoAnswer, Refusal};
use crate::target::Leads;

/// Most sitemap files that are read.
const MAX_SITEMAPS: usize = 20;
/// Most addresses taken from sitemaps.
const MAX_LISTED: usize = 10_000;

impl Walk<'_> {
    /// Reads robots.txt, and finds out whether anybody is there at all.
    pub(super) async fn robots(&mut self) -> Result<Robots, CrawlError> {
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
        page.verdict = judge::verdict(page.kind, &page.problems);
        self.frontier.visited(url);
        self.pages.push(page);
    }

    /// Reads the sitemaps that robots.txt names, or the usual one, and those that they name.
    pub(super) async fn sitemaps(&mut self, named: &[String]) {
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
    pub(super) fn join_listed(&mut self) {
        let listed = std::mem::take(&mut self.listed).into_iter().map(Leads::Inside);
        for leads in listed.chain(std::mem::take(&mut self.outside)) {
            self.frontier.offer(Offer { leads, asset: false, careful: false }, None, 1);
        }
    }
}
