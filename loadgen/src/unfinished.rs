//! A request from the moment it is due to the moment it is recorded.
//!
//! One that is dropped before its end (the phase was stopped) is recorded as censored with the time it had lasted: leaving it
//! out would trim the tail.

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use http::uri::PathAndQuery;
use kneepoint_model::outcome::Outcome;

use crate::answer::{cache, known_len, packing, server_timing};
use crate::coding::Packing;
use crate::judge::Judged;
use crate::recorder::{Hit, Hop, Told};
use crate::session::TraceId;
use crate::transport::{Failure, Lines, Reply, Times};
use crate::travel::TRACEPARENT;
use crate::world::World;

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

/// A request under way; recorded when it finishes, or as censored when it is dropped.
pub(crate) struct Unfinished<'a> {
    world: &'a World,
    endpoint: usize,
    due: Due,
    /// The moment that decides where it counts.
    counted: Instant,
    trace: TraceId,
    pool_wait: Option<Duration>,
    pub(crate) times: Times,
    last_done: Option<Instant>,
    redirects: u32,
    hops: Vec<Hop>,
    size: Size,
    path: Option<Cow<'a, PathAndQuery>>,
    finished: bool,
}

impl<'a> Unfinished<'a> {
    pub(crate) fn new(world: &'a World, endpoint: usize, due: Due, trace: TraceId) -> Self {
        Self::part_of(world, endpoint, due, due.at, trace)
    }

    /// A request that belongs to something that was due at another moment, and counts where that does.
    pub(crate) fn part_of(
        world: &'a World,
        endpoint: usize,
        due: Due,
        counted: Instant,
        trace: TraceId,
    ) -> Self {
        world.recorder.due(counted);
        world.in_flight.fetch_add(1, Ordering::Relaxed);
        Self {
            world,
            endpoint,
            due,
            counted,
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

    pub(crate) fn due(&self) -> Due {
        self.due
    }

    /// Adds the header line that names its trace.
    pub(crate) fn trace_line(&self, lines: &mut Lines) {
        lines.push_with(&TRACEPARENT, |out| {
            out.extend_from_slice(&self.trace.header());
            true
        });
    }

    /// Says what is asked for, at first or after a redirect.
    pub(crate) fn asks_for(&mut self, path: Cow<'a, PathAndQuery>) {
        self.path = Some(path);
    }

    /// What is asked for; empty before that is known.
    pub(crate) fn path(&self) -> &str {
        self.path.as_ref().map_or("", |path| path.as_str())
    }

    pub(crate) fn waited_for_slot(&mut self, wait: Duration) {
        self.pool_wait = Some(wait);
    }

    /// An answer came, the first or one after a redirect.
    pub(crate) fn came(&mut self, reply: &Reply, is_first: bool) {
        if let Some(timing) = server_timing(&reply.head) {
            // For a redirect's own split, time runs from the end of the answer before it.
            let sent = if is_first { self.times.sent } else { self.last_done };
            let sent = sent.unwrap_or(reply.first_byte);
            self.hops.push(Hop {
                timing,
                stored: cache(&reply.head).is_hit(),
                service: reply.done.saturating_duration_since(sent),
                ttfb: reply.first_byte.saturating_duration_since(sent),
            });
        }
        self.last_done = Some(reply.done);
    }

    /// A redirect is followed.
    pub(crate) fn follows(&mut self, reply: &Reply) {
        self.redirects += 1;
        self.size.add(reply.wire, known_len(reply));
    }

    fn hit<'b>(&'b self, outcome: Outcome, done: Instant, detail: &'b str) -> Hit<'b> {
        Hit {
            endpoint: self.endpoint,
            due: self.due.at,
            counted: self.counted,
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
            path: self.world.kept(self.path()),
            trace: self.trace,
            detail,
            answer: None,
        }
    }

    /// Gives it up before anything was sent. Its response time is the time that it had waited: a lower bound.
    pub(crate) fn shed(mut self) -> StepEnd {
        self.finished = true;
        let done = Instant::now();
        let hit = self.hit(Outcome::Shed, done, "waited too long for a slot");
        self.world.recorder.record(&hit);
        StepEnd { ok: false, status: None, done }
    }

    /// Records it; a complete answer is judged.
    pub(crate) fn finish(
        mut self,
        answer: &Result<Reply, Failure>,
        judge: impl FnOnce(&Reply, Packing) -> Judged,
    ) -> StepEnd {
        self.finished = true;
        let (outcome, status, done) = match answer {
            Ok(reply) => {
                let packing = packing(&reply.head);
                let Judged { outcome, detail, body } = judge(reply, packing);
                self.size.add(reply.wire, body);
                let mut hit = self.hit(outcome, reply.done, &detail);
                hit.first_byte = Some(reply.first_byte);
                hit.status = Some(reply.head.status);
                hit.compressed = packing != Packing::Plain;
                hit.cache = Some(cache(&reply.head));
                hit.answer = Some(Told { head: &reply.head, secrets: &self.world.secrets });
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
