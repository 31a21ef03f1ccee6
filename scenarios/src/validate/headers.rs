//! Validates headers: which names a scenario may set, and with which values.

use std::collections::BTreeMap;

use toml::Spanned;

use super::auth::AUTHORIZATION;
use super::{ValidationResult, Validator};
use crate::raw::{RawAuth, RawScenario};
use crate::template::Template;

/// Headers that kneepoint sets itself.
const RESERVED_HEADERS: [&str; 7] =
    ["host", "user-agent", "accept-encoding", "cookie", "traceparent", "content-length", "connection"];

/// True when a scenario may set a header of this name.
pub(crate) fn is_settable_header(name: &str) -> bool {
    is_token(name) && !RESERVED_HEADERS.contains(&name.to_ascii_lowercase().as_str())
}

/// True for a `token` (RFC 9110 §5.6.2).
fn is_token(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

impl Validator<'_> {
    /// Headers of all steps. A name that an optional extract may remove is not guaranteed in all of them.
    pub(super) fn validate_common_headers(
        &mut self,
        raw: &RawScenario,
    ) -> ValidationResult<Vec<(String, Template)>> {
        let before = self.guaranteed.clone();
        for (name, id) in &self.names {
            if self.removable.contains(name) {
                self.guaranteed.remove(&id.0);
            }
        }
        let validated = self.validate_headers(&raw.headers, raw.auth.as_ref());
        self.guaranteed = before;
        validated
    }

    pub(super) fn validate_headers(
        &self,
        raw: &BTreeMap<String, Spanned<String>>,
        auth: Option<&Spanned<RawAuth>>,
    ) -> ValidationResult<Vec<(String, Template)>> {
        let mut headers = Vec::new();
        for (name, value) in raw {
            let lower = name.to_ascii_lowercase();
            let token = is_token(name);
            // A scenario may only disable keep-alive; kneepoint decides everything else about connections.
            let closes_connection = lower == "connection" && value.get_ref() == "close";
            if !token || (RESERVED_HEADERS.contains(&lower.as_str()) && !closes_connection) {
                let why = if token { "is set by kneepoint itself" } else { "is not a header name" };
                return Err(self.error_at(&value.span(), "headers", format!("`{name}` {why}")));
            }
            if value.get_ref().chars().any(char::is_control) {
                return Err(self.error_at(&value.span(), "headers", "must not contain control characters"));
            }
            let template = self.parse_template(value, "headers")?;
            self.check_header_value(&template, value.span(), "headers")?;
            if lower == AUTHORIZATION && auth.is_some() {
                let problem = "auth and the header Authorization are both given; remove one of them";
                return Err(self.error_at(&value.span(), "headers", problem));
            }
            headers.push((lower, template));
        }
        if let Some(auth) = auth {
            headers.push((AUTHORIZATION.to_owned(), self.validate_auth(auth)?));
        }
        Ok(headers)
    }
}
