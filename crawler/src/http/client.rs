//! The thin rim: sends one GET and reads what comes, within a deadline and a bound.
//!
//! It never follows redirects, keeps no cookies, uses no proxy and undoes no coding behind our back: all of that is
//! decided, and seen, elsewhere.

use std::time::{Duration, Instant};

use kneepoint_model::via::Via;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderValue, USER_AGENT,
};
use reqwest::redirect::Policy;
use url::Url;

use super::answer::Answer;
use super::coding::decode;
use super::failure::{NoAnswer, Refusal};
use super::via::connecting;
use crate::error::CrawlError;

/// Most bytes of a body that are read, and most that it may decode to.
pub(crate) const MAX_BODY: usize = 8 << 20;

const ACCEPTED: &str = "text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8";

/// What the client needs to know.
#[derive(Debug, Clone)]
pub(crate) struct ClientPlan<'a> {
    /// Where requests will go.
    pub(crate) origin: &'a Url,
    /// Value of `Host`, when it is not the address's own.
    pub(crate) host_header: Option<&'a str>,
    /// How connections are made.
    pub(crate) via: &'a Via,
    /// How kneepoint introduces itself.
    pub(crate) user_agent: &'a str,
    /// For one exchange, from the start to the last byte.
    pub(crate) timeout: Duration,
    /// How many connections are kept open.
    pub(crate) connections: usize,
}

/// Sends GETs; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    host: Option<HeaderValue>,
    timeout: Duration,
}

impl Client {
    /// Sets the client up.
    pub(crate) fn new(plan: &ClientPlan<'_>) -> Result<Self, CrawlError> {
        let header = |what: &'static str, value: &str| {
            HeaderValue::from_str(value).map_err(|error| CrawlError::BadPlan {
                what,
                value: value.escape_debug().to_string(),
                why: error.to_string(),
            })
        };
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(USER_AGENT, header("user agent", plan.user_agent)?);
        let host = plan.host_header.map(|value| header("host header", value)).transpose()?;
        let builder = reqwest::Client::builder()
            .default_headers(headers)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .http1_only()
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .connect_timeout(plan.timeout)
            .pool_max_idle_per_host(plan.connections);
        let http = connecting(builder, plan.origin, plan.via)?
            .build()
            .map_err(|error| CrawlError::Client(error.to_string()))?;
        Ok(Self { http, host, timeout: plan.timeout })
    }

    /// One GET; a connection that breaks is tried once more, since a kept one may have been closed in the meantime.
    pub(crate) async fn get(&self, url: &Url, cookies: Option<&str>) -> Result<Answer, NoAnswer> {
        match self.once(url, cookies).await {
            Err(NoAnswer::Connection { refusal: Refusal::Broken, .. }) => self.once(url, cookies).await,
            other => other,
        }
    }

    async fn once(&self, url: &Url, cookies: Option<&str>) -> Result<Answer, NoAnswer> {
        let start = Instant::now();
        match tokio::time::timeout(self.timeout, self.exchange(url, cookies, start)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(NoAnswer::of(&error, start.elapsed())),
            Err(_late) => Err(NoAnswer::Timeout(self.timeout)),
        }
    }

    async fn exchange(
        &self,
        url: &Url,
        cookies: Option<&str>,
        start: Instant,
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.http.get(url.clone());
        if let Some(host) = &self.host {
            request = request.header(HOST, host.clone());
        }
        if let Some(Ok(mut value)) = cookies.map(HeaderValue::from_str) {
            value.set_sensitive(true);
            request = request.header(COOKIE, value);
        }
        let mut response = request.send().await?;
        let ttfb = start.elapsed();
        let mut wire = Vec::new();
        let mut cut = is_endless(response.headers());
        while !cut && let Some(chunk) = response.chunk().await? {
            let room = MAX_BODY - wire.len();
            cut = chunk.len() > room;
            wire.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        let total = start.elapsed();
        let (status, headers) = (response.status().as_u16(), std::mem::take(response.headers_mut()));
        let wire_bytes = wire.len() as u64;
        let coding = headers.get(reqwest::header::CONTENT_ENCODING).and_then(|value| value.to_str().ok());
        let body = decode(coding, wire, cut, MAX_BODY);
        Ok(Answer { status, headers, ttfb, total, wire_bytes, body })
    }
}

/// An event stream never ends by itself; its headers are all there is to see.
fn is_endless(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}
