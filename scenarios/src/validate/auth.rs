//! The judgement of `auth`: it becomes a header, and is never shown.

use toml::Spanned;

use super::{Judge, Judged};
use crate::raw::{RawAuth, RawBasic};
use crate::template::Template;

/// Its name, in lower case.
pub(super) const AUTHORIZATION: &str = "authorization";

impl Judge<'_> {
    /// The value of `Authorization`.
    pub(super) fn auth(&self, raw: &Spanned<RawAuth>) -> Judged<Template> {
        let template = match raw.get_ref() {
            RawAuth { basic: Some(basic), bearer: None } => self.basic(basic)?,
            RawAuth { basic: None, bearer: Some(token) } => {
                let text = format!("Bearer {}", token.get_ref());
                self.template_text(&text, &token.span(), "auth.bearer")?
            }
            _ => return Err(self.refuse(&raw.span(), "auth", "needs either basic or bearer")),
        };
        self.fit_for_a_header(&template, raw.span(), "auth")?;
        Ok(template)
    }

    fn basic(&self, raw: &RawBasic) -> Judged<Template> {
        let user = self.template(&raw.user, "auth.basic.user")?;
        // RFC 7617 §2: the first colon ends the name.
        if user.literals().any(|text| text.contains(':')) {
            return Err(self.refuse(&raw.user.span(), "auth.basic.user", "must not hold a colon"));
        }
        Ok(Template::basic(user, self.template(&raw.password, "auth.basic.password")?))
    }

    /// What comes from the environment is not in the file, so it is looked at when it is put in.
    pub(super) fn fit_for_a_header(
        &self,
        template: &Template,
        span: std::ops::Range<usize>,
        key: &str,
    ) -> Judged<()> {
        if template.literals().any(|text| text.chars().any(char::is_control)) {
            let problem = "holds control characters, such as a line end, which a header cannot";
            return Err(self.refuse(&span, key, problem));
        }
        Ok(())
    }
}
