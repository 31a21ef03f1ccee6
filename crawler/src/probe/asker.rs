//! One request at a time, within the time that is left; counts how many answers told of themselves.

use std::time::Instant;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::units::Ratio;
use url::Url;

use crate::http::{Answer, Client, NoAnswer};
use crate::runtime::cancelled;
use crate::target::Target;

/// The time is over, or we were asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Over;

/// Asks.
#[derive(Debug)]
pub(crate) struct Asker<'a> {
    client: Client,
    /// The site.
    pub(crate) target: Target,
    cancel: &'a Cancel,
    until: Instant,
    answered: u64,
    told: u64,
}

impl<'a> Asker<'a> {
    /// Sets the limits.
    pub(crate) const fn new(client: Client, target: Target, cancel: &'a Cancel, until: Instant) -> Self {
        Self { client, target, cancel, until, answered: 0, told: 0 }
    }

    /// One GET, with these cookies and no others.
    pub(crate) async fn get(
        &mut self,
        url: &Url,
        cookies: Option<&str>,
    ) -> Result<Result<Answer, NoAnswer>, Over> {
        let answer = tokio::select! {
            biased;
            () = cancelled(self.cancel) => return Err(Over),
            () = tokio::time::sleep_until(self.until.into()) => return Err(Over),
            answer = self.client.get(url, cookies) => answer,
        };
        if let Ok(answer) = &answer {
            let timing = answer.server_timing();
            self.answered += 1;
            self.told += u64::from(timing.app.is_some() || timing.route.is_some());
        }
        Ok(answer)
    }

    /// Share of answers that carried our probe's `Server-Timing`.
    pub(crate) fn probe_coverage(&self) -> Option<Ratio> {
        Ratio::from_parts(self.told, self.answered)
    }
}
