//! What is thought of an answer: status, checks, and the values that are taken out of it.

use std::borrow::Cow;

use kneepoint_model::outcome::Outcome;
use kneepoint_scenarios::{Extract, Step};

use crate::transport::RawResponse;
use crate::transport::content_coding::{BodyEncoding, decode};
use crate::user::response::ResponseView;
use crate::user::session::UserSession;

/// What is thought of a complete answer.
pub(crate) struct CheckedResponse {
    pub(crate) outcome: Outcome,
    pub(crate) detail: String,
    /// Length of the decoded body, where it is known.
    pub(crate) body: Option<u64>,
}

/// The outcome that a status which nobody expected stands for.
pub(crate) fn outcome_for_status(status: u16) -> Outcome {
    match status {
        400..500 => Outcome::ClientError,
        500.. => Outcome::ServerError,
        _ => Outcome::UnexpectedStatus,
    }
}

/// Judges a complete answer, and takes the values out of it.
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
    // An answer that is packed as nobody asked for may not have been kept.
    let was_kept = response.body.len() as u64 == response.wire;
    let needs_length = step.bounds_body() && body.is_none();
    if needs_length && !was_kept {
        let detail =
            "how large the body is unpacked is not known: it is packed in a way that was not offered";
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
    if let Err(detail) = step.expect().judge(&text, body.unwrap_or_default()) {
        return result(Outcome::CheckFailed, detail, body);
    }
    let UserSession { visit, jar, .. } = session;
    let view = ResponseView { head: &response.head, jar, body: &text };
    match Extract::apply(step.extracts(), &view, visit) {
        Ok(()) => result(Outcome::Ok, String::new(), body),
        Err(miss) => result(Outcome::CheckFailed, miss.to_string(), body),
    }
}
