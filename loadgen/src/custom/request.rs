//! One request of a custom journey: built, then sent; recorded however it ends.

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

use super::error::JourneyError;
use super::response::Response;
use super::user::User;
use crate::transport::content_coding::decode;
use crate::transport::{HeaderLines, RawResponse, RequestBuffers, RequestFailure, TRACEPARENT};
use crate::user::checks::{CheckedResponse, outcome_for_status};
use crate::user::in_flight::InFlightRequest;
use crate::user::request::{
    RequestLimits, RequestParts, await_within, parse_path, resolve_link, send_following_redirects,
};

/// Headers that only the generator sets.
const RESERVED_HEADERS: [HeaderName; 5] = [HOST, COOKIE, CONTENT_LENGTH, ACCEPT_ENCODING, TRANSFER_ENCODING];

type Check<'v> = Box<dyn FnOnce(&Response) -> Result<(), String> + Send + 'v>;

/// A request to be sent with [`RequestBuilder::send`].
#[must_use = "nothing is requested until it is sent"]
pub struct RequestBuilder<'v, 'a> {
    user: &'v mut User<'a>,
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
    problem: Option<String>,
}

impl<'v, 'a> RequestBuilder<'v, 'a> {
    pub(super) fn new(user: &'v mut User<'a>, method: Method, endpoint: &str, path: String) -> Self {
        Self {
            user,
            endpoint: endpoint.to_owned(),
            method,
            path,
            headers: HeaderMap::new(),
            body: Vec::new(),
            statuses: Vec::new(),
            contains: Vec::new(),
            check: None,
            follows_redirects: true,
            problem: None,
        }
    }

    /// Sets a header, also one that the generator sets by default (`User-Agent`, `Accept`). Host, cookies, length and encoding
    /// cannot be set.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) if may_be_set(&name, &value) => drop(self.headers.insert(name, value)),
            _ => self.problem = Some(format!("the header {name:?} cannot be set so")),
        }
        self
    }

    /// Sets a form as the body (`application/x-www-form-urlencoded`).
    pub fn form<K: AsRef<str>, V: AsRef<str>>(mut self, fields: impl IntoIterator<Item = (K, V)>) -> Self {
        let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body = text.into_bytes();
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    /// Sets JSON as the body.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.body = body,
            Err(error) => self.problem = Some(format!("the body cannot be written as JSON: {error}")),
        }
        self.header("content-type", "application/json")
    }

    /// Sets these bytes as the body.
    pub fn body(mut self, content_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = bytes.into();
        self.header("content-type", content_type)
    }

    /// Accepts only these statuses; otherwise the request fails. Without: any 2xx or 3xx.
    pub fn status(mut self, accepted: &[u16]) -> Self {
        self.statuses = accepted.to_vec();
        self
    }

    /// Requires this text in the body; otherwise the request fails.
    pub fn contains(mut self, text: impl Into<String>) -> Self {
        self.contains.push(text.into());
        self
    }

    /// Requires that the response passes this check; otherwise the request fails with the returned reason.
    pub fn check(mut self, check: impl FnOnce(&Response) -> Result<(), String> + Send + 'v) -> Self {
        self.check = Some(Box::new(check));
        self
    }

    /// Returns a redirect as the response. Without, redirects are followed, at most ten and never to another site, and the
    /// recorded time is that of all.
    pub fn keep_redirect(mut self) -> Self {
        self.follows_redirects = false;
        self
    }

    /// Sends the request when it is due, and records how it ended.
    ///
    /// # Errors
    /// The request failed, or the phase is over.
    pub async fn send(mut self) -> Result<Response, JourneyError> {
        let Some(endpoint) = self.user.prepared.endpoint(&self.endpoint) else {
            let problem =
                format!("it requests the endpoint `{}`, which its `endpoints` do not contain", self.endpoint);
            self.user.context.fail(&self.user.prepared.name, &problem);
            return Err(JourneyError::GaveUp(problem));
        };
        let due = self.user.next_due().await?;
        let context = self.user.context;
        let trace = self.user.session.new_trace_id(context.prepared.window.started_ms.get());
        let mut in_flight = InFlightRequest::new(context, endpoint, due, trace);
        // Taken out for the duration of the request: the session itself is borrowed at the same time.
        let session = &mut *self.user.session;
        let (mut timeout, mut buffers) =
            (std::mem::take(&mut session.timeout), std::mem::take(&mut session.buffers));
        let result = match RequestLimits::acquire(context, &mut in_flight, &mut timeout, due.at).await {
            None => None,
            Some(limits) => {
                let request = pin!(self.exchange(&mut buffers, &mut in_flight));
                Some(await_within(context, &limits, &mut timeout, request).await)
            }
        };
        (self.user.session.timeout, self.user.session.buffers) = (timeout, buffers);
        let Some(result) = result else {
            self.user.request_ended(in_flight.shed());
            let (outcome, detail) = (Outcome::Shed, "waited too long for a slot".to_owned());
            return Err(JourneyError::RequestFailed { endpoint: self.endpoint, outcome, detail });
        };
        let decoded_len = result.as_ref().ok().and_then(RawResponse::decoded_len);
        let (result, checked) = self.check_response(result);
        let body = checked.as_ref().map_or(decoded_len, |response| Some(response.body.len() as u64));
        let (outcome, detail) = match (&result, &checked) {
            (Err(failure), _) => (failure.outcome, failure.detail.clone()),
            (Ok(_), Err(failed)) => failed.clone(),
            (Ok(_), Ok(_)) => (Outcome::Ok, String::new()),
        };
        let recorded = CheckedResponse { outcome, detail: detail.clone(), body };
        let end = in_flight.finish(&result, |_, _| recorded);
        self.user.request_ended(end);
        match checked {
            Ok(response) if outcome.is_ok() => Ok(response),
            _ => Err(JourneyError::RequestFailed { endpoint: self.endpoint, outcome, detail }),
        }
    }

    /// Sends the request and follows redirects; ends with the last byte of the last response.
    async fn exchange(
        &mut self,
        buffers: &mut RequestBuffers,
        in_flight: &mut InFlightRequest<'a>,
    ) -> Result<RawResponse, RequestFailure> {
        if let Some(problem) = self.problem.take() {
            return Err(RequestFailure::new(Outcome::CheckFailed, &problem));
        }
        let User { context, session, pool, prepared, .. } = &mut *self.user;
        let (context, pool, prepared) = (*context, *pool, *prepared);
        let is_path = self.path.starts_with('/') && !self.path.starts_with("//");
        let path = if is_path {
            Cow::Borrowed(self.path.as_str())
        } else {
            Cow::Owned(resolve_link(context, session, &self.path)?)
        };
        // Most requests have the headers of the journey, which are serialised once.
        let custom = (!self.headers.is_empty()).then(|| {
            let mut all = prepared.headers.clone();
            all.extend(std::mem::take(&mut self.headers));
            let with_body = HeaderLines::from_headers(&all);
            all.remove(CONTENT_TYPE);
            (with_body, HeaderLines::from_headers(&all), all.contains_key(REFERER), all.contains_key(ORIGIN))
        });
        let (fixed, fixed_without_body, sets_referer, sets_origin) = match &custom {
            Some((fixed, without, referer, origin)) => (fixed, without, *referer, *origin),
            None => (&prepared.fixed, &prepared.fixed, false, false),
        };
        let RequestBuffers { request, step_headers, user_headers } = buffers;
        step_headers.clear();
        in_flight.push_trace_header(step_headers);
        in_flight.set_path(Cow::Owned(parse_path(&path)?));
        let parts = RequestParts {
            method: self.method.clone(),
            body: Cow::Owned(std::mem::take(&mut self.body)),
            fixed,
            fixed_without_body,
            varying: step_headers,
            sets_referer,
            sets_origin,
            follows_redirects: self.follows_redirects,
            keep_body: true,
        };
        send_following_redirects(context, session, pool, parts, (request, user_headers), in_flight).await
    }

    /// Returns the response without its body, and what the journey receives of it, or how it failed.
    fn check_response(
        &mut self,
        result: Result<RawResponse, RequestFailure>,
    ) -> (Result<RawResponse, RequestFailure>, Result<Response, (Outcome, String)>) {
        let mut raw = match result {
            Ok(response) => response,
            Err(failure) => {
                let failed = (failure.outcome, failure.detail.clone());
                return (Err(failure), Err(failed));
            }
        };
        let checked = self.decode_and_check(&mut raw);
        (Ok(raw), checked)
    }

    fn decode_and_check(&mut self, response: &mut RawResponse) -> Result<Response, (Outcome, String)> {
        let status = response.head.status;
        let accepted = if self.statuses.is_empty() {
            (200..400).contains(&status)
        } else {
            self.statuses.contains(&status)
        };
        if !accepted {
            return Err((outcome_for_status(status), format!("status {status}")));
        }
        let max_body = self.user.context.prepared.plan.options.max_body;
        let decoded = match decode(&response.body, response.head.body_encoding(), max_body) {
            Ok(Cow::Owned(decoded)) => Some(decoded),
            Ok(Cow::Borrowed(_)) => None,
            Err((outcome, detail)) => return Err((outcome, detail.to_owned())),
        };
        let body = decoded.unwrap_or_else(|| std::mem::take(&mut response.body));
        let response = Response { head: response.head.clone(), body };
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

impl fmt::Debug for RequestBuilder<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder")
            .field("endpoint", &self.endpoint)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

fn may_be_set(name: &HeaderName, value: &HeaderValue) -> bool {
    // `connection: close` is allowed, for a user who does not keep connections.
    let leaves = *name == CONNECTION && value == "close";
    !RESERVED_HEADERS.contains(name) && *name != TRACEPARENT && (*name != CONNECTION || leaves)
}
