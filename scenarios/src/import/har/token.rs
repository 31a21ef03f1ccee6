//! Tokens against forged requests: new for each visitor, so that the recorded one is worth nothing. They are taken from the
//! page before, by the names under which frameworks give and expect them.

use super::entry::Entry;
use super::{css, extract};
use crate::import::draft::{DraftStep, placeholder};

/// Fields of forms: Django; Rails; Laravel; Symfony, Spring; ASP.NET.
const FIELDS: [&str; 7] = [
    "csrfmiddlewaretoken",
    "authenticity_token",
    "_token",
    "_csrf",
    "_csrf_token",
    "csrf_token",
    "__RequestVerificationToken",
];

/// Headers of scripts, and where a page has their value.
const HEADERS: [(&str, &str); 4] = [
    ("x-csrftoken", "{ cookie = \"csrftoken\" }"),
    ("x-xsrf-token", "{ cookie = \"XSRF-TOKEN\" }"),
    ("x-csrf-token", "{ css = \"meta[name='csrf-token']\", attr = \"content\" }"),
    ("requestverificationtoken", "{ css = \"input[name='__RequestVerificationToken']\", attr = \"value\" }"),
];

/// What is known of the pages so far.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// Number of the step of the last page.
    page: Option<usize>,
    /// By name of the field or header: the step that gives it, and the placeholder.
    given: Vec<(String, usize, String)>,
}

impl Tokens {
    /// A page was asked for in this step.
    pub(super) fn page(&mut self, step: usize) {
        self.page = Some(step);
    }

    /// The placeholder for a field of a form, where it is a token and there was a page to take it from.
    pub(super) fn field(&mut self, name: &str, steps: &mut [DraftStep]) -> Option<String> {
        let source = FIELDS.contains(&name).then(|| css(&format!("input[name='{name}']"), "value"))?;
        self.give(name, &source, steps)
    }

    /// The header of a script's call that is a token, and its placeholder.
    pub(super) fn header(&mut self, entry: &Entry, steps: &mut [DraftStep]) -> Option<(String, String)> {
        let (name, source) =
            HEADERS.iter().find(|(name, _)| entry.headers.iter().any(|(own, _)| own == name))?;
        Some(((*name).to_owned(), self.give(name, source, steps)?))
    }

    fn give(&mut self, name: &str, source: &str, steps: &mut [DraftStep]) -> Option<String> {
        let page = self.page?;
        if let Some((.., known)) = self.given.iter().find(|(own, step, _)| own == name && *step == page) {
            return Some(known.clone());
        }
        let taken: Vec<&str> = self.given.iter().map(|(.., placeholder)| placeholder.as_str()).collect();
        let placeholder = placeholder("token", &taken);
        extract(steps.get_mut(page)?, &placeholder, source);
        self.given.push((name.to_owned(), page, placeholder.clone()));
        Some(placeholder)
    }
}
