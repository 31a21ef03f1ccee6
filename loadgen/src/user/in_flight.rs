//! A request from its due time until it is recorded.
//!
//! One that is dropped before its end (the phase was stopped) is recorded as censored with the time that it has lasted: leaving
//! it out would trim the tail.

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use http::uri::PathAndQuery;
use kneepoint_model::outcome::Outcome;

use crate::phase::context::PhaseContext;
use crate::recorder::{CompletedRequest, HopTiming, RecordedHead};
use crate::transport::content_coding::BodyEncoding;
use crate::transport::{ExchangeTimes, HeaderLines, RawResponse, RequestFailure, TRACEPARENT, TraceId};
use crate::user::checks::CheckedResponse;
use crate::user::response::{cache_outcome, server_timing};

/// How a step ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepEnd {
    pub(crate) ok: bool,
    pub(crate) status: Option<u16>,
    pub(crate) done: Instant,
}

/// When a step was due, and how late the dispatcher was (open model).
#[derive(Debug, Clone, Copy)]
pub(crate) struct DueTime {
    pub(crate) at: Instant,
    pub(crate) lag: Option<Duration>,
}

/// A request that is recorded when it finishes, or as censored when it is dropped.
pub(crate) struct InFlightRequest<'a> {
    context: &'a PhaseContext,
    endpoint: usize,
    due: DueTime,
    /// Decides whether the request is in the measured part, and in which segment.
    counted_at: Instant,
    trace: TraceId,
    pool_wait: Option<Duration>,
    pub(crate) times: ExchangeTimes,
    last_done: Option<Instant>,
    redirects: u32,
    hops: Vec<HopTiming>,
    size: BodySizes,
    path: Option<Cow<'a, PathAndQuery>>,
    finished: bool,
}

impl<'a> InFlightRequest<'a> {
    pub(crate) fn new(context: &'a PhaseContext, endpoint: usize, due: DueTime, trace: TraceId) -> Self {
        Self::for_asset(context, endpoint, due, due.at, trace)
    }

    /// A request of a page: it is due at its own time, and counts at `counted`, when the page was due.
    pub(crate) fn for_asset(
        context: &'a PhaseContext,
        endpoint: usize,
        due: DueTime,
        counted_at: Instant,
        trace: TraceId,
    ) -> Self {
        context.recorder.count_due(counted_at);
        context.counters.in_flight.fetch_add(1, Ordering::Relaxed);
        Self {
            context,
            endpoint,
            due,
            counted_at,
            trace,
            pool_wait: None,
            times: ExchangeTimes::default(),
            last_done: None,
            redirects: 0,
            hops: Vec::new(),
            size: BodySizes::default(),
            path: None,
            finished: false,
        }
    }

    pub(crate) fn due(&self) -> DueTime {
        self.due
    }

    /// Adds the `traceparent` header.
    pub(crate) fn push_trace_header(&self, lines: &mut HeaderLines) {
        lines.push_with(&TRACEPARENT, |out| {
            out.extend_from_slice(&self.trace.header());
            true
        });
    }

    /// Sets the path that is requested, at first or after a redirect.
    pub(crate) fn set_path(&mut self, path: Cow<'a, PathAndQuery>) {
        self.path = Some(path);
    }

    /// Path that is requested; empty before it is known.
    pub(crate) fn path(&self) -> &str {
        self.path.as_ref().map_or("", |path| path.as_str())
    }

    pub(crate) fn set_slot_wait(&mut self, wait: Duration) {
        self.pool_wait = Some(wait);
    }

    /// Records the time of a response, the first or one after a redirect.
    pub(crate) fn record_response(&mut self, response: &RawResponse, is_first: bool) {
        if let Some(timing) = server_timing(&response.head) {
            // The timing of a redirected request runs from the end of the response before it.
            let sent = if is_first { self.times.sent } else { self.last_done };
            let sent = sent.unwrap_or(response.first_byte);
            self.hops.push(HopTiming {
                timing,
                stored: cache_outcome(&response.head).is_hit(),
                service: response.done.saturating_duration_since(sent),
                ttfb: response.first_byte.saturating_duration_since(sent),
            });
        }
        self.last_done = Some(response.done);
    }

    /// Counts a redirect that is followed.
    pub(crate) fn record_redirect(&mut self, response: &RawResponse) {
        self.redirects += 1;
        self.size.add(response.wire, response.decoded_len());
    }

    fn to_completed<'b>(&'b self, outcome: Outcome, done: Instant, detail: &'b str) -> CompletedRequest<'b> {
        CompletedRequest {
            endpoint: self.endpoint,
            due: self.due.at,
            counted_at: self.counted_at,
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
            path: self.context.prepared.redact_path(self.path()),
            trace: self.trace,
            detail,
            response: None,
        }
    }

    /// Gives the request up before anything was sent. Its response time is the time that it has waited: a lower bound.
    pub(crate) fn shed(mut self) -> StepEnd {
        self.finished = true;
        let done = Instant::now();
        let completed = self.to_completed(Outcome::Shed, done, "waited too long for a slot");
        self.context.recorder.record(&completed);
        StepEnd { ok: false, status: None, done }
    }

    /// Records the request; `check` is called with a complete response.
    pub(crate) fn finish(
        mut self,
        result: &Result<RawResponse, RequestFailure>,
        check: impl FnOnce(&RawResponse, BodyEncoding) -> CheckedResponse,
    ) -> StepEnd {
        self.finished = true;
        let (outcome, status, done) = match result {
            Ok(response) => {
                let encoding = response.head.body_encoding();
                let CheckedResponse { outcome, detail, body } = check(response, encoding);
                self.size.add(response.wire, body);
                let mut completed = self.to_completed(outcome, response.done, &detail);
                completed.first_byte = Some(response.first_byte);
                completed.status = Some(response.head.status);
                completed.compressed = encoding != BodyEncoding::Identity;
                completed.cache = Some(cache_outcome(&response.head));
                completed.response =
                    Some(RecordedHead { head: &response.head, secrets: &self.context.prepared.secrets });
                self.context.recorder.record(&completed);
                (outcome, Some(response.head.status), response.done)
            }
            Err(failure) => {
                let done = Instant::now();
                let mut completed = self.to_completed(failure.outcome, done, &failure.detail);
                completed.status = failure.response_started.map(|(status, _)| status);
                completed.first_byte = failure.response_started.map(|(_, at)| at);
                self.context.recorder.record(&completed);
                self.context.counters.local_faults.fetch_add(u64::from(failure.local), Ordering::Relaxed);
                (failure.outcome, completed.status, done)
            }
        };
        StepEnd { ok: outcome.is_ok(), status, done }
    }
}

/// Sizes of the bodies of all responses of a request, in bytes.
#[derive(Debug, Default, Clone, Copy)]
struct BodySizes {
    wire: u64,
    body: u64,
    undecoded: u64,
}

impl BodySizes {
    fn add(&mut self, wire: u64, body: Option<u64>) {
        self.wire += wire;
        match body {
            Some(body) => self.body += body,
            None => self.undecoded += wire,
        }
    }
}

impl Drop for InFlightRequest<'_> {
    fn drop(&mut self) {
        self.context.counters.in_flight.fetch_sub(1, Ordering::Relaxed);
        if !self.finished {
            let completed =
                self.to_completed(Outcome::Censored, Instant::now(), "unfinished when the phase ended");
            self.context.recorder.record(&completed);
        }
    }
}
