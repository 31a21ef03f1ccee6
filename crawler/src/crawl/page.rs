//! From an answer to a page of the map, and to the links it gives.

use kneepoint_model::site::{CrawledPage, PageKind, PageProblem, PageVerdict};
use kneepoint_model::units::{Bytes, Micros};
use url::Url;

use super::frontier::{Next, Offer};
use super::judge::{self, Facts};
use super::trip::{End, Trip};
use crate::address::path_of;
use crate::html::{self, Document};
use crate::http::{Answer, Decoded, gzip_size};
use crate::target::{Leads, Target};

/// A page and what it leads to.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The page; `linked_from` is filled in at the end of the crawl.
    pub(crate) page: CrawledPage,
    /// The links, in order.
    pub(crate) offers: Vec<Offer>,
}

/// Reads what a trip gave; costs as much as the page is large.
pub(crate) fn see(target: &Target, next: &Next, trip: Trip) -> Seen {
    let mut page = blank(next, &trip);
    match trip.end {
        End::NoAnswer(none) => page.problems.push(none.problem()),
        End::Loop => page.problems.push(PageProblem::RedirectLoop),
        End::Answer(answer) => {
            let offers = if trip.redirects.is_empty() {
                direct(target, next, &trip.last, &answer, &mut page)
            } else {
                redirected(target, next, &trip.last, trip.stopped, &answer, &mut page)
            };
            let spent = |time| Micros::from_duration(trip.before + time);
            (page.ttfb_us, page.total_us) = (spent(answer.ttfb), spent(answer.total));
            page.verdict = judge::verdict(page.kind, &page.problems);
            return Seen { page, offers };
        }
    }
    page.verdict = judge::verdict(page.kind, &page.problems);
    Seen { page, offers: Vec::new() }
}

/// What is known before the answer is read.
fn blank(next: &Next, trip: &Trip) -> CrawledPage {
    CrawledPage {
        path: path_of(&next.url),
        kind: if next.asset { PageKind::Asset } else { PageKind::Other },
        status: None,
        title: None,
        redirects: trip.redirects.clone(),
        linked_from: Vec::new(),
        links: Vec::new(),
        assets: Vec::new(),
        depth: next.depth,
        ttfb_us: Micros::ZERO,
        total_us: Micros::from_duration(trip.before),
        wire_bytes: Bytes::ZERO,
        body_bytes: Bytes::ZERO,
        content_type: None,
        encoding: None,
        cache_headers: std::collections::BTreeMap::new(),
        route: None,
        has_post_form: false,
        verdict: PageVerdict::Passed,
        problems: Vec::new(),
    }
}

fn headers(next: &Next, answer: &Answer, page: &mut CrawledPage) {
    page.status = Some(answer.status);
    page.content_type = answer.content_type();
    page.encoding = answer.encoding();
    page.kind = judge::kind(page.content_type.as_deref(), next.asset);
    if next.asset && answer.status >= 400 {
        // The error page is a document, but what is missing is still the asset.
        page.kind = PageKind::Asset;
    }
    page.wire_bytes = Bytes(answer.wire_bytes);
    page.cache_headers = answer.cache_headers();
    page.route = answer.server_timing().route;
}

/// The target of a redirect is a page of its own; here only the way there is judged.
fn redirected(
    target: &Target,
    next: &Next,
    last: &Url,
    stopped: bool,
    answer: &Answer,
    page: &mut CrawledPage,
) -> Vec<Offer> {
    headers(next, answer, page);
    page.body_bytes = Bytes(answer.body.bytes().len() as u64);
    match answer.status {
        500.. => page.problems.push(PageProblem::ServerError { status: answer.status }),
        400.. => page.problems.push(PageProblem::BrokenLink { status: answer.status }),
        _ => {}
    }
    let refused = page.redirects.last().filter(|_| stopped).cloned();
    let to = refused.unwrap_or_else(|| path_of(last));
    let leads = target.leads(last, &to);
    if let Leads::Inside(url) = &leads {
        page.links.push(path_of(url));
    }
    vec![Offer { leads, asset: next.asset, careful: false }]
}

fn direct(target: &Target, next: &Next, url: &Url, answer: &Answer, page: &mut CrawledPage) -> Vec<Offer> {
    headers(next, answer, page);
    if let Decoded::Broken(why) = &answer.body {
        page.problems.push(PageProblem::Connection { why: why.clone() });
    }
    let body = answer.body.bytes();
    page.body_bytes = Bytes(body.len() as u64);
    let text = if page.kind == PageKind::Html { String::from_utf8_lossy(body) } else { "".into() };
    let document = if page.kind == PageKind::Html { html::read(&text) } else { other(page, body) };
    page.title.clone_from(&document.title);
    page.has_post_form = document.has_post_form;
    let worth =
        judge::worth_compressing(page.content_type.as_deref(), page.encoding.as_deref(), answer.wire_bytes);
    page.problems.extend(judge::problems(&Facts {
        kind: page.kind,
        status: answer.status,
        content_type: page.content_type.as_deref(),
        encoding: page.encoding.as_deref(),
        wire_bytes: answer.wire_bytes,
        gzip_bytes: worth.then(|| gzip_size(body)),
        has_title: document.title.is_some() || !matches!(answer.body, Decoded::Whole(_)),
        has_lifetime: judge::has_lifetime(
            page.cache_headers.get("cache-control").map(String::as_str),
            page.cache_headers.get("expires").map(String::as_str),
        ),
        debug_page: html::is_debug_page(&text),
        marker: document.marker,
    }));
    if answer.status < 300 { links(target, url, &document, page) } else { Vec::new() }
}

/// Style sheets and API answers lead somewhere too.
fn other(page: &CrawledPage, body: &[u8]) -> Document {
    match (page.kind, page.content_type.as_deref()) {
        (PageKind::Asset, Some("text/css")) => {
            Document { assets: html::css_urls(&String::from_utf8_lossy(body)), ..Document::default() }
        }
        (PageKind::Api, _) => Document { links: html::json_links(body), ..Document::default() },
        _ => Document::default(),
    }
}

fn links(target: &Target, url: &Url, document: &Document, page: &mut CrawledPage) -> Vec<Offer> {
    let base = document.base.as_ref().and_then(|base| url.join(base).ok()).unwrap_or_else(|| url.clone());
    let mut offers = Vec::new();
    let found =
        [(&document.links, false, false), (&document.careful, false, true), (&document.assets, true, false)];
    for (hrefs, asset, careful) in found {
        for href in hrefs {
            let leads = target.leads(&base, href);
            if let Leads::Inside(inside) = &leads
                && !careful
            {
                let paths = if asset { &mut page.assets } else { &mut page.links };
                let path = path_of(inside);
                if !paths.contains(&path) {
                    paths.push(path);
                }
            }
            offers.push(Offer { leads, asset, careful });
        }
    }
    offers
}
