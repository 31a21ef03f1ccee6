//! The one step function: both models call it, nothing else sends a request.
//!
//! A step that is dropped before its end (the phase was stopped) is recorded as censored with the time it had lasted:
//! leaving it out would trim the tail.

use std::borrow::Cow;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use http::Method;
use http::header::{COOKIE, HeaderName, HeaderValue, ORIGIN, REFERER};
use http::uri::PathAndQuery;
use kneepoint_model::outcome::Outcome;
use kneepoint_scenarios::{Encoding, Extract, Step};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::answer::{View, cache, known_len, packing, server_timing};
use crate::coding::{Packing, decode};
use crate::patience::Patience;
use crate::recorder::{Hit, Hop};
use crate::session::{Session, TraceId};
use crate::transport::{Failure, Lines, Pool, Reply, Room, Times, Wanted, exchange, write};
use crate::world::{ReadyStep, World, rendered};

const MOST_REDIRECTS: usize = 10;
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// How a step ended, for whoever asked for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepEnd {
    pub(crate) ok: bool,
    pub(crate) status: Option<u16>,
    pub(crate) done: Instant,
}

/// When a step was due, and how late the dispatcher was with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due {
    pub(crate) at: Instant,
    pub(crate) lag: Option<Duration>,
}

/// Does one step and records it.
pub(crate) async fn run_step(
    world: &World,
    session: &mut Session,
    pool: &Pool,
    scenario: usize,
    at: usize,
    due: Due,
) -> StepEnd {
    let ready = &world.ready[scenario][at];
    let step = &world.scenario(scenario).steps()[at];
    let trace = session.trace(world.window.started_ms.get());
    let mut open = Unfinished::new(world, ready.endpoint, due, trace);
    // Taken out for the time of the step: the session itself is needed beside them.
    let (mut patience, mut room) = (std::mem::take(&mut session.patience), std::mem::take(&mut session.room));
    let (mut begins, mut permit) = (due.at, None);
    if let Some(slots) = &world.slots {
        let wanted = Instant::now();
        permit = turn(slots, world.plan.shed_after.map(|most| due.at + most), &mut patience).await;
        if permit.is_none() {
            (session.patience, session.room) = (patience, room);
            return open.shed();
        }
        begins = Instant::now();
        open.pool_wait = Some(begins - wanted);
    }
    let answer = {
        // Pinned here, so that it is not moved once more: it is large.
        let request = pin!(visit(world, session, pool, (ready, step), &mut room, &mut open));
        patience.within(begins + world.plan.timeout, request).await
    };
    drop(permit);
    (session.patience, session.room) = (patience, room);
    let answer = answer.unwrap_or_else(|| {
        let detail = format!("no complete answer within {:?}", world.plan.timeout);
        Err(Failure::new(Outcome::Timeout, &detail))
    });
    let end = open.finish(&answer, step, session);
    session.visit.status = end.status;
    end
}

/// Waits for a slot, in the order of asking; `None` when that takes too long.
async fn turn<'a>(
    slots: &'a Semaphore,
    until: Option<Instant>,
    patience: &mut Patience,
) -> Option<SemaphorePermit<'a>> {
    if let Ok(permit) = slots.try_acquire() {
        return Some(permit);
    }
    match until {
        None => slots.acquire().await.ok(),
        Some(until) => patience.within(until, pin!(slots.acquire())).await?.ok(),
    }
}

/// Everything from the first byte sent to the last byte of the last answer.
async fn visit(
    world: &World,
    session: &mut Session,
    pool: &Pool,
    (ready, step): (&ReadyStep, &Step),
    room: &mut Room,
    open: &mut Unfinished<'_>,
) -> Result<Reply, Failure> {
    let missing = || Failure::new(Outcome::CheckFailed, "a value for a placeholder is missing");
    let mut path = if let Some(path) = &ready.path {
        path.clone()
    } else {
        let text = rendered(step.path(), &mut session.visit, Encoding::Path).ok_or_else(missing)?;
        let is_link = step.path().starts_with_placeholder();
        parse_path(&if is_link { resolve(world, session, &text)? } else { text })?
    };
    let mut body = step
        .body()
        .render(&mut session.visit)
        .map_err(|why| Failure::new(Outcome::CheckFailed, &why.to_string()))?;
    let Room { request, step: lines, own } = room;
    lines.clear();
    for (name, template) in &ready.varying {
        let text = rendered(template, &mut session.visit, Encoding::Raw).ok_or_else(missing)?;
        let value = HeaderValue::from_str(&text)
            .map_err(|_| Failure::new(Outcome::CheckFailed, "a header value has forbidden characters"))?;
        lines.push(name, &value);
    }
    lines.push_with(&TRACEPARENT, |out| {
        out.extend_from_slice(&open.trace.header());
        true
    });
    let (mut method, mut fixed) = (ready.method.clone(), &ready.fixed);
    for _ in 0..=MOST_REDIRECTS {
        own_headers(world, session, ready, own, &method, &path);
        write(request, &method, path.as_str(), [fixed, lines, own], &body);
        open.path = Some(world.kept(&path));
        let reply = hop(world, pool, request, &method, ready, open).await?;
        session.jar.take(&reply.head);
        session.at.clear();
        session.at.push_str(path.as_str());
        if !(step.follows_redirects() && matches!(reply.head.status, 301 | 302 | 303 | 307 | 308)) {
            return Ok(reply);
        }
        let Some(location) = reply.head.get("location") else { return Ok(reply) };
        path = parse_path(&resolve(world, session, location)?)?;
        open.follows(&reply);
        if reply.head.status < 307 && method != Method::HEAD {
            method = Method::GET;
            body = Cow::Borrowed(&[]);
            fixed = &ready.fixed_without_body;
        }
    }
    Err(Failure::new(Outcome::CheckFailed, "more than ten redirects"))
}

/// One request and its answer.
async fn hop(
    world: &World,
    pool: &Pool,
    request: &[u8],
    method: &Method,
    ready: &ReadyStep,
    open: &mut Unfinished<'_>,
) -> Result<Reply, Failure> {
    let answers_head = *method == Method::HEAD;
    let wanted = Wanted { keep: ready.keeps_body, max: world.plan.max_body, answers_head };
    let began = open.times.sent;
    let reply =
        exchange(pool, &world.target, request, method.is_idempotent(), wanted, &mut open.times).await?;
    // For a redirect's own split, time runs from the end of the answer before it.
    let sent = if began.is_none() { open.times.sent } else { open.last_done };
    let sent = sent.unwrap_or(reply.first_byte);
    if let Some(timing) = server_timing(&reply.head) {
        open.hops.push(Hop {
            timing,
            stored: cache(&reply.head).is_hit(),
            service: reply.done.saturating_duration_since(sent),
            ttfb: reply.first_byte.saturating_duration_since(sent),
        });
    }
    open.last_done = Some(reply.done);
    Ok(reply)
}

/// What depends on where the visitor is: cookies, and the page that a form was on.
fn own_headers(
    world: &World,
    session: &Session,
    ready: &ReadyStep,
    lines: &mut Lines,
    method: &Method,
    path: &PathAndQuery,
) {
    lines.clear();
    lines.push_with(&COOKIE, |out| session.jar.write(path.as_str(), out));
    // Django's CSRF check wants to know the page of the form when the site speaks TLS.
    if method.is_safe() {
        return;
    }
    if !ready.says_referer
        && let Ok(value) = HeaderValue::from_str(&world.site.page(&session.at))
    {
        lines.push(&REFERER, &value);
    }
    if !ready.says_origin
        && world.site.is_tls()
        && let Ok(value) = HeaderValue::from_str(&format!("https://{}", world.site.host()))
    {
        lines.push(&ORIGIN, &value);
    }
}

fn resolve(world: &World, session: &Session, link: &str) -> Result<String, Failure> {
    world.site.resolve(&session.at, link).map_err(|off| {
        Failure::new(Outcome::CheckFailed, &format!("a link or redirect leads off the site, to {}", off.0))
    })
}

fn parse_path(text: &str) -> Result<PathAndQuery, Failure> {
    text.parse().map_err(|_| Failure::new(Outcome::CheckFailed, "the path has forbidden characters"))
}

/// A request under way; recorded when it finishes, or as censored when it is dropped.
struct Unfinished<'a> {
    world: &'a World,
    endpoint: usize,
    due: Due,
    trace: TraceId,
    pool_wait: Option<Duration>,
    times: Times,
    last_done: Option<Instant>,
    redirects: u32,
    hops: Vec<Hop>,
    size: Size,
    path: Option<PathAndQuery>,
    finished: bool,
}

impl<'a> Unfinished<'a> {
    fn new(world: &'a World, endpoint: usize, due: Due, trace: TraceId) -> Self {
        world.recorder.due(due.at);
        world.in_flight.fetch_add(1, Ordering::Relaxed);
        Self {
            world,
            endpoint,
            due,
            trace,
            pool_wait: None,
            times: Times::default(),
            last_done: None,
            redirects: 0,
            hops: Vec::new(),
            size: Size::default(),
            path: None,
            finished: false,
        }
    }

    /// A redirect is followed.
    fn follows(&mut self, reply: &Reply) {
        self.redirects += 1;
        self.size.add(reply.wire, known_len(reply));
    }

    fn hit<'b>(&'b self, outcome: Outcome, done: Instant, detail: &'b str) -> Hit<'b> {
        Hit {
            endpoint: self.endpoint,
            due: self.due.at,
            lag: self.due.lag,
            pool_wait: self.pool_wait,
            sent: self.times.sent,
            first_byte: None,
            done,
            connect: self.times.connect,
            tls: self.times.tls,
            redirects: self.redirects,
            outcome,
            status: None,
            wire: self.size.wire,
            body: self.size.body,
            undecoded: self.size.undecoded,
            compressed: false,
            cache: None,
            hops: &self.hops,
            path: self.path.as_ref().map_or("", PathAndQuery::as_str),
            trace: self.trace,
            detail,
        }
    }

    /// Gives the step up before anything was sent. Its response time is the time that it had waited: a lower bound.
    fn shed(mut self) -> StepEnd {
        self.finished = true;
        let done = Instant::now();
        let hit = self.hit(Outcome::Shed, done, "waited too long for a slot");
        self.world.recorder.record(&hit);
        StepEnd { ok: false, status: None, done }
    }

    fn finish(mut self, answer: &Result<Reply, Failure>, step: &Step, session: &mut Session) -> StepEnd {
        self.finished = true;
        let (outcome, status, done) = match answer {
            Ok(reply) => {
                let packing = packing(&reply.head);
                let Judged { outcome, detail, body } =
                    judge(reply, packing, step, session, self.world.plan.max_body);
                self.size.add(reply.wire, body);
                let mut hit = self.hit(outcome, reply.done, &detail);
                hit.first_byte = Some(reply.first_byte);
                hit.status = Some(reply.head.status);
                hit.compressed = packing != Packing::Plain;
                hit.cache = Some(cache(&reply.head));
                self.world.recorder.record(&hit);
                (outcome, Some(reply.head.status), reply.done)
            }
            Err(failure) => {
                let done = Instant::now();
                let mut hit = self.hit(failure.outcome, done, &failure.detail);
                hit.status = failure.began.map(|(status, _)| status);
                hit.first_byte = failure.began.map(|(_, at)| at);
                self.world.recorder.record(&hit);
                self.world.local_faults.fetch_add(u64::from(failure.local), Ordering::Relaxed);
                (failure.outcome, hit.status, done)
            }
        };
        StepEnd { ok: outcome.is_ok(), status, done }
    }
}

/// Sizes of the bodies of a request's answers, in bytes.
#[derive(Debug, Default, Clone, Copy)]
struct Size {
    wire: u64,
    body: u64,
    undecoded: u64,
}

impl Size {
    fn add(&mut self, wire: u64, body: Option<u64>) {
        self.wire += wire;
        match body {
            Some(body) => self.body += body,
            None => self.undecoded += wire,
        }
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.world.in_flight.fetch_sub(1, Ordering::Relaxed);
        if !self.finished {
            let hit = self.hit(Outcome::Censored, Instant::now(), "unfinished when the phase ended");
            self.world.recorder.record(&hit);
        }
    }
}

/// What is thought of a complete answer.
struct Judged {
    outcome: Outcome,
    detail: String,
    /// Length of the decoded body, where it is known.
    body: Option<u64>,
}

/// Judges a complete answer, and takes the values out of it.
fn judge(reply: &Reply, packing: Packing, step: &Step, session: &mut Session, most: u64) -> Judged {
    let status = reply.head.status;
    let mut body = known_len(reply);
    let ends = |outcome, detail, body| Judged { outcome, detail, body };
    if !step.expect().accepts(status) {
        let outcome = match status {
            400..500 => Outcome::ClientError,
            500.. => Outcome::ServerError,
            _ => Outcome::UnexpectedStatus,
        };
        return ends(outcome, format!("status {status}"), body);
    }
    // An answer that is packed as nobody asked for may not have been kept.
    let was_kept = reply.body.len() as u64 == reply.wire;
    let needs_length = step.bounds_body() && body.is_none();
    if needs_length && !was_kept {
        let detail =
            "how large the body is unpacked is not known: it is packed in a way that was not offered";
        return ends(Outcome::CheckFailed, detail.to_owned(), None);
    }
    let decoded = if step.needs_body() || needs_length {
        match decode(&reply.body, packing, most) {
            Ok(decoded) => decoded,
            Err((outcome, detail)) => return ends(outcome, detail.to_owned(), body),
        }
    } else {
        Cow::Borrowed(&[][..])
    };
    if step.needs_body() || needs_length {
        body = Some(decoded.len() as u64);
    }
    let text = String::from_utf8_lossy(&decoded);
    if let Err(detail) = step.expect().judge(&text, body.unwrap_or_default()) {
        return ends(Outcome::CheckFailed, detail, body);
    }
    let Session { visit, jar, .. } = session;
    let view = View { head: &reply.head, jar, body: &text };
    match Extract::apply(step.extracts(), &view, visit) {
        Ok(()) => ends(Outcome::Ok, String::new(), body),
        Err(miss) => ends(Outcome::CheckFailed, miss.to_string(), body),
    }
}
