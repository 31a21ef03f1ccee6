//! One question to the site whose answer is JSON: what the site says of itself, not a page.

use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::via::Via;
use url::Url;

use crate::error::CrawlError;
use crate::http::{Client, ClientPlan, NoAnswer};
use crate::runtime::{block_on, cancelled};
use crate::target::Target;

/// Asks for a path of the site (its address, `Host` header, and the way to it) and reads the JSON that comes with status 200.
///
/// # Errors
/// Nobody answers, or with something else: the path and the status are named.
pub fn ask_json(
    (base_url, host_header, via): (&Url, Option<&str>, &Via),
    path: &str,
    timeout: Duration,
    cancel: &Cancel,
) -> Result<serde_json::Value, CrawlError> {
    let refused = |why: String| CrawlError::BadPlan {
        what: "an address that answers in JSON",
        value: path.to_owned(),
        why,
    };
    block_on(async {
        let target = Target::new(base_url, host_header)?;
        let url = target.url(path).ok_or_else(|| refused("it leads off the site".to_owned()))?;
        let client = Client::new(&ClientPlan {
            origin: target.base(),
            host_header,
            via,
            user_agent: crate::USER_AGENT,
            timeout,
            connections: 1,
        })?;
        let answer = tokio::select! {
            answer = client.get(&url, None) => answer,
            () = cancelled(cancel) => return Err(CrawlError::Cancelled),
        };
        let answer = answer.map_err(|none| CrawlError::Unreachable {
            origin: target.origin(),
            why: match none {
                NoAnswer::Timeout(after) => format!("no answer within {after:?}"),
                NoAnswer::Connection { why, .. } => why,
            },
        })?;
        if answer.status != 200 {
            return Err(refused(format!("it was answered with status {}", answer.status)));
        }
        serde_json::from_slice(answer.body.bytes()).map_err(|error| refused(error.to_string()))
    })?
}
