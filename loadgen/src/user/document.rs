//! One step without the assets of its page: rendered, sent within its deadline, checked and recorded.

use std::borrow::Cow;
use std::pin::pin;

use http::header::HeaderValue;
use kneepoint_model::outcome::Outcome;
use kneepoint_scenarios::{Encoding, Step, Template, Visit};

use crate::phase::context::PhaseContext;
use crate::phase::prepared::PreparedStep;
use crate::transport::{Pool, RawResponse, RequestBuffers, RequestFailure};
use crate::user::checks::check_response;
use crate::user::in_flight::{DueTime, InFlightRequest, StepEnd};
use crate::user::request::{
    RequestLimits, RequestParts, await_within, parse_path, resolve_link, send_following_redirects,
};
use crate::user::session::UserSession;

/// Does one step without what its page names, and records it.
pub(crate) async fn request_document(
    context: &PhaseContext,
    session: &mut UserSession,
    pool: &Pool,
    scenario: usize,
    at: usize,
    due: DueTime,
) -> (StepEnd, Option<RawResponse>) {
    let ready = &context.prepared.steps[scenario][at];
    let step = &context.prepared.scenario(scenario).steps()[at];
    let trace = session.new_trace_id(context.prepared.window.started_ms.get());
    let mut in_flight = InFlightRequest::new(context, ready.endpoint, due, trace);
    // Taken out for the time of the step: the session itself is needed beside them.
    let (mut timeout, mut buffers) =
        (std::mem::take(&mut session.timeout), std::mem::take(&mut session.buffers));
    let answer = match RequestLimits::acquire(context, &mut in_flight, &mut timeout, due.at).await {
        None => None,
        Some(limits) => {
            // Pinned here, so that it is not moved once more: it is large.
            let request =
                pin!(render_and_send(context, session, pool, (ready, step), &mut buffers, &mut in_flight));
            Some(await_within(context, &limits, &mut timeout, request).await)
        }
    };
    (session.timeout, session.buffers) = (timeout, buffers);
    let Some(answer) = answer else { return (in_flight.shed(), None) };
    let max_body = context.prepared.plan.options.max_body;
    let end = in_flight
        .finish(&answer, |response, encoding| check_response(response, encoding, step, session, max_body));
    session.visit.status = end.status;
    (end, answer.ok())
}

/// Renders a step and sends it.
async fn render_and_send<'a>(
    context: &'a PhaseContext,
    session: &mut UserSession,
    pool: &Pool,
    (ready, step): (&'a PreparedStep, &Step),
    buffers: &mut RequestBuffers,
    in_flight: &mut InFlightRequest<'a>,
) -> Result<RawResponse, RequestFailure> {
    let missing = || RequestFailure::new(Outcome::CheckFailed, "a value for a placeholder is missing");
    let path = if let Some(path) = &ready.path {
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
    let RequestBuffers { request, step: lines, own } = buffers;
    lines.clear();
    for (name, template) in &ready.varying {
        let text = render(template, &mut session.visit, Encoding::Raw).ok_or_else(missing)?;
        let value = HeaderValue::from_str(&text).map_err(|_| {
            RequestFailure::new(Outcome::CheckFailed, "a header value has forbidden characters")
        })?;
        lines.push(name, &value);
    }
    in_flight.push_trace_header(lines);
    in_flight.set_path(path);
    let parts = RequestParts {
        method: ready.method.clone(),
        body,
        fixed: &ready.fixed,
        fixed_without_body: &ready.fixed_without_body,
        varying: lines,
        sets_referer: ready.sets_referer,
        sets_origin: ready.sets_origin,
        follows_redirects: step.follows_redirects(),
        keep: ready.keeps_body || ready.assets.is_some(),
    };
    send_following_redirects(context, session, pool, parts, (request, own), in_flight).await
}

/// Renders a template into a new text; `None` when a value is missing.
fn render(template: &Template, visit: &mut Visit, encoding: Encoding) -> Option<String> {
    let mut out = String::new();
    template.render(visit, encoding, &mut out).then_some(out)
}
