//! The judgement of headers: which are a scenario's to set, and with what.

use std::collections::BTreeMap;

use toml::Spanned;

use super::auth::AUTHORIZATION;
use super::{Judge, Judged};
use crate::raw::{RawAuth, RawScenario};
use crate::template::Template;

const OWN_HEADERS: [&str; 7] =
    ["host", "user-agent", "accept-encoding", "cookie", "traceparent", "content-length", "connection"];

/// Whether a header of this name is a scenario's to set.
pub(crate) fn is_free_header(name: &str) -> bool {
    is_token(name) && !OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str())
}

/// RFC 9110 §5.6.2.
fn is_token(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

impl Judge<'_> {
    /// Headers of all steps. A name that some step may take away is not sure in all of them.
    pub(super) fn common_headers(&mut self, raw: &RawScenario) -> Judged<Vec<(String, Template)>> {
        let before = self.sure.clone();
        for (name, id) in &self.names {
            if self.shaky.contains(name) {
                self.sure.remove(&id.0);
            }
        }
        let judged = self.headers(&raw.headers, raw.auth.as_ref());
        self.sure = before;
        judged
    }

    pub(super) fn headers(
        &self,
        raw: &BTreeMap<String, Spanned<String>>,
        auth: Option<&Spanned<RawAuth>>,
    ) -> Judged<Vec<(String, Template)>> {
        let mut headers = Vec::new();
        for (name, value) in raw {
            let lower = name.to_ascii_lowercase();
            let token = is_token(name);
            // Visitors who do not keep their connections say so themselves; anything else here is kneepoint's to say.
            let leaves = lower == "connection" && value.get_ref() == "close";
            if !token || (OWN_HEADERS.contains(&lower.as_str()) && !leaves) {
                let why = if token { "is set by kneepoint itself" } else { "is not a header name" };
                return Err(self.refuse(&value.span(), "headers", format!("`{name}` {why}")));
            }
            if value.get_ref().chars().any(char::is_control) {
                return Err(self.refuse(&value.span(), "headers", "must not hold control characters"));
            }
            let template = self.template(value, "headers")?;
            self.fit_for_a_header(&template, value.span(), "headers")?;
            if lower == AUTHORIZATION && auth.is_some() {
                let problem = "auth and the header Authorization are both given, and are the same";
                return Err(self.refuse(&value.span(), "headers", problem));
            }
            headers.push((lower, template));
        }
        if let Some(auth) = auth {
            headers.push((AUTHORIZATION.to_owned(), self.auth(auth)?));
        }
        Ok(headers)
    }
}
