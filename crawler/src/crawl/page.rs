//! Turns a response into a page of the map and the links on it.

use kneepoint_model::site::{CrawledPage, PageKind, PageProblem, PageVerdict};
use kneepoint_model::units::{Bytes, Micros};
use url::Url;

use super::fetch::{FetchOutcome, RedirectChain};
use super::frontier::{FoundLink, QueuedPage};
use super::page_checks::{self, PageFacts};
use crate::address::path_of;
use crate::html::{self, Document};
use crate::http::{DecodedBody, Response, gzip_size};
use crate::target::{LinkTarget, Target};

/// A visited page and the links on it.
#[derive(Debug)]
pub(crate) struct PageVisit {
    /// `linked_from` is filled in at the end of the crawl.
    pub(crate) page: CrawledPage,
    /// Links in document order.
    pub(crate) links: Vec<FoundLink>,
}

/// Builds the page from a redirect chain; the cost grows with the size of the page.
pub(crate) fn read_page(target: &Target, next: &QueuedPage, chain: RedirectChain) -> PageVisit {
    let mut page = empty_page(next, &chain);
    match chain.outcome {
        FetchOutcome::NoResponse(error) => page.problems.push(error.to_problem()),
        FetchOutcome::Loop => page.problems.push(PageProblem::RedirectLoop),
        FetchOutcome::Response(response) => {
            let links = if chain.redirects.is_empty() {
                read_document(target, next, &chain.last, &response, &mut page)
            } else {
                read_redirect(target, next, &chain.last, chain.stopped, &response, &mut page)
            };
            let spent = |time| Micros::from_duration(chain.redirect_time + time);
            (page.ttfb_us, page.total_us) = (spent(response.ttfb), spent(response.total));
            page.verdict = page_checks::verdict_for(page.kind, &page.problems);
            return PageVisit { page, links };
        }
    }
    page.verdict = page_checks::verdict_for(page.kind, &page.problems);
    PageVisit { page, links: Vec::new() }
}

/// The page as known before the response is read.
fn empty_page(next: &QueuedPage, chain: &RedirectChain) -> CrawledPage {
    CrawledPage {
        path: path_of(&next.url),
        kind: if next.asset { PageKind::Asset } else { PageKind::Other },
        status: None,
        title: None,
        redirects: chain.redirects.clone(),
        linked_from: Vec::new(),
        links: Vec::new(),
        assets: Vec::new(),
        depth: next.depth,
        ttfb_us: Micros::ZERO,
        total_us: Micros::from_duration(chain.redirect_time),
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

fn record_headers(next: &QueuedPage, response: &Response, page: &mut CrawledPage) {
    page.status = Some(response.status);
    page.content_type = response.content_type();
    page.encoding = response.encoding();
    page.kind = page_checks::classify(page.content_type.as_deref(), next.asset);
    if next.asset && response.status >= 400 {
        // The error response is a document, but the missing item is still an asset.
        page.kind = PageKind::Asset;
    }
    page.wire_bytes = Bytes(response.wire_bytes);
    page.cache_headers = response.cache_headers();
    page.route = response.server_timing().route;
}

/// The redirect's target becomes a page of its own; only the redirect itself is checked here.
fn read_redirect(
    target: &Target,
    next: &QueuedPage,
    last: &Url,
    stopped: bool,
    response: &Response,
    page: &mut CrawledPage,
) -> Vec<FoundLink> {
    record_headers(next, response, page);
    page.body_bytes = Bytes(response.body.bytes().len() as u64);
    match response.status {
        500.. => page.problems.push(PageProblem::ServerError { status: response.status }),
        400.. => page.problems.push(PageProblem::BrokenLink { status: response.status }),
        _ => {}
    }
    let refused = page.redirects.last().filter(|_| stopped).cloned();
    let to = refused.unwrap_or_else(|| path_of(last));
    let destination = target.resolve(last, &to);
    if let LinkTarget::Inside(url) = &destination {
        page.links.push(path_of(url));
    }
    vec![FoundLink { destination, asset: next.asset, has_side_effects: false }]
}

fn read_document(
    target: &Target,
    next: &QueuedPage,
    url: &Url,
    response: &Response,
    page: &mut CrawledPage,
) -> Vec<FoundLink> {
    record_headers(next, response, page);
    if let DecodedBody::Broken(why) = &response.body {
        page.problems.push(PageProblem::Connection { why: why.clone() });
    }
    let body = response.body.bytes();
    page.body_bytes = Bytes(body.len() as u64);
    let text = if page.kind == PageKind::Html { String::from_utf8_lossy(body) } else { "".into() };
    let document =
        if page.kind == PageKind::Html { html::read_html(&text) } else { read_non_html(page, body) };
    page.title.clone_from(&document.title);
    page.has_post_form = document.has_post_form;
    let compute_gzip = page_checks::is_worth_compressing(
        page.content_type.as_deref(),
        page.encoding.as_deref(),
        response.wire_bytes,
    );
    page.problems.extend(page_checks::find_problems(&PageFacts {
        kind: page.kind,
        status: response.status,
        content_type: page.content_type.as_deref(),
        encoding: page.encoding.as_deref(),
        wire_bytes: response.wire_bytes,
        gzip_bytes: compute_gzip.then(|| gzip_size(body)),
        has_title: document.title.is_some() || !matches!(response.body, DecodedBody::Whole(_)),
        has_lifetime: page_checks::has_lifetime(
            page.cache_headers.get("cache-control").map(String::as_str),
            page.cache_headers.get("expires").map(String::as_str),
        ),
        debug_page: html::is_debug_page(&text),
        marker: document.marker,
    }));
    if response.status < 300 { collect_links(target, url, &document, page) } else { Vec::new() }
}

/// Style sheets and API responses contain links too.
fn read_non_html(page: &CrawledPage, body: &[u8]) -> Document {
    match (page.kind, page.content_type.as_deref()) {
        (PageKind::Asset, Some("text/css")) => {
            Document { assets: html::css_urls(&String::from_utf8_lossy(body)), ..Document::default() }
        }
        (PageKind::Api, _) => Document { links: html::json_links(body), ..Document::default() },
        _ => Document::default(),
    }
}

fn collect_links(target: &Target, url: &Url, document: &Document, page: &mut CrawledPage) -> Vec<FoundLink> {
    let base = document.base.as_ref().and_then(|base| url.join(base).ok()).unwrap_or_else(|| url.clone());
    let mut links = Vec::new();
    let found = [
        (&document.links, false, false),
        (&document.unsafe_links, false, true),
        (&document.assets, true, false),
    ];
    for (hrefs, asset, has_side_effects) in found {
        for href in hrefs {
            let destination = target.resolve(&base, href);
            if let LinkTarget::Inside(inside) = &destination
                && !has_side_effects
            {
                let paths = if asset { &mut page.assets } else { &mut page.links };
                let path = path_of(inside);
                if !paths.contains(&path) {
                    paths.push(path);
                }
            }
            links.push(FoundLink { destination, asset, has_side_effects });
        }
    }
    links
}
