//! Validates `auth` and turns it into an `Authorization` header, whose value is never printed.

use toml::Spanned;

use super::{ValidationResult, Validator};
use crate::raw::{RawAuth, RawBasic};
use crate::template::Template;

/// The header name, in lower case as all header names here.
pub(super) const AUTHORIZATION: &str = "authorization";

impl Validator<'_> {
    /// Builds the value of the `Authorization` header.
    pub(super) fn validate_auth(&self, raw: &Spanned<RawAuth>) -> ValidationResult<Template> {
        let template = match raw.get_ref() {
            RawAuth { basic: Some(basic), bearer: None } => self.validate_basic(basic)?,
            RawAuth { basic: None, bearer: Some(token) } => {
                let text = format!("Bearer {}", token.get_ref());
                self.parse_template_text(&text, &token.span(), "auth.bearer")?
            }
            _ => return Err(self.error_at(&raw.span(), "auth", "needs exactly one of basic and bearer")),
        };
        self.check_header_value(&template, raw.span(), "auth")?;
        Ok(template)
    }

    fn validate_basic(&self, raw: &RawBasic) -> ValidationResult<Template> {
        let user = self.parse_template(&raw.user, "auth.basic.user")?;
        // RFC 7617 §2: the first colon ends the user name.
        if user.literals().any(|text| text.contains(':')) {
            return Err(self.error_at(&raw.user.span(), "auth.basic.user", "must not contain a colon"));
        }
        Ok(Template::from_basic_auth(user, self.parse_template(&raw.password, "auth.basic.password")?))
    }

    /// Rejects control characters. Values from the environment are not in the file, so they are checked after substitution.
    pub(super) fn check_header_value(
        &self,
        template: &Template,
        span: std::ops::Range<usize>,
        key: &str,
    ) -> ValidationResult<()> {
        if template.literals().any(|text| text.chars().any(char::is_control)) {
            let problem = "contains control characters, such as a line end, which a header must not";
            return Err(self.error_at(&span, key, problem));
        }
        Ok(())
    }
}
