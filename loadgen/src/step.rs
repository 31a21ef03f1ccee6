//! The one step function: both models call it, nothing else asks for what a scenario says.

use std::borrow::Cow;
use std::pin::pin;

use http::header::HeaderValue;
use kneepoint_model::outcome::Outcome;
use kneepoint_scenarios::{Encoding, Step};

use crate::judge::judge;
use crate::page;
use crate::session::Session;
use crate::transport::{Failure, Pool, Reply, Room};
use crate::travel::{Call, Limits, parse_path, resolve, travel, within_limits};
use crate::unfinished::{Due, StepEnd, Unfinished};
use crate::world::{ReadyStep, World, rendered};

/// Does one step and records it.
pub(crate) async fn run_step(
    world: &World,
    session: &mut Session,
    pool: &Pool,
    scenario: usize,
    at: usize,
    due: Due,
) -> StepEnd {
    if let Some(page) = &world.ready[scenario][at].page {
        // In a box: other steps shall not make room for it.
        return Box::pin(page::view(world, session, pool, (scenario, at), page, due)).await;
    }
    document(world, session, pool, scenario, at, due).await.0
}

/// Does one step without what its page names, and records it.
pub(crate) async fn document(
    world: &World,
    session: &mut Session,
    pool: &Pool,
    scenario: usize,
    at: usize,
    due: Due,
) -> (StepEnd, Option<Reply>) {
    let ready = &world.ready[scenario][at];
    let step = &world.scenario(scenario).steps()[at];
    let trace = session.trace(world.window.started_ms.get());
    let mut open = Unfinished::new(world, ready.endpoint, due, trace);
    // Taken out for the time of the step: the session itself is needed beside them.
    let (mut patience, mut room) = (std::mem::take(&mut session.patience), std::mem::take(&mut session.room));
    let answer = match Limits::take(world, &mut open, &mut patience, due.at).await {
        None => None,
        Some(limits) => {
            // Pinned here, so that it is not moved once more: it is large.
            let request = pin!(visit(world, session, pool, (ready, step), &mut room, &mut open));
            Some(within_limits(world, &limits, &mut patience, request).await)
        }
    };
    (session.patience, session.room) = (patience, room);
    let Some(answer) = answer else { return (open.shed(), None) };
    let most = world.plan.max_body;
    let end = open.finish(&answer, |reply, packing| judge(reply, packing, step, session, most));
    session.visit.status = end.status;
    (end, answer.ok())
}

/// Renders a step and sends it.
async fn visit<'a>(
    world: &'a World,
    session: &mut Session,
    pool: &Pool,
    (ready, step): (&'a ReadyStep, &Step),
    room: &mut Room,
    open: &mut Unfinished<'a>,
) -> Result<Reply, Failure> {
    let missing = || Failure::new(Outcome::CheckFailed, "a value for a placeholder is missing");
    let path = if let Some(path) = &ready.path {
        Cow::Borrowed(path)
    } else {
        let text = rendered(step.path(), &mut session.visit, Encoding::Path).ok_or_else(missing)?;
        let is_link = step.path().starts_with_placeholder();
        Cow::Owned(parse_path(&if is_link { resolve(world, session, &text)? } else { text })?)
    };
    let body = step
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
    open.trace_line(lines);
    open.asks_for(path);
    let call = Call {
        method: ready.method.clone(),
        body,
        fixed: &ready.fixed,
        fixed_without_body: &ready.fixed_without_body,
        varying: lines,
        says_referer: ready.says_referer,
        says_origin: ready.says_origin,
        follows_redirects: step.follows_redirects(),
        keep: ready.keeps_body || ready.page.is_some(),
    };
    travel(world, session, pool, call, (request, own), open).await
}
