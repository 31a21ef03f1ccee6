//! One request: slot and deadline, headers of the user, redirects, cookies.

use std::borrow::Cow;
use std::pin::{Pin, pin};
use std::time::Instant;

use http::Method;
use http::header::{COOKIE, HeaderValue, ORIGIN, REFERER};
use http::uri::PathAndQuery;
use kneepoint_model::outcome::Outcome;
use tokio::sync::SemaphorePermit;

use crate::phase::context::PhaseContext;
use crate::transport::{
    HeaderLines, Pool, RawResponse, ReadOptions, RequestFailure, exchange, write_request,
};
use crate::user::in_flight::InFlightRequest;
use crate::user::session::UserSession;
use crate::user::timeout::ReusableTimeout;

pub(crate) const MAX_REDIRECTS: usize = 10;

/// A slot of the open model, and the deadline of the response.
pub(crate) struct RequestLimits<'a> {
    _slot: Option<SemaphorePermit<'a>>,
    until: Instant,
}

impl<'a> RequestLimits<'a> {
    /// Waits for a slot, first come first served; the time for the response starts then, or at `start` in the closed model.
    /// `None` when the wait was too long: the request is shed.
    pub(crate) async fn acquire(
        context: &'a PhaseContext,
        in_flight: &mut InFlightRequest<'_>,
        timeout: &mut ReusableTimeout,
        start: Instant,
    ) -> Option<Self> {
        let Some(slots) = &context.slots else {
            return Some(Self { _slot: None, until: start + context.prepared.plan.options.timeout });
        };
        let requested_at = Instant::now();
        let slot = match (slots.try_acquire(), context.prepared.plan.options.shed_after) {
            (Ok(slot), _) => slot,
            (Err(_), None) => slots.acquire().await.ok()?,
            (Err(_), Some(max_wait)) => {
                timeout.run_until(in_flight.due().at + max_wait, pin!(slots.acquire())).await?.ok()?
            }
        };
        let now = Instant::now();
        in_flight.set_slot_wait(now - requested_at);
        Some(Self { _slot: Some(slot), until: now + context.prepared.plan.options.timeout })
    }
}

/// Waits for the response until the deadline.
pub(crate) async fn await_within<F: Future<Output = Result<RawResponse, RequestFailure>>>(
    context: &PhaseContext,
    limits: &RequestLimits<'_>,
    timeout: &mut ReusableTimeout,
    request: Pin<&mut F>,
) -> Result<RawResponse, RequestFailure> {
    timeout.run_until(limits.until, request).await.unwrap_or_else(|| {
        let detail = format!("no complete response within {:?}", context.prepared.plan.options.timeout);
        Err(RequestFailure::new(Outcome::Timeout, &detail))
    })
}

/// The parts of a request, except the path, which is in the [`InFlightRequest`].
#[expect(clippy::struct_excessive_bools, reason = "independent properties of a request")]
pub(crate) struct RequestParts<'a> {
    pub(crate) method: Method,
    pub(crate) body: Cow<'a, [u8]>,
    /// Headers that are always the same.
    pub(crate) fixed: &'a HeaderLines,
    /// The same without those of a body: for the GET after a redirect.
    pub(crate) fixed_without_body: &'a HeaderLines,
    /// Headers of this request, except those that depend on the user's cookies and page.
    pub(crate) varying: &'a HeaderLines,
    pub(crate) sets_referer: bool,
    pub(crate) sets_origin: bool,
    pub(crate) follows_redirects: bool,
    /// Keeps the body of the response; otherwise it is only counted.
    pub(crate) keep_body: bool,
}

/// Sends the request and follows redirects; ends with the last byte of the last response. Requests are written into the given
/// buffers.
pub(crate) async fn send_following_redirects<'a>(
    context: &'a PhaseContext,
    session: &mut UserSession,
    pool: &Pool,
    mut parts: RequestParts<'_>,
    (request, user_headers): (&mut Vec<u8>, &mut HeaderLines),
    in_flight: &mut InFlightRequest<'a>,
) -> Result<RawResponse, RequestFailure> {
    for _ in 0..=MAX_REDIRECTS {
        write_user_headers(context, session, &parts, in_flight.path(), user_headers);
        write_request(
            request,
            &parts.method,
            in_flight.path(),
            [parts.fixed, parts.varying, user_headers],
            &parts.body,
        );
        let response =
            exchange_once(context, pool, request, &parts.method, parts.keep_body, in_flight).await?;
        session.jar.store(&response.head);
        session.page_path.clear();
        session.page_path.push_str(in_flight.path());
        if !(parts.follows_redirects && matches!(response.head.status, 301 | 302 | 303 | 307 | 308)) {
            return Ok(response);
        }
        let Some(location) = response.head.get("location") else { return Ok(response) };
        let path = parse_path(&resolve_link(context, session, location)?)?;
        in_flight.record_redirect(&response);
        in_flight.set_path(Cow::Owned(path));
        if response.head.status < 307 && parts.method != Method::HEAD {
            parts.method = Method::GET;
            parts.body = Cow::Borrowed(&[]);
            parts.fixed = parts.fixed_without_body;
        }
    }
    Err(RequestFailure::new(Outcome::CheckFailed, "more than ten redirects"))
}

/// Sends one request and receives its response.
pub(crate) async fn exchange_once(
    context: &PhaseContext,
    pool: &Pool,
    request: &[u8],
    method: &Method,
    keep_body: bool,
    in_flight: &mut InFlightRequest<'_>,
) -> Result<RawResponse, RequestFailure> {
    let options = ReadOptions {
        keep_body,
        max_body: context.prepared.plan.options.max_body,
        is_head: *method == Method::HEAD,
    };
    let is_first = in_flight.times.sent.is_none();
    let response = exchange(
        pool,
        &context.prepared.target,
        request,
        method.is_idempotent(),
        options,
        &mut in_flight.times,
    )
    .await?;
    in_flight.record_response(&response, is_first);
    Ok(response)
}

/// Headers that depend on the user: cookies, and the page that a form was on.
fn write_user_headers(
    context: &PhaseContext,
    session: &UserSession,
    parts: &RequestParts<'_>,
    path: &str,
    lines: &mut HeaderLines,
) {
    lines.clear();
    lines.push_with(&COOKIE, |out| session.jar.write(path, out));
    // Django's CSRF check requires the page of the form when the site uses TLS.
    if parts.method.is_safe() {
        return;
    }
    if !parts.sets_referer
        && let Ok(value) = HeaderValue::from_str(&context.prepared.site.url_of(&session.page_path))
    {
        lines.push(&REFERER, &value);
    }
    if !parts.sets_origin
        && context.prepared.site.is_tls()
        && let Ok(value) = HeaderValue::from_str(&format!("https://{}", context.prepared.site.host()))
    {
        lines.push(&ORIGIN, &value);
    }
}

pub(crate) fn resolve_link(
    context: &PhaseContext,
    session: &UserSession,
    link: &str,
) -> Result<String, RequestFailure> {
    context.prepared.site.resolve(&session.page_path, link).map_err(|off| {
        RequestFailure::new(
            Outcome::CheckFailed,
            &format!("a link or redirect leads off the site, to {}", off.0),
        )
    })
}

pub(crate) fn parse_path(text: &str) -> Result<PathAndQuery, RequestFailure> {
    text.parse().map_err(|_| RequestFailure::new(Outcome::CheckFailed, "the path has forbidden characters"))
}
