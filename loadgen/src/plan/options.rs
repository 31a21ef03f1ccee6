//! Settings of load that do not depend on the phase. This is their only home: defaults and checks included.

use std::time::Duration;

use kneepoint_model::load::HttpVersion;
use kneepoint_model::stop_condition::StopCondition;

use crate::scheduler::pacer::Arrivals;
use crate::scheduler::pacing::PacingMode;
use crate::transport::ReadRate;
use crate::transport::content_coding::ContentCoding;

/// More threads than any machine has cores for load.
const MAX_THREADS: usize = 64;

/// Settings that all phases of a run share.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// HTTP/1.1 or HTTP/2; a server that does not speak it fails the request.
    pub http: HttpVersion,
    /// Seed of every random choice.
    pub seed: u64,
    /// A step (its redirects included) that takes longer has failed.
    pub timeout: Duration,
    /// How long unfinished requests may still take after the measured part; then they count as censored.
    pub drain: Duration,
    /// Requests in flight at the same time in the open model; later ones wait in order and keep their intended start.
    pub max_in_flight: usize,
    /// Connections that the open model opens before its first arrival, with HTTP/1.1; the others are opened when they are needed.
    pub connect_ahead: usize,
    /// A request that has waited longer than this for a slot is not sent, and counts as shed; `None` sends all.
    pub shed_after: Option<Duration>,
    /// How the open model waits for the next arrival.
    pub pacing: PacingMode,
    /// Limits at which a phase is stopped, when they are exceeded for some seconds in a row.
    pub stop_when: Vec<StopCondition>,
    /// Longest body, as received and as decoded, in bytes.
    pub max_body: u64,
    /// Bytes per second that each connection reads, for slow users; with HTTP/1.1 only.
    pub read_rate: Option<ReadRate>,
    /// `Accept-Encoding`, where a step does not set it.
    pub accept_encoding: Vec<ContentCoding>,
    /// Value of the `User-Agent` header.
    pub user_agent: String,
    /// Factor of every think time.
    pub think_scale: f64,
    /// Threads of the open model; arrivals are dealt out to them in turn.
    pub threads: usize,
    /// Whether each of these threads stays on one core.
    pub pin: bool,
    /// How arrivals of the open model are spread.
    pub arrivals: Arrivals,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            http: HttpVersion::default(),
            seed: 1,
            timeout: Duration::from_secs(10),
            drain: Duration::from_secs(5),
            max_in_flight: 512,
            connect_ahead: 0,
            shed_after: None,
            pacing: PacingMode::Automatic,
            stop_when: Vec::new(),
            max_body: 32 << 20,
            read_rate: None,
            accept_encoding: vec![ContentCoding::Gzip],
            user_agent: concat!("kneepoint/", env!("CARGO_PKG_VERSION")).to_owned(),
            think_scale: 1.0,
            threads: 1,
            pin: false,
            arrivals: Arrivals::Constant,
        }
    }
}

impl LoadOptions {
    /// Checks the values by themselves and together.
    ///
    /// # Errors
    /// What is wrong, with the names of the settings in `kneepoint.toml`, and what would be right.
    pub fn validate(&self) -> Result<(), String> {
        let Self { timeout, max_in_flight, connect_ahead, think_scale, threads, .. } = self;
        if !(1..=MAX_THREADS).contains(threads) {
            return Err(format!(
                "load.threads = {threads} is not between 1 and {MAX_THREADS}; e.g. threads = 1"
            ));
        }
        if matches!(self.pacing, PacingMode::Batched(window) if window > PacingMode::MAX_WINDOW) {
            return Err(format!(
                "load.wake is longer than {:?}, and would be seen in every response time; e.g. wake = \"200us\"",
                PacingMode::MAX_WINDOW
            ));
        }
        if timeout.is_zero() {
            return Err("load.timeout must be above zero; e.g. timeout = \"10s\"".to_owned());
        }
        if *max_in_flight == 0 {
            return Err("load.max_in_flight must be above zero; e.g. max_in_flight = 512".to_owned());
        }
        if !think_scale.is_finite() || *think_scale < 0.0 {
            return Err(format!("load.think = {think_scale} must be zero or more; e.g. think = 1.0"));
        }
        if let (HttpVersion::Http2, Some(setting)) = (self.http, self.http1_setting()) {
            return Err(format!(
                "{setting} works with HTTP/1.1 only (many users share a connection of HTTP/2); leave it out, or write http = \"1.1\""
            ));
        }
        if connect_ahead > max_in_flight {
            return Err(format!(
                "load.connect_ahead = {connect_ahead} is more than load.max_in_flight = {max_in_flight}, so the others would be opened ahead and never used; e.g. connect_ahead = {max_in_flight}"
            ));
        }
        Ok(())
    }

    /// A setting that exists only for HTTP/1.1, as it is written in the file.
    fn http1_setting(&self) -> Option<String> {
        match self.read_rate {
            Some(rate) => Some(format!("load.read_rate = \"{rate}\"")),
            None if self.connect_ahead > 0 => Some(format!("load.connect_ahead = {}", self.connect_ahead)),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_settings_are_refused_by_their_names_with_an_example() {
        let default = LoadOptions::default;
        assert_eq!(default().validate(), Ok(()));
        let http = HttpVersion::Http2;
        let read_rate = ReadRate::per_second(9);
        for (options, parts) in [
            (LoadOptions { threads: 65, ..default() }, ["load.threads = 65", "threads = 1"]),
            (
                LoadOptions { pacing: PacingMode::Batched(Duration::from_millis(11)), ..default() },
                ["load.wake", "wake = \"200us\""],
            ),
            (LoadOptions { timeout: Duration::ZERO, ..default() }, ["load.timeout", "timeout = \"10s\""]),
            (LoadOptions { max_in_flight: 0, ..default() }, ["load.max_in_flight", "max_in_flight = 512"]),
            (LoadOptions { think_scale: f64::NAN, ..default() }, ["load.think = NaN", "think = 1.0"]),
            (LoadOptions { http, read_rate, ..default() }, ["load.read_rate = \"9 B/s\"", "http = \"1.1\""]),
            (
                LoadOptions { http, connect_ahead: 4, ..default() },
                ["load.connect_ahead = 4", "http = \"1.1\""],
            ),
            (
                LoadOptions { max_in_flight: 8, connect_ahead: 9, ..default() },
                ["load.max_in_flight = 8", "connect_ahead = 8"],
            ),
        ] {
            let problem = options.validate().expect_err(parts[0]);
            assert!(parts.iter().all(|part| problem.contains(part)), "{problem}");
        }
    }
}
