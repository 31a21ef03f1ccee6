//! The request of one asset of a page.

use std::pin::pin;
use std::time::Instant;

use http::uri::PathAndQuery;
use kneepoint_model::outcome::Outcome;

use crate::phase::context::PhaseContext;
use crate::transport::{Pool, RawResponse, RequestFailure};
use crate::user::checks::outcome_for_status;
use crate::user::in_flight::InFlightRequest;
use crate::user::links::SiteOrigin;
use crate::user::request::{MAX_REDIRECTS, RequestLimits, await_within, exchange_once};
use crate::user::timeout::ReusableTimeout;

/// An asset that is requested, or waits for a connection.
pub(super) struct AssetRequest<'a> {
    pub(super) in_flight: InFlightRequest<'a>,
    /// Path in the page, and key of the cache.
    pub(super) name: PathAndQuery,
    /// Path that is requested: another one after a redirect.
    pub(super) path: PathAndQuery,
    pub(super) redirects: usize,
    pub(super) limits: Option<RequestLimits<'a>>,
    /// The cookies that were sent.
    pub(super) cookies: Option<String>,
    /// The request asks whether a cached response has changed.
    pub(super) is_conditional: bool,
}

impl AssetRequest<'_> {
    /// Where the response redirects to.
    pub(super) fn redirect(&self, site: &SiteOrigin, response: &RawResponse) -> Redirect {
        if !matches!(response.head.status, 301 | 302 | 303 | 307 | 308) {
            return Redirect::None;
        }
        let Some(location) = response.head.get("location") else { return Redirect::None };
        let Ok(path) = site.resolve(self.path.as_str(), location) else {
            return Redirect::OffSite;
        };
        match path.parse() {
            Ok(path) if self.redirects < MAX_REDIRECTS => Redirect::Within(path),
            _ => Redirect::None,
        }
    }
}

/// The redirect of a response.
pub(super) enum Redirect {
    None,
    /// To another site: never requested.
    OffSite,
    Within(PathAndQuery),
}

/// A redirect to another site is a correct response; one that cannot be followed is not.
pub(super) fn outcome_of_asset(status: u16, is_conditional: bool, leads_off_site: bool) -> (Outcome, String) {
    let outcome = match status {
        200..300 => Outcome::Ok,
        304 if is_conditional => Outcome::Ok,
        300..400 if leads_off_site => Outcome::Ok,
        _ => outcome_for_status(status),
    };
    (outcome, if outcome.is_ok() { String::new() } else { format!("status {status}") })
}

/// Sends the request within its limits, which it acquires first unless it has been redirected.
pub(super) async fn fetch_asset<'a>(
    context: &'a PhaseContext,
    pool: &'a Pool,
    mut asset: AssetRequest<'a>,
    request: Vec<u8>,
) -> (AssetRequest<'a>, Result<RawResponse, RequestFailure>) {
    let mut timeout = ReusableTimeout::default();
    let limits = match asset.limits.take() {
        Some(limits) => Some(limits),
        // Not from its due time: it may have waited behind other assets of its page.
        None => RequestLimits::acquire(context, &mut asset.in_flight, &mut timeout, Instant::now()).await,
    };
    let Some(limits) = limits else {
        return (asset, Err(RequestFailure::new(Outcome::Shed, "waited too long for a slot")));
    };
    let result = {
        let request =
            pin!(exchange_once(context, pool, &request, &http::Method::GET, false, &mut asset.in_flight));
        await_within(context, &limits, &mut timeout, request).await
    };
    asset.limits = Some(limits);
    (asset, result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_of_an_asset_follows_from_its_status() {
        for (status, is_conditional, away, expected) in [
            (200, false, false, Outcome::Ok),
            (206, false, false, Outcome::Ok),
            (304, true, false, Outcome::Ok),
            (304, false, false, Outcome::UnexpectedStatus),
            (302, false, false, Outcome::UnexpectedStatus),
            (302, false, true, Outcome::Ok),
            (404, true, false, Outcome::ClientError),
            (503, true, false, Outcome::ServerError),
        ] {
            assert_eq!(outcome_of_asset(status, is_conditional, away).0, expected, "{status}");
        }
    }
}
