//! A complete response, for the custom journey that requested it.

use std::borrow::Cow;
use std::fmt;

use serde::de::DeserializeOwned;

use super::error::JourneyError;
use crate::transport::ResponseHead;

/// The last response, when redirects were followed. Its body is decoded.
pub struct Response {
    pub(super) head: ResponseHead,
    pub(super) body: Vec<u8>,
}

impl Response {
    /// HTTP status code.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// First value of a header, by its name in any case; `None` when it is missing or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name)
    }

    /// The decoded body.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// Parses the body as JSON.
    ///
    /// # Errors
    /// The body is not the expected JSON. The request still counts as successful; use a
    /// [check](super::RequestBuilder::check) to count it as failed.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, JourneyError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| JourneyError::give_up(format!("not the JSON expected: {error}")))
    }

    /// The text between the first `before` and the next `after`: enough for a form's token.
    pub fn between(&self, before: &str, after: &str) -> Option<String> {
        let text = self.text();
        let (_, rest) = text.split_once(before)?;
        rest.split_once(after).map(|(found, _)| found.to_owned())
    }
}

impl fmt::Debug for Response {
    /// Leaves out header fields and body, which may contain secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status())
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
