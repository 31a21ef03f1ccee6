//! Fetches one URL and follows its redirects itself, so that every hop is checked and timed.
//!
//! Redirects are followed only within the site and only to pages that a link may lead to: not to pages that
//! robots.txt disallows (often a login page) and not to a page that logs out.

use std::time::Duration;

use kneepoint_model::text::clip;
use url::Url;

use super::scope::Scope;
use crate::http::{Client, ExchangeError, Response};
use crate::target::LinkTarget;

/// Most redirects that are followed; browsers stop at 20, and a site that needs ten has a problem.
const MAX_REDIRECTS: usize = 10;

/// How the chain ended.
#[derive(Debug)]
pub(crate) enum FetchOutcome {
    /// A response; also the response of a redirect that was not followed.
    Response(Box<Response>),
    /// The exchange failed without a response.
    NoResponse(ExchangeError),
    /// The redirects form a loop or exceed the limit.
    Loop,
}

/// Redirects of one URL and the final outcome.
#[derive(Debug)]
pub(crate) struct RedirectChain {
    /// Targets of the redirects in order: paths within the site, whole URLs outside.
    pub(crate) redirects: Vec<String>,
    /// The URL that was requested last.
    pub(crate) last: Url,
    /// Time spent on redirects before the last request.
    pub(crate) redirect_time: Duration,
    /// The last redirect was recorded but not followed.
    pub(crate) stopped: bool,
    /// How the chain ended.
    pub(crate) outcome: FetchOutcome,
}

/// Requests `url` and follows its redirects.
pub(crate) async fn fetch(client: &Client, scope: &Scope, url: &Url) -> RedirectChain {
    let mut chain = RedirectChain {
        redirects: Vec::new(),
        last: url.clone(),
        redirect_time: Duration::ZERO,
        stopped: false,
        outcome: FetchOutcome::Loop,
    };
    let mut visited = vec![url.clone()];
    loop {
        let response = match client.get(&chain.last, None).await {
            Ok(response) => response,
            Err(error) => {
                chain.outcome = FetchOutcome::NoResponse(error);
                return chain;
            }
        };
        let Some(location) = response.location() else {
            chain.outcome = FetchOutcome::Response(Box::new(response));
            return chain;
        };
        match scope.target.resolve(&chain.last, &location) {
            LinkTarget::Inside(next) => {
                chain.redirects.push(scope.target.show(&next));
                if visited.contains(&next) || chain.redirects.len() > MAX_REDIRECTS {
                    return chain;
                }
                if scope.check(&next).is_err() {
                    return chain.stop_at(response);
                }
                chain.redirect_time += response.total;
                visited.push(next.clone());
                chain.last = next;
            }
            LinkTarget::Outside { url, .. } => {
                chain.redirects.push(clip(&url, 2_048).to_owned());
                return chain.stop_at(response);
            }
            LinkTarget::OtherScheme(_) | LinkTarget::Nowhere => return chain.stop_at(response),
        }
    }
}

impl RedirectChain {
    fn stop_at(mut self, response: Response) -> Self {
        self.stopped = true;
        self.outcome = FetchOutcome::Response(Box::new(response));
        self
    }
}
