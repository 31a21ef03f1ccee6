//! Header fields that are the same for all requests.

use http::header::{ACCEPT, ACCEPT_ENCODING, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use kneepoint_scenarios::Template;

use crate::plan::PhasePlan;
use crate::transport::content_coding::{BodyEncoding, accept_encoding_value};
use crate::user::links::SiteOrigin;

/// Fields of every request.
pub(super) fn common_headers(plan: &PhasePlan, site: &SiteOrigin) -> Result<HeaderMap, String> {
    let value = |text: &str| {
        HeaderValue::from_str(text)
            .map_err(|_| format!("{text:?} has characters that a header value cannot have"))
    };
    let mut common = HeaderMap::new();
    common.insert(HOST, value(site.host())?);
    common.insert(USER_AGENT, value(&plan.options.user_agent)?);
    common.insert(ACCEPT, HeaderValue::from_static("*/*"));
    common.insert(ACCEPT_ENCODING, value(&accept_encoding_value(&plan.options.accept_encoding))?);
    Ok(common)
}

/// Whether every content coding that these headers accept carries the decoded length of the body.
pub(super) fn accepts_only_sized_codings(headers: &HeaderMap, varying: &[(HeaderName, Template)]) -> bool {
    let varies = varying.iter().any(|(name, _)| *name == ACCEPT_ENCODING);
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_sized = |coding: &str| match BodyEncoding::from_header(coding.split(';').next()) {
        BodyEncoding::Identity => true,
        BodyEncoding::Coded(coding) => coding.carries_decoded_len(),
        BodyEncoding::Unknown => false,
    };
    !varies && accepted.split(',').all(is_sized)
}
