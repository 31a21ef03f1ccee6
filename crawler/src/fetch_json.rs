//! One GET whose response body is JSON: used for the site's own status endpoints, not for pages.

use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::via::Via;
use url::Url;

use crate::error::CrawlError;
use crate::http::{Client, ClientPlan, ExchangeError};
use crate::runtime::{block_on, wait_for_cancellation};
use crate::target::Target;

/// Sends GET for a path of the site (base URL, `Host` header, connection options) and parses the JSON of a 200
/// response.
///
/// # Errors
/// The site is unreachable, the status is not 200, or the body is not JSON; the message names the path.
pub fn fetch_json(
    (base_url, host_header, via): (&Url, Option<&str>, &Via),
    path: &str,
    timeout: Duration,
    cancel: &Cancel,
) -> Result<serde_json::Value, CrawlError> {
    let refused =
        |why: String| CrawlError::BadPlan { what: "a path that returns JSON", value: path.to_owned(), why };
    block_on(async {
        let target = Target::new(base_url, host_header)?;
        let url = target.url(path).ok_or_else(|| refused("it is not a path of this site".to_owned()))?;
        let client = Client::new(&ClientPlan {
            origin: target.base(),
            host_header,
            via,
            user_agent: crate::USER_AGENT,
            timeout,
            connections: 1,
        })?;
        let response = tokio::select! {
            response = client.get(&url, None) => response,
            () = wait_for_cancellation(cancel) => return Err(CrawlError::Cancelled),
        };
        let response = response.map_err(|failure| CrawlError::Unreachable {
            origin: target.origin(),
            why: match failure {
                ExchangeError::Timeout(after) => format!("no response within {after:?}"),
                ExchangeError::Connection { why, .. } => why,
            },
        })?;
        if response.status != 200 {
            return Err(refused(format!("the server returned status {}", response.status)));
        }
        serde_json::from_slice(response.body.bytes()).map_err(|error| refused(error.to_string()))
    })?
}
