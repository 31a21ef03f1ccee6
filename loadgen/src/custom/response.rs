//! A complete answer, for the journey that asked.

use std::borrow::Cow;
use std::fmt;

use serde::de::DeserializeOwned;

use super::error::JourneyError;
use crate::transport::ResponseHead;

/// An answer: the last one, when redirects were followed. Its body is unpacked.
pub struct Response {
    pub(super) head: ResponseHead,
    pub(super) body: Vec<u8>,
}

impl Response {
    /// Status.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// First value of a header, by its name in any spelling; `None` when there is none, or it is no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name)
    }

    /// The body.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body read as JSON.
    ///
    /// # Errors
    /// It is not the JSON that was expected. The request itself was in order and stays so in the figures; make it a
    /// [check](super::RequestBuilder::check) when it shall count as failed.
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
    /// Neither header fields nor body: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status())
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
