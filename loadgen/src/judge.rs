//! What is thought of an answer: status, checks, and the values that are taken out of it.

use std::borrow::Cow;

use kneepoint_model::outcome::Outcome;
use kneepoint_scenarios::{Extract, Step};

use crate::answer::{View, known_len};
use crate::coding::{Packing, decode};
use crate::session::Session;
use crate::transport::Reply;

/// What is thought of a complete answer.
pub(crate) struct Judged {
    pub(crate) outcome: Outcome,
    pub(crate) detail: String,
    /// Length of the decoded body, where it is known.
    pub(crate) body: Option<u64>,
}

/// The outcome that a status which nobody expected stands for.
pub(crate) fn outcome_of(status: u16) -> Outcome {
    match status {
        400..500 => Outcome::ClientError,
        500.. => Outcome::ServerError,
        _ => Outcome::UnexpectedStatus,
    }
}

/// Judges a complete answer, and takes the values out of it.
pub(crate) fn judge(
    reply: &Reply,
    packing: Packing,
    step: &Step,
    session: &mut Session,
    most: u64,
) -> Judged {
    let status = reply.head.status;
    let mut body = known_len(reply);
    let ends = |outcome, detail, body| Judged { outcome, detail, body };
    if !step.expect().accepts(status) {
        return ends(outcome_of(status), format!("status {status}"), body);
    }
    // An answer that is packed as nobody asked for may not have been kept.
    let was_kept = reply.body.len() as u64 == reply.wire;
    let needs_length = step.limits_body_size() && body.is_none();
    if needs_length && !was_kept {
        let detail =
            "how large the body is unpacked is not known: it is packed in a way that was not offered";
        return ends(Outcome::CheckFailed, detail.to_owned(), None);
    }
    let decoded = if step.needs_body() || needs_length {
        match decode(&reply.body, packing, most) {
            Ok(decoded) => decoded,
            Err((outcome, detail)) => return ends(outcome, detail.to_owned(), body),
        }
    } else {
        Cow::Borrowed(&[][..])
    };
    if step.needs_body() || needs_length {
        body = Some(decoded.len() as u64);
    }
    let text = String::from_utf8_lossy(&decoded);
    if let Err(detail) = step.expect().check_body(&text, body.unwrap_or_default()) {
        return ends(Outcome::CheckFailed, detail, body);
    }
    let Session { visit, jar, .. } = session;
    let view = View { head: &reply.head, jar, body: &text };
    match Extract::apply(step.extracts(), &view, visit) {
        Ok(()) => ends(Outcome::Ok, String::new(), body),
        Err(miss) => ends(Outcome::CheckFailed, miss.to_string(), body),
    }
}
