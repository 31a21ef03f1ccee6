//! One step without the assets of its page: rendered, sent within its deadline, checked and recorded.

use std::borrow::Cow;
use std::pin::pin;

use http::header::HeaderValue;
use kneepoint_model::outcome::Outcome;
use kneepoint_scenarios::{Encoding, Step, Template, UserContext};

use crate::phase::context::PhaseContext;
use crate::phase::prepared::PreparedStep;
use crate::transport::{Pool, RawResponse, RequestBuffers, RequestFailure};
use crate::user::checks::check_response;
use crate::user::in_flight::{DueTime, InFlightRequest, StepEnd};
use crate::user::request::{
    RequestLimits, RequestParts, await_within, parse_path, resolve_link, send_following_redirects,
};
use crate::user::session::UserSession;

/// Requests the document of a step, without its assets, and records it. Returns the response of a successful exchange.
pub(crate) async fn request_document(
    context: &PhaseContext,
    session: &mut UserSession,
    pool: &Pool,
    scenario: usize,
    at: usize,
    due: DueTime,
) -> (StepEnd, Option<RawResponse>) {
    let prepared = &context.prepared.steps[scenario][at];
    let step = &context.prepared.scenario(scenario).steps()[at];
    let trace = session.new_trace_id(context.prepared.window.started_ms.get());
    let mut in_flight = InFlightRequest::new(context, prepared.endpoint, due, trace);
    // Taken out for the duration of the request: the session itself is borrowed at the same time.
    let (mut timeout, mut buffers) =
        (std::mem::take(&mut session.timeout), std::mem::take(&mut session.buffers));
    let result = match RequestLimits::acquire(context, &mut in_flight, &mut timeout, due.at).await {
        None => None,
        Some(limits) => {
            // Pinned here, so that the large future is not moved once more.
            let request =
                pin!(render_and_send(context, session, pool, (prepared, step), &mut buffers, &mut in_flight));
            Some(await_within(context, &limits, &mut timeout, request).await)
        }
    };
    (session.timeout, session.buffers) = (timeout, buffers);
    let Some(result) = result else { return (in_flight.shed(), None) };
    let max_body = context.prepared.plan.options.max_body;
    let end = in_flight
        .finish(&result, |response, encoding| check_response(response, encoding, step, session, max_body));
    session.visit.status = end.status;
    (end, result.ok())
}

/// Renders a step and sends it.
async fn render_and_send<'a>(
    context: &'a PhaseContext,
    session: &mut UserSession,
    pool: &Pool,
    (prepared, step): (&'a PreparedStep, &Step),
    buffers: &mut RequestBuffers,
    in_flight: &mut InFlightRequest<'a>,
) -> Result<RawResponse, RequestFailure> {
    let missing = || RequestFailure::new(Outcome::CheckFailed, "a value for a placeholder is missing");
    let path = if let Some(path) = &prepared.path {
        Cow::Borrowed(path)
    } else {
        let text = render(step.path(), &mut session.visit, Encoding::Path).ok_or_else(missing)?;
        let is_link = step.path().starts_with_placeholder();
        Cow::Owned(parse_path(&if is_link { resolve_link(context, session, &text)? } else { text })?)
    };
    let body = step
        .body()
        .render(&mut session.visit)
        .map_err(|why| RequestFailure::new(Outcome::CheckFailed, &why.to_string()))?;
    let RequestBuffers { request, step_headers, user_headers } = buffers;
    step_headers.clear();
    for (name, template) in &prepared.varying {
        let text = render(template, &mut session.visit, Encoding::Raw).ok_or_else(missing)?;
        let value = HeaderValue::from_str(&text).map_err(|_| {
            RequestFailure::new(Outcome::CheckFailed, "a header value has forbidden characters")
        })?;
        step_headers.push(name, &value);
    }
    in_flight.push_trace_header(step_headers);
    in_flight.set_path(path);
    let parts = RequestParts {
        method: prepared.method.clone(),
        body,
        fixed: &prepared.fixed,
        fixed_without_body: &prepared.fixed_without_body,
        varying: step_headers,
        sets_referer: prepared.sets_referer,
        sets_origin: prepared.sets_origin,
        follows_redirects: step.follows_redirects(),
        keep_body: prepared.keeps_body || prepared.assets.is_some(),
    };
    send_following_redirects(context, session, pool, parts, (request, user_headers), in_flight).await
}

/// Renders a template into a new text; `None` when a value is missing.
fn render(template: &Template, visit: &mut UserContext, encoding: Encoding) -> Option<String> {
    let mut out = String::new();
    template.render(visit, encoding, &mut out).then_some(out)
}
