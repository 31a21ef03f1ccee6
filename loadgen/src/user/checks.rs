//! Checks a complete response: status, content, and the values that are extracted from it.

use std::borrow::Cow;

use kneepoint_model::outcome::Outcome;
use kneepoint_scenarios::{Extract, Step};

use crate::transport::RawResponse;
use crate::transport::content_coding::{BodyEncoding, decode};
use crate::user::response::ResponseView;
use crate::user::session::UserSession;

/// The result of all checks of a complete response.
pub(crate) struct CheckedResponse {
    pub(crate) outcome: Outcome,
    pub(crate) detail: String,
    /// Length of the decoded body, where it is known.
    pub(crate) body: Option<u64>,
}

/// The outcome of a status that the step does not accept.
pub(crate) fn outcome_for_status(status: u16) -> Outcome {
    match status {
        400..500 => Outcome::ClientError,
        500.. => Outcome::ServerError,
        _ => Outcome::UnexpectedStatus,
    }
}

/// Checks a complete response, and extracts the values of the step.
pub(crate) fn check_response(
    response: &RawResponse,
    encoding: BodyEncoding,
    step: &Step,
    session: &mut UserSession,
    max_body: u64,
) -> CheckedResponse {
    let status = response.head.status;
    let mut body = response.decoded_len();
    let result = |outcome, detail, body| CheckedResponse { outcome, detail, body };
    if !step.expect().accepts(status) {
        return result(outcome_for_status(status), format!("status {status}"), body);
    }
    // A response in an encoding that was not offered may not have been kept.
    let was_kept = response.body.len() as u64 == response.wire;
    let needs_length = step.limits_body_size() && body.is_none();
    if needs_length && !was_kept {
        let detail = "the decoded length of the body is not known: its encoding was not offered";
        return result(Outcome::CheckFailed, detail.to_owned(), None);
    }
    let decoded = if step.needs_body() || needs_length {
        match decode(&response.body, encoding, max_body) {
            Ok(decoded) => decoded,
            Err((outcome, detail)) => return result(outcome, detail.to_owned(), body),
        }
    } else {
        Cow::Borrowed(&[][..])
    };
    if step.needs_body() || needs_length {
        body = Some(decoded.len() as u64);
    }
    let text = String::from_utf8_lossy(&decoded);
    if let Err(detail) = step.expect().check_body(&text, body.unwrap_or_default()) {
        return result(Outcome::CheckFailed, detail, body);
    }
    let UserSession { visit, jar, .. } = session;
    let view = ResponseView { head: &response.head, jar, body: &text };
    match Extract::apply(step.extracts(), &view, visit) {
        Ok(()) => result(Outcome::Ok, String::new(), body),
        Err(miss) => result(Outcome::CheckFailed, miss.to_string(), body),
    }
}
