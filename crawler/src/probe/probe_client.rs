//! Sends one request at a time within the remaining time, and counts how many responses come from the instrumented
//! application.

use std::time::Instant;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::units::Ratio;
use url::Url;

use crate::http::{Client, ExchangeError, Response};
use crate::runtime::wait_for_cancellation;
use crate::target::Target;

/// The probe's time is over or it was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProbeEnded;

/// HTTP client of the probe.
#[derive(Debug)]
pub(crate) struct ProbeClient<'a> {
    client: Client,
    /// Site that is probed.
    pub(crate) target: Target,
    cancel: &'a Cancel,
    until: Instant,
    responses: u64,
    instrumented: u64,
}

impl<'a> ProbeClient<'a> {
    pub(crate) const fn new(client: Client, target: Target, cancel: &'a Cancel, until: Instant) -> Self {
        Self { client, target, cancel, until, responses: 0, instrumented: 0 }
    }

    /// Sends one GET with these cookies and no others.
    pub(crate) async fn get(
        &mut self,
        url: &Url,
        cookies: Option<&str>,
    ) -> Result<Result<Response, ExchangeError>, ProbeEnded> {
        let response = tokio::select! {
            biased;
            () = wait_for_cancellation(self.cancel) => return Err(ProbeEnded),
            () = tokio::time::sleep_until(self.until.into()) => return Err(ProbeEnded),
            response = self.client.get(url, cookies) => response,
        };
        if let Ok(response) = &response {
            let timing = response.server_timing();
            self.responses += 1;
            self.instrumented += u64::from(timing.app.is_some() || timing.route.is_some());
        }
        Ok(response)
    }

    /// Share of responses that carry the application probe's `Server-Timing`.
    pub(crate) fn instrumented_share(&self) -> Option<Ratio> {
        Ratio::from_parts(self.instrumented, self.responses)
    }
}
