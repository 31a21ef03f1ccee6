//! One page view: the document, then its assets side by side, as far as the visitor's cache does not have them.
//!
//! At most six at once, each on a connection of its own: what browsers open to one site over HTTP/1.1 (Chromium:
//! `net/socket/client_socket_pool_manager.cc`, Firefox: `network.http.max-persistent-connections-per-server`). Each asset is a
//! request like any other: it has its own deadline, takes a slot of the open model, and is recorded. It is due when the
//! document has come, so that its response time holds the wait for one of the six, as a browser's own timing does.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::pin::pin;
use std::time::Instant;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use http::header::{COOKIE, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, REFERER};
use http::uri::PathAndQuery;
use kneepoint_model::outcome::Outcome;

use super::choice::{Choice, choose};
use super::fresh::Use;
use super::reader;
use super::record::Page;
use crate::answer::{known_len, packing};
use crate::coding::decode;
use crate::judge::{Judged, outcome_of};
use crate::patience::Patience;
use crate::session::Session;
use crate::step::document;
use crate::transport::{Failure, Lines, Pool, Reply, write};
use crate::travel::{Limits, MOST_REDIRECTS, hop, within_limits};
use crate::unfinished::{Due, StepEnd, Unfinished};
use crate::world::{ReadyPage, World};

/// Requests of one visitor at the same time.
const AT_ONCE: usize = 6;

/// Does one step and all that its page asks for. The end is the step's own, but for the moment: the visitor goes on when the
/// page is there.
pub(crate) async fn view(
    world: &World,
    session: &mut Session,
    pool: &Pool,
    (scenario, at): (usize, usize),
    ready: &ReadyPage,
    due: Due,
) -> StepEnd {
    let mut page = Page::begin(world, world.ready[scenario][at].endpoint, due.at);
    let (mut end, answer) = document(world, session, pool, scenario, at, due).await;
    if end.ok
        && let Some(reply) = answer
    {
        let choice = assets_of(world, session, &reply);
        page.counts.left_out += choice.left_out;
        let loader = Loader { world, session, pool, ready, due, last: end.done };
        end.done = loader.load(choice.paths, &mut page).await;
    }
    page.finish(end.done, end.ok);
    end
}

/// What the answer names, when it is a page.
fn assets_of(world: &World, session: &Session, reply: &Reply) -> Choice {
    let kind = reply.head.get("content-type").unwrap_or_default().trim_start().to_ascii_lowercase();
    if !(kind.starts_with("text/html") || kind.starts_with("application/xhtml+xml")) {
        return Choice::default();
    }
    let Ok(body) = decode(&reply.body, packing(&reply.head), world.plan.max_body) else {
        return Choice::default();
    };
    choose(&world.site, &session.at, &reader::read(&String::from_utf8_lossy(&body)))
}

/// An asset that was asked for, or waits for its turn.
struct Asset<'a> {
    open: Unfinished<'a>,
    /// As the page named it: what the cache knows it by.
    name: PathAndQuery,
    /// Where it is asked for: somewhere else after a redirect.
    path: PathAndQuery,
    redirects: usize,
    limits: Option<Limits<'a>>,
    /// The cookies that went with the request.
    cookies: Option<String>,
    /// It was asked whether it changed.
    asked: bool,
}

/// Loads the assets of one page.
struct Loader<'a, 'b> {
    world: &'a World,
    session: &'b mut Session,
    pool: &'a Pool,
    ready: &'a ReadyPage,
    due: Due,
    /// End of the last that came so far.
    last: Instant,
}

impl<'a> Loader<'a, '_> {
    /// Loads all; the answer is the end of the last.
    async fn load(mut self, paths: Vec<PathAndQuery>, page: &mut Page<'_>) -> Instant {
        let mut waiting = self.needed(paths, page);
        page.counts.from_network = waiting.len() as u64;
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < AT_ONCE
                && let Some(mut asset) = waiting.pop_front()
            {
                let request = self.request(&mut asset);
                under_way.push(fetch(self.world, self.pool, asset, request));
            }
            let Some((asset, answer)) = under_way.next().await else { return self.last };
            if let Some(further) = self.came(asset, &answer, page) {
                waiting.push_front(further);
            }
        }
    }

    /// Those that the visitor's cache does not have. All are due now, though they may have to wait for their turn.
    fn needed(&mut self, paths: Vec<PathAndQuery>, page: &mut Page<'_>) -> VecDeque<Asset<'a>> {
        let now = Instant::now();
        let mut needed = VecDeque::new();
        for path in paths {
            let cookies = self.session.jar.header(path.as_str());
            let cache = self.session.cache.get_or_insert_default();
            if cache.usable(path.as_str(), cookies.as_deref(), now) == Use::Stored {
                page.counts.from_cache += 1;
                continue;
            }
            let trace = self.session.trace(self.world.window.started_ms.get());
            let due = Due { at: now, lag: None };
            let open = Unfinished::part_of(self.world, self.ready.endpoint, due, self.due.at, trace);
            let name = path.clone();
            needed.push_back(Asset {
                open,
                name,
                path,
                redirects: 0,
                limits: None,
                cookies: None,
                asked: false,
            });
        }
        needed
    }

    fn request(&mut self, asset: &mut Asset<'a>) -> Vec<u8> {
        let path = asset.path.as_str();
        let mut own = Lines::default();
        let mut push = |name: &HeaderName, text: &str| {
            if let Ok(value) = HeaderValue::from_str(text) {
                own.push(name, &value);
            }
        };
        asset.cookies = self.session.jar.header(path);
        if let Some(cookies) = &asset.cookies {
            push(&COOKIE, cookies);
        }
        push(&REFERER, &self.world.site.page(&self.session.at));
        asset.asked = false;
        let usable = self
            .session
            .cache
            .as_ref()
            .filter(|_| asset.redirects == 0)
            .map_or(Use::Fetch, |cache| cache.usable(path, asset.cookies.as_deref(), Instant::now()));
        if let Use::Ask { etag, last_modified } = usable {
            asset.asked = true;
            if let Some(etag) = etag {
                push(&IF_NONE_MATCH, etag);
            }
            if let Some(at) = last_modified {
                push(&IF_MODIFIED_SINCE, at);
            }
        }
        asset.open.trace_line(&mut own);
        let mut request = Vec::with_capacity(512);
        write(&mut request, &http::Method::GET, path, [&self.ready.fixed, &Lines::default(), &own], b"");
        asset.open.asks_for(Cow::Owned(asset.path.clone()));
        request
    }

    /// Records an asset that came or did not; gives it back when a redirect within the site leads further.
    fn came(
        &mut self,
        mut asset: Asset<'a>,
        answer: &Result<Reply, Failure>,
        page: &mut Page<'_>,
    ) -> Option<Asset<'a>> {
        let mut leads_away = false;
        if let Ok(reply) = answer {
            self.session.jar.take(&reply.head);
            match self.leads(&asset, reply) {
                Leads::Nowhere => {}
                Leads::Away => {
                    page.counts.left_out += 1;
                    leads_away = true;
                }
                Leads::Further(path) => {
                    asset.open.follows(reply);
                    asset.path = path;
                    asset.redirects += 1;
                    return Some(asset);
                }
            }
            if asset.redirects == 0 {
                let cache = self.session.cache.get_or_insert_default();
                cache.take(asset.name.as_str(), asset.cookies.as_deref(), &reply.head, reply.done);
            }
        }
        let asked = asset.asked;
        let end = asset.open.finish(answer, |reply, _| {
            let (outcome, detail) = judge(reply.head.status, asked, leads_away);
            Judged { outcome, detail, body: known_len(reply) }
        });
        page.counts.not_modified += u64::from(end.ok && end.status == Some(304));
        page.counts.assets_failed += u64::from(!end.ok);
        self.last = self.last.max(end.done);
        None
    }

    fn leads(&self, asset: &Asset<'_>, reply: &Reply) -> Leads {
        if !matches!(reply.head.status, 301 | 302 | 303 | 307 | 308) {
            return Leads::Nowhere;
        }
        let Some(location) = reply.head.get("location") else { return Leads::Nowhere };
        let Ok(path) = self.world.site.resolve(asset.path.as_str(), location) else { return Leads::Away };
        match path.parse() {
            Ok(path) if asset.redirects < MOST_REDIRECTS => Leads::Further(path),
            _ => Leads::Nowhere,
        }
    }
}

enum Leads {
    Nowhere,
    /// Off the site: never asked for.
    Away,
    Further(PathAndQuery),
}

/// A redirect that leads off the site was answered as it should be; one that leads nowhere was not.
fn judge(status: u16, asked: bool, leads_away: bool) -> (Outcome, String) {
    let outcome = match status {
        200..300 => Outcome::Ok,
        304 if asked => Outcome::Ok,
        300..400 if leads_away => Outcome::Ok,
        _ => outcome_of(status),
    };
    (outcome, if outcome.is_ok() { String::new() } else { format!("status {status}") })
}

async fn fetch<'a>(
    world: &'a World,
    pool: &'a Pool,
    mut asset: Asset<'a>,
    request: Vec<u8>,
) -> (Asset<'a>, Result<Reply, Failure>) {
    let mut patience = Patience::default();
    let limits = match asset.limits.take() {
        Some(limits) => Some(limits),
        // Not from when it was due: it may have waited behind others of its page.
        None => Limits::take(world, &mut asset.open, &mut patience, Instant::now()).await,
    };
    let Some(limits) = limits else {
        return (asset, Err(Failure::new(Outcome::Shed, "waited too long for a slot")));
    };
    let answer = {
        let ask = pin!(hop(world, pool, &request, &http::Method::GET, false, &mut asset.open));
        within_limits(world, &limits, &mut patience, ask).await
    };
    asset.limits = Some(limits);
    (asset, answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_is_judged_by_its_status() {
        for (status, asked, away, expected) in [
            (200, false, false, Outcome::Ok),
            (206, false, false, Outcome::Ok),
            (304, true, false, Outcome::Ok),
            (304, false, false, Outcome::UnexpectedStatus),
            (302, false, false, Outcome::UnexpectedStatus),
            (302, false, true, Outcome::Ok),
            (404, true, false, Outcome::ClientError),
            (503, true, false, Outcome::ServerError),
        ] {
            assert_eq!(judge(status, asked, away).0, expected, "{status}");
        }
    }
}
