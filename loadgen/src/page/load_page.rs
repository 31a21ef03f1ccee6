//! Loads one page: the document, then in parallel those assets that the user's browser cache does not have.
//!
//! At most six at once, each on a connection of its own: what browsers open to one site over HTTP/1.1 (Chromium:
//! `net/socket/client_socket_pool_manager.cc`, Firefox: `network.http.max-persistent-connections-per-server`). Each asset is a
//! request like any other: it has its own deadline, takes a slot of the open model, and is recorded. It is due when the
//! document has arrived, so that its response time contains the wait for one of the six connections, as a browser's timing does.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Instant;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use http::header::{COOKIE, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, REFERER};
use http::uri::PathAndQuery;

use super::asset_request::{AssetRequest, Redirect, fetch_asset, outcome_of_asset};
use super::asset_selection::{AssetSelection, select_assets};
use super::http_cache::CacheUse;
use super::page_links::read_links;
use super::page_load::PageLoad;
use crate::phase::context::PhaseContext;
use crate::phase::prepared::PreparedAssets;
use crate::transport::content_coding::decode;
use crate::transport::{HeaderLines, Pool, RawResponse, RequestFailure, write_request};
use crate::user::checks::CheckedResponse;
use crate::user::document::request_document;
use crate::user::in_flight::{DueTime, InFlightRequest, StepEnd};
use crate::user::session::UserSession;

/// Requests of one user at the same time.
const MAX_CONNECTIONS: usize = 6;

/// Runs one step and loads the assets of its page. The result is that of the document, except for its end: the user continues
/// when the page is complete.
pub(crate) async fn load_page(
    context: &PhaseContext,
    session: &mut UserSession,
    pool: &Pool,
    (scenario, at): (usize, usize),
    prepared: &PreparedAssets,
    due: DueTime,
) -> StepEnd {
    let mut page = PageLoad::begin(context, context.prepared.steps[scenario][at].endpoint, due.at);
    let (mut end, result) = request_document(context, session, pool, scenario, at, due).await;
    if end.ok
        && let Some(response) = result
    {
        let selection = read_assets(context, session, &response);
        page.counts.left_out += selection.left_out;
        let loader = AssetLoader { context, session, pool, prepared, due, last: end.done };
        end.done = loader.load(selection.paths, &mut page).await;
    }
    page.finish(end.done, end.ok);
    end
}

/// Selects the assets of a response; none when it is not a page.
fn read_assets(context: &PhaseContext, session: &UserSession, response: &RawResponse) -> AssetSelection {
    let kind = response.head.get("content-type").unwrap_or_default().trim_start().to_ascii_lowercase();
    if !(kind.starts_with("text/html") || kind.starts_with("application/xhtml+xml")) {
        return AssetSelection::default();
    }
    let Ok(body) =
        decode(&response.body, response.head.body_encoding(), context.prepared.plan.options.max_body)
    else {
        return AssetSelection::default();
    };
    select_assets(&context.prepared.site, &session.page_path, &read_links(&String::from_utf8_lossy(&body)))
}

/// Loads the assets of one page.
struct AssetLoader<'a, 'b> {
    context: &'a PhaseContext,
    session: &'b mut UserSession,
    pool: &'a Pool,
    prepared: &'a PreparedAssets,
    due: DueTime,
    /// End of the latest asset so far.
    last: Instant,
}

impl<'a> AssetLoader<'a, '_> {
    /// Loads all assets, and returns the end of the last.
    async fn load(mut self, paths: Vec<PathAndQuery>, page: &mut PageLoad<'_>) -> Instant {
        let mut waiting = self.collect_missing(paths, page);
        page.counts.from_network = waiting.len() as u64;
        let mut in_progress = FuturesUnordered::new();
        loop {
            while in_progress.len() < MAX_CONNECTIONS
                && let Some(mut asset) = waiting.pop_front()
            {
                let request = self.write_asset_request(&mut asset);
                in_progress.push(fetch_asset(self.context, self.pool, asset, request));
            }
            let Some((asset, result)) = in_progress.next().await else { return self.last };
            if let Some(further) = self.finish_asset(asset, &result, page) {
                waiting.push_front(further);
            }
        }
    }

    /// The assets that the browser cache does not have. All are due now, though they may have to wait for a connection.
    fn collect_missing(
        &mut self,
        paths: Vec<PathAndQuery>,
        page: &mut PageLoad<'_>,
    ) -> VecDeque<AssetRequest<'a>> {
        let now = Instant::now();
        let mut missing = VecDeque::new();
        for path in paths {
            let cookies = self.session.jar.header(path.as_str());
            let cache = self.session.cache.get_or_insert_default();
            if cache.usage(path.as_str(), cookies.as_deref(), now) == CacheUse::Fresh {
                page.counts.from_cache += 1;
                continue;
            }
            let trace = self.session.new_trace_id(self.context.prepared.window.started_ms.get());
            let due = DueTime { at: now, lag: None };
            let in_flight =
                InFlightRequest::for_asset(self.context, self.prepared.endpoint, due, self.due.at, trace);
            let name = path.clone();
            missing.push_back(AssetRequest {
                in_flight,
                name,
                path,
                redirects: 0,
                limits: None,
                cookies: None,
                is_conditional: false,
            });
        }
        missing
    }

    fn write_asset_request(&mut self, asset: &mut AssetRequest<'a>) -> Vec<u8> {
        let path = asset.path.as_str();
        let mut headers = HeaderLines::default();
        let mut push = |name: &HeaderName, text: &str| {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.push(name, &value);
            }
        };
        asset.cookies = self.session.jar.header(path);
        if let Some(cookies) = &asset.cookies {
            push(&COOKIE, cookies);
        }
        push(&REFERER, &self.context.prepared.site.url_of(&self.session.page_path));
        asset.is_conditional = false;
        let usage = self
            .session
            .cache
            .as_ref()
            .filter(|_| asset.redirects == 0)
            .map_or(CacheUse::Fetch, |cache| cache.usage(path, asset.cookies.as_deref(), Instant::now()));
        if let CacheUse::Revalidate { etag, last_modified } = usage {
            asset.is_conditional = true;
            if let Some(etag) = etag {
                push(&IF_NONE_MATCH, etag);
            }
            if let Some(at) = last_modified {
                push(&IF_MODIFIED_SINCE, at);
            }
        }
        asset.in_flight.push_trace_header(&mut headers);
        let mut request = Vec::with_capacity(512);
        write_request(
            &mut request,
            &http::Method::GET,
            path,
            [&self.prepared.fixed, &HeaderLines::default(), &headers],
            b"",
        );
        asset.in_flight.set_path(Cow::Owned(asset.path.clone()));
        request
    }

    /// Records an asset that ended; returns it when a redirect within the site has to be followed.
    fn finish_asset(
        &mut self,
        mut asset: AssetRequest<'a>,
        result: &Result<RawResponse, RequestFailure>,
        page: &mut PageLoad<'_>,
    ) -> Option<AssetRequest<'a>> {
        let mut leads_off_site = false;
        if let Ok(response) = result {
            self.session.jar.store(&response.head);
            match asset.redirect(&self.context.prepared.site, response) {
                Redirect::None => {}
                Redirect::OffSite => {
                    page.counts.left_out += 1;
                    leads_off_site = true;
                }
                Redirect::Within(path) => {
                    asset.in_flight.record_redirect(response);
                    asset.path = path;
                    asset.redirects += 1;
                    return Some(asset);
                }
            }
            if asset.redirects == 0 {
                let cache = self.session.cache.get_or_insert_default();
                cache.store_response(
                    asset.name.as_str(),
                    asset.cookies.as_deref(),
                    &response.head,
                    response.done,
                );
            }
        }
        let is_conditional = asset.is_conditional;
        let end = asset.in_flight.finish(result, |response, _| {
            let (outcome, detail) = outcome_of_asset(response.head.status, is_conditional, leads_off_site);
            CheckedResponse { outcome, detail, body: response.decoded_len() }
        });
        page.counts.not_modified += u64::from(end.ok && end.status == Some(304));
        page.counts.assets_failed += u64::from(!end.ok);
        self.last = self.last.max(end.done);
        None
    }
}
