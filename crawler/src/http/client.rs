//! HTTP client: sends one GET and reads the response within a deadline and a size limit.
//!
//! It never follows redirects, stores no cookies, uses no proxy and decodes no body on its own: callers decide and
//! observe all of that.

use std::time::{Duration, Instant};

use kneepoint_model::via::Via;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderValue, USER_AGENT,
};
use reqwest::redirect::Policy;
use url::Url;

use super::content_coding::decode;
use super::failure::{ConnectionFailure, ExchangeError};
use super::response::Response;
use super::via::apply_via;
use crate::error::CrawlError;

/// Most bytes that are read of a body, and most that it may decode to.
pub(crate) const MAX_BODY: usize = 8 << 20;

const ACCEPTED: &str = "text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8";

/// Settings of a client.
#[derive(Debug, Clone)]
pub(crate) struct ClientPlan<'a> {
    /// URL of the site; its scheme decides whether TLS is used.
    pub(crate) origin: &'a Url,
    /// Value of the `Host` header, when it differs from the host of the URL.
    pub(crate) host_header: Option<&'a str>,
    /// Unix socket and CA file of the connections.
    pub(crate) via: &'a Via,
    /// Value of the `User-Agent` header.
    pub(crate) user_agent: &'a str,
    /// Limit for one exchange, from the start to the last byte.
    pub(crate) timeout: Duration,
    /// Most idle connections that are kept.
    pub(crate) connections: usize,
}

/// Sends GET requests; cheap to clone.
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
        let http = apply_via(builder, plan.origin, plan.via)?
            .build()
            .map_err(|error| CrawlError::Client(error.to_string()))?;
        Ok(Self { http, host, timeout: plan.timeout })
    }

    /// Sends one GET; retries once after a broken connection, because the server may have closed an idle one.
    pub(crate) async fn get(&self, url: &Url, cookies: Option<&str>) -> Result<Response, ExchangeError> {
        match self.get_once(url, cookies).await {
            Err(ExchangeError::Connection { failure: ConnectionFailure::Broken, .. }) => {
                self.get_once(url, cookies).await
            }
            other => other,
        }
    }

    async fn get_once(&self, url: &Url, cookies: Option<&str>) -> Result<Response, ExchangeError> {
        let start = Instant::now();
        match tokio::time::timeout(self.timeout, self.exchange(url, cookies, start)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(ExchangeError::from_reqwest(&error, start.elapsed())),
            Err(_late) => Err(ExchangeError::Timeout(self.timeout)),
        }
    }

    async fn exchange(
        &self,
        url: &Url,
        cookies: Option<&str>,
        start: Instant,
    ) -> Result<Response, reqwest::Error> {
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
        Ok(Response { status, headers, ttfb, total, wire_bytes, body })
    }
}

/// An event stream never ends by itself, so only its headers are read.
fn is_endless(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}
