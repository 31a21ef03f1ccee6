//! From a request that can be sent to its last answer: slot and deadline, redirects, cookies, the way back to the caller.

use std::borrow::Cow;
use std::pin::{Pin, pin};
use std::time::Instant;

use http::Method;
use http::header::{COOKIE, HeaderName, HeaderValue, ORIGIN, REFERER};
use http::uri::PathAndQuery;
use kneepoint_model::outcome::Outcome;
use tokio::sync::SemaphorePermit;

use crate::patience::Patience;
use crate::session::Session;
use crate::transport::{Failure, Lines, Pool, Reply, Wanted, exchange, write};
use crate::unfinished::Unfinished;
use crate::world::World;

pub(crate) const MOST_REDIRECTS: usize = 10;
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A slot of the open model, and the moment by which the answer must be complete.
pub(crate) struct Limits<'a> {
    _slot: Option<SemaphorePermit<'a>>,
    until: Instant,
}

impl<'a> Limits<'a> {
    /// Waits for a slot, in the order of asking; the time for the answer begins then, or at `turn` where there are no slots.
    /// `None` when the wait was too long: the request is shed.
    pub(crate) async fn take(
        world: &'a World,
        open: &mut Unfinished<'_>,
        patience: &mut Patience,
        turn: Instant,
    ) -> Option<Self> {
        let Some(slots) = &world.slots else {
            return Some(Self { _slot: None, until: turn + world.plan.timeout });
        };
        let wanted = Instant::now();
        let slot = match (slots.try_acquire(), world.plan.shed_after) {
            (Ok(slot), _) => slot,
            (Err(_), None) => slots.acquire().await.ok()?,
            (Err(_), Some(most)) => {
                patience.within(open.due().at + most, pin!(slots.acquire())).await?.ok()?
            }
        };
        let now = Instant::now();
        open.waited_for_slot(now - wanted);
        Some(Self { _slot: Some(slot), until: now + world.plan.timeout })
    }
}

/// The answer, or the failure to give one in time.
pub(crate) async fn within_limits<F: Future<Output = Result<Reply, Failure>>>(
    world: &World,
    limits: &Limits<'_>,
    patience: &mut Patience,
    answer: Pin<&mut F>,
) -> Result<Reply, Failure> {
    patience.within(limits.until, answer).await.unwrap_or_else(|| {
        let detail = format!("no complete answer within {:?}", world.plan.timeout);
        Err(Failure::new(Outcome::Timeout, &detail))
    })
}

/// A request that can be sent as it is, but for its path, which is with what is recorded of it.
#[expect(clippy::struct_excessive_bools, reason = "each is asked for at a place of its own")]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) body: Cow<'a, [u8]>,
    /// Headers that are always the same.
    pub(crate) fixed: &'a Lines,
    /// The same without those of a body: for the GET that a redirect asks for.
    pub(crate) fixed_without_body: &'a Lines,
    /// The others, but for those that depend on where the visitor is.
    pub(crate) varying: &'a Lines,
    pub(crate) says_referer: bool,
    pub(crate) says_origin: bool,
    pub(crate) follows_redirects: bool,
    /// The body of the answer is kept, or only counted.
    pub(crate) keep: bool,
}

/// Everything from the first byte sent to the last byte of the last answer. Requests are written in the room that is given.
pub(crate) async fn travel<'a>(
    world: &'a World,
    session: &mut Session,
    pool: &Pool,
    mut call: Call<'_>,
    (request, own): (&mut Vec<u8>, &mut Lines),
    open: &mut Unfinished<'a>,
) -> Result<Reply, Failure> {
    for _ in 0..=MOST_REDIRECTS {
        own_headers(world, session, &call, open.path(), own);
        write(request, &call.method, open.path(), [call.fixed, call.varying, own], &call.body);
        let reply = hop(world, pool, request, &call.method, call.keep, open).await?;
        session.jar.take(&reply.head);
        session.at.clear();
        session.at.push_str(open.path());
        if !(call.follows_redirects && matches!(reply.head.status, 301 | 302 | 303 | 307 | 308)) {
            return Ok(reply);
        }
        let Some(location) = reply.head.get("location") else { return Ok(reply) };
        let path = parse_path(&resolve(world, session, location)?)?;
        open.follows(&reply);
        open.asks_for(Cow::Owned(path));
        if reply.head.status < 307 && call.method != Method::HEAD {
            call.method = Method::GET;
            call.body = Cow::Borrowed(&[]);
            call.fixed = call.fixed_without_body;
        }
    }
    Err(Failure::new(Outcome::CheckFailed, "more than ten redirects"))
}

/// One request and its answer, whose body is kept or only counted.
pub(crate) async fn hop(
    world: &World,
    pool: &Pool,
    request: &[u8],
    method: &Method,
    keep: bool,
    open: &mut Unfinished<'_>,
) -> Result<Reply, Failure> {
    let wanted = Wanted { keep, max: world.plan.max_body, answers_head: *method == Method::HEAD };
    let is_first = open.times.sent.is_none();
    let reply =
        exchange(pool, &world.target, request, method.is_idempotent(), wanted, &mut open.times).await?;
    open.came(&reply, is_first);
    Ok(reply)
}

/// What depends on where the visitor is: cookies, and the page that a form was on.
fn own_headers(world: &World, session: &Session, call: &Call<'_>, path: &str, lines: &mut Lines) {
    lines.clear();
    lines.push_with(&COOKIE, |out| session.jar.write(path, out));
    // Django's CSRF check wants to know the page of the form when the site speaks TLS.
    if call.method.is_safe() {
        return;
    }
    if !call.says_referer
        && let Ok(value) = HeaderValue::from_str(&world.site.page(&session.at))
    {
        lines.push(&REFERER, &value);
    }
    if !call.says_origin
        && world.site.is_tls()
        && let Ok(value) = HeaderValue::from_str(&format!("https://{}", world.site.host()))
    {
        lines.push(&ORIGIN, &value);
    }
}

pub(crate) fn resolve(world: &World, session: &Session, link: &str) -> Result<String, Failure> {
    world.site.resolve(&session.at, link).map_err(|off| {
        Failure::new(Outcome::CheckFailed, &format!("a link or redirect leads off the site, to {}", off.0))
    })
}

pub(crate) fn parse_path(text: &str) -> Result<PathAndQuery, Failure> {
    text.parse().map_err(|_| Failure::new(Outcome::CheckFailed, "the path has forbidden characters"))
}
