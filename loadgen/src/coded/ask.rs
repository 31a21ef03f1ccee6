//! One request of a journey: built up, then sent; recorded whatever becomes of it.

use std::borrow::Cow;
use std::fmt;
use std::pin::pin;

use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderName, HeaderValue, ORIGIN,
    REFERER, TRANSFER_ENCODING,
};
use http::{HeaderMap, Method};
use kneepoint_model::outcome::Outcome;
use serde::Serialize;

use super::response::Response;
use super::stop::Stop;
use super::visitor::Visitor;
use crate::answer::{known_len, packing};
use crate::coding::decode;
use crate::judge::{Judged, outcome_of};
use crate::transport::{Failure, Lines, Reply, Room};
use crate::travel::{Call, Limits, TRACEPARENT, parse_path, resolve, travel, within_limits};
use crate::unfinished::Unfinished;

/// What the generator itself says.
const OWN: [HeaderName; 5] = [HOST, COOKIE, CONTENT_LENGTH, ACCEPT_ENCODING, TRANSFER_ENCODING];

type Check<'v> = Box<dyn FnOnce(&Response) -> Result<(), String> + Send + 'v>;

/// A request to be sent with [`Ask::send`].
#[must_use = "nothing is asked until it is sent"]
pub struct Ask<'v, 'a> {
    visitor: &'v mut Visitor<'a>,
    endpoint: String,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
    statuses: Vec<u16>,
    contains: Vec<String>,
    check: Option<Check<'v>>,
    follows_redirects: bool,
    /// Why it cannot be sent.
    wrong: Option<String>,
}

impl<'v, 'a> Ask<'v, 'a> {
    pub(super) fn new(visitor: &'v mut Visitor<'a>, method: Method, endpoint: &str, path: String) -> Self {
        Self {
            visitor,
            endpoint: endpoint.to_owned(),
            method,
            path,
            headers: HeaderMap::new(),
            body: Vec::new(),
            statuses: Vec::new(),
            contains: Vec::new(),
            check: None,
            follows_redirects: true,
            wrong: None,
        }
    }

    /// With a header field, in place of the generator's own where it has one (`User-Agent`, `Accept`). Host, cookies, length and
    /// encoding are the generator's to say.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) if is_free(&name, &value) => drop(self.headers.insert(name, value)),
            _ => self.wrong = Some(format!("the header {name:?} cannot be set so")),
        }
        self
    }

    /// With a form as its body (`application/x-www-form-urlencoded`).
    pub fn form<K: AsRef<str>, V: AsRef<str>>(mut self, fields: impl IntoIterator<Item = (K, V)>) -> Self {
        let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body = text.into_bytes();
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    /// With JSON as its body.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.body = body,
            Err(error) => self.wrong = Some(format!("the body cannot be written as JSON: {error}")),
        }
        self.header("content-type", "application/json")
    }

    /// With these bytes as its body.
    pub fn body(mut self, content_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = bytes.into();
        self.header("content-type", content_type)
    }

    /// The status must be one of these, else the request failed. Without: any 2xx or 3xx.
    pub fn status(mut self, accepted: &[u16]) -> Self {
        self.statuses = accepted.to_vec();
        self
    }

    /// The body must hold this text, else the request failed.
    pub fn contains(mut self, text: impl Into<String>) -> Self {
        self.contains.push(text.into());
        self
    }

    /// The answer must pass this, else the request failed; the words say why.
    pub fn check(mut self, check: impl FnOnce(&Response) -> Result<(), String> + Send + 'v) -> Self {
        self.check = Some(Box::new(check));
        self
    }

    /// A redirect is an answer like any other. Else redirects are followed, at most ten, never off the site, and the time
    /// is that of them all.
    pub fn keep_redirect(mut self) -> Self {
        self.follows_redirects = false;
        self
    }

    /// Sends it when it is due, and records how it ended.
    ///
    /// # Errors
    /// It failed, or the phase is over.
    pub async fn send(mut self) -> Result<Response, Stop> {
        let Some(endpoint) = self.visitor.ready.endpoint(&self.endpoint) else {
            let problem = format!("it asks for the endpoint `{}`, which it does not declare", self.endpoint);
            self.visitor.world.fault(&self.visitor.ready.name, &problem);
            return Err(Stop::GaveUp(problem));
        };
        let due = self.visitor.next_due().await?;
        let world = self.visitor.world;
        let trace = self.visitor.session.trace(world.window.started_ms.get());
        let mut open = Unfinished::new(world, endpoint, due, trace);
        // Taken out for the time of the request: the session itself is needed beside them.
        let session = &mut *self.visitor.session;
        let (mut patience, mut room) =
            (std::mem::take(&mut session.patience), std::mem::take(&mut session.room));
        let answer = match Limits::take(world, &mut open, &mut patience, due.at).await {
            None => None,
            Some(limits) => {
                let request = pin!(self.exchange(&mut room, &mut open));
                Some(within_limits(world, &limits, &mut patience, request).await)
            }
        };
        (self.visitor.session.patience, self.visitor.session.room) = (patience, room);
        let Some(answer) = answer else {
            self.visitor.ended(open.shed());
            let (outcome, detail) = (Outcome::Shed, "waited too long for a slot".to_owned());
            return Err(Stop::Failed { endpoint: self.endpoint, outcome, detail });
        };
        let unpacked_len = answer.as_ref().ok().and_then(known_len);
        let (answer, judged) = self.judge(answer);
        let body = judged.as_ref().map_or(unpacked_len, |response| Some(response.body.len() as u64));
        let (outcome, detail) = match (&answer, &judged) {
            (Err(failure), _) => (failure.outcome, failure.detail.clone()),
            (Ok(_), Err(failed)) => failed.clone(),
            (Ok(_), Ok(_)) => (Outcome::Ok, String::new()),
        };
        let recorded = Judged { outcome, detail: detail.clone(), body };
        let end = open.finish(&answer, |_, _| recorded);
        self.visitor.ended(end);
        match judged {
            Ok(response) if outcome.is_ok() => Ok(response),
            _ => Err(Stop::Failed { endpoint: self.endpoint, outcome, detail }),
        }
    }

    /// Everything from the first byte sent to the last byte of the last answer.
    async fn exchange(&mut self, room: &mut Room, open: &mut Unfinished<'a>) -> Result<Reply, Failure> {
        if let Some(wrong) = self.wrong.take() {
            return Err(Failure::new(Outcome::CheckFailed, &wrong));
        }
        let Visitor { world, session, pool, ready, .. } = &mut *self.visitor;
        let (world, pool, ready) = (*world, *pool, *ready);
        let is_path = self.path.starts_with('/') && !self.path.starts_with("//");
        let path = if is_path {
            Cow::Borrowed(self.path.as_str())
        } else {
            Cow::Owned(resolve(world, session, &self.path)?)
        };
        // The fields of most requests are always the same, and written once for all.
        let own = (!self.headers.is_empty()).then(|| {
            let mut all = ready.headers.clone();
            all.extend(std::mem::take(&mut self.headers));
            let with_body = Lines::of(&all);
            all.remove(CONTENT_TYPE);
            (with_body, Lines::of(&all), all.contains_key(REFERER), all.contains_key(ORIGIN))
        });
        let (fixed, fixed_without_body, says_referer, says_origin) = match &own {
            Some((fixed, without, referer, origin)) => (fixed, without, *referer, *origin),
            None => (&ready.fixed, &ready.fixed, false, false),
        };
        let Room { request, step: varying, own: lines } = room;
        varying.clear();
        open.trace_line(varying);
        open.asks_for(Cow::Owned(parse_path(&path)?));
        let call = Call {
            method: self.method.clone(),
            body: Cow::Owned(std::mem::take(&mut self.body)),
            fixed,
            fixed_without_body,
            varying,
            says_referer,
            says_origin,
            follows_redirects: self.follows_redirects,
            keep: true,
        };
        travel(world, session, pool, call, (request, lines), open).await
    }

    /// The answer without its body, and what the journey may see of it, or how it failed.
    fn judge(
        &mut self,
        answer: Result<Reply, Failure>,
    ) -> (Result<Reply, Failure>, Result<Response, (Outcome, String)>) {
        let mut reply = match answer {
            Ok(reply) => reply,
            Err(failure) => {
                let failed = (failure.outcome, failure.detail.clone());
                return (Err(failure), Err(failed));
            }
        };
        let response = self.response(&mut reply);
        (Ok(reply), response)
    }

    fn response(&mut self, reply: &mut Reply) -> Result<Response, (Outcome, String)> {
        let status = reply.head.status;
        let accepted = if self.statuses.is_empty() {
            (200..400).contains(&status)
        } else {
            self.statuses.contains(&status)
        };
        if !accepted {
            return Err((outcome_of(status), format!("status {status}")));
        }
        let most = self.visitor.world.plan.max_body;
        let unpacked = match decode(&reply.body, packing(&reply.head), most) {
            Ok(Cow::Owned(unpacked)) => Some(unpacked),
            Ok(Cow::Borrowed(_)) => None,
            Err((outcome, detail)) => return Err((outcome, detail.to_owned())),
        };
        let body = unpacked.unwrap_or_else(|| std::mem::take(&mut reply.body));
        let response = Response { head: reply.head.clone(), body };
        let failed = |detail| (Outcome::CheckFailed, detail);
        if !self.contains.is_empty() {
            let text = response.text();
            if let Some(missing) = self.contains.iter().find(|wanted| !text.contains(wanted.as_str())) {
                return Err(failed(format!("body does not contain {missing:?}")));
            }
        }
        if let Some(check) = self.check.take() {
            check(&response).map_err(failed)?;
        }
        Ok(response)
    }
}

impl fmt::Debug for Ask<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask")
            .field("endpoint", &self.endpoint)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

fn is_free(name: &HeaderName, value: &HeaderValue) -> bool {
    // A visitor who does not keep connections says so; anything else here is the generator's to say.
    let leaves = *name == CONNECTION && value == "close";
    !OWN.contains(name) && *name != TRACEPARENT && (*name != CONNECTION || leaves)
}
