//! CSRF tokens: they differ per user, so recorded ones are useless. They are extracted from the preceding page, by the names
//! that frameworks use for them.

use super::entry::HarEntry;
use super::{add_extract, format_css_source};
use crate::import::draft::{DraftStep, free_placeholder_name};

/// Form fields of Django; Rails; Laravel; Symfony, Spring; ASP.NET.
const TOKEN_FIELDS: [&str; 7] = [
    "csrfmiddlewaretoken",
    "authenticity_token",
    "_token",
    "_csrf",
    "_csrf_token",
    "csrf_token",
    "__RequestVerificationToken",
];

/// Headers that scripts send, and where the page contains their value.
const TOKEN_HEADERS: [(&str, &str); 4] = [
    ("x-csrftoken", "{ cookie = \"csrftoken\" }"),
    ("x-xsrf-token", "{ cookie = \"XSRF-TOKEN\" }"),
    ("x-csrf-token", "{ css = \"meta[name='csrf-token']\", attr = \"content\" }"),
    ("requestverificationtoken", "{ css = \"input[name='__RequestVerificationToken']\", attr = \"value\" }"),
];

/// The tokens that earlier pages provide.
#[derive(Debug, Default)]
pub(super) struct CsrfTokens {
    /// Index of the step that loads the last page.
    last_page: Option<usize>,
    /// Name of the field or header, index of the step that extracts it, and the placeholder.
    extracted: Vec<(String, usize, String)>,
}

impl CsrfTokens {
    /// Records that a step loads a page.
    pub(super) fn record_page(&mut self, step: usize) {
        self.last_page = Some(step);
    }

    /// The placeholder for a form field; `None` unless it is a token and a page precedes it.
    pub(super) fn find_field(&mut self, name: &str, steps: &mut [DraftStep]) -> Option<String> {
        let source = TOKEN_FIELDS
            .contains(&name)
            .then(|| format_css_source(&format!("input[name='{name}']"), "value"))?;
        self.placeholder_for(name, &source, steps)
    }

    /// The token header of a script call, and its placeholder.
    pub(super) fn find_header(
        &mut self,
        entry: &HarEntry,
        steps: &mut [DraftStep],
    ) -> Option<(String, String)> {
        let (name, source) =
            TOKEN_HEADERS.iter().find(|(name, _)| entry.headers.iter().any(|(header, _)| header == name))?;
        Some(((*name).to_owned(), self.placeholder_for(name, source, steps)?))
    }

    fn placeholder_for(&mut self, name: &str, source: &str, steps: &mut [DraftStep]) -> Option<String> {
        let page = self.last_page?;
        if let Some((.., placeholder)) =
            self.extracted.iter().find(|(known, step, _)| known == name && *step == page)
        {
            return Some(placeholder.clone());
        }
        let taken: Vec<&str> = self.extracted.iter().map(|(.., placeholder)| placeholder.as_str()).collect();
        let placeholder = free_placeholder_name("token", &taken);
        add_extract(steps.get_mut(page)?, &placeholder, source);
        self.extracted.push((name.to_owned(), page, placeholder.clone()));
        Some(placeholder)
    }
}
