//! Warm-up rounds: every page once per worker, until two rounds agree.
//!
//! Copies of one page are sent together, so that they reach different workers. Requests carry no cookies, so shared
//! caches are filled.

use std::time::{Duration, Instant};

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::run::FORMAT_VERSION;
use kneepoint_model::stage::Stage;
use kneepoint_model::units::{Micros, Ratio};
use kneepoint_model::warm::{WarmResult, WarmRound};
use tokio::task::JoinSet;
use url::Url;

use super::plan::WarmPlan;
use super::steady_state::is_steady;
use crate::error::CrawlError;
use crate::http::{Client, ClientPlan, ConnectionFailure, ExchangeError, Response};
use crate::runtime::{block_on, wait_for_cancellation};
use crate::target::Target;

/// Requests the pages in rounds until response times and hit ratio are steady.
///
/// When `cancel` is set or the time is over, the completed rounds are returned with `flat` false.
///
/// # Errors
/// The plan has no usable path or URL, or the site is unreachable.
pub fn warm(plan: &WarmPlan, cancel: &Cancel, events: &dyn EventSink) -> Result<WarmResult, CrawlError> {
    block_on(async {
        let started = Instant::now();
        let target = Target::new(&plan.base_url, plan.host_header.as_deref())?;
        let pages: Vec<(String, Url)> =
            plan.paths.iter().filter_map(|path| Some((path.clone(), target.url(path)?))).collect();
        if pages.is_empty() {
            return Err(CrawlError::NothingToDo { action: "warm" });
        }
        let client = Client::new(&ClientPlan {
            origin: target.base(),
            host_header: plan.host_header.as_deref(),
            via: &plan.via,
            user_agent: &plan.user_agent,
            timeout: plan.timeout,
            connections: plan.concurrency,
        })?;
        let until = started + Duration::from_secs(plan.max_seconds);
        let mut result = WarmResult { format_version: FORMAT_VERSION, ..WarmResult::default() };
        let urls: Vec<Url> = pages.iter().map(|(_, url)| url.clone()).collect();
        result.pages = pages.into_iter().map(|(path, _)| path).collect();
        while !result.steady && result.rounds.len() < plan.max_rounds {
            let number = result.rounds.len() as u64 + 1;
            let message = format!("round {number}, {} pages × {}", urls.len(), plan.concurrency.max(1));
            events.progress(Stage::Warm, number, None, &message);
            let responses = tokio::select! {
                biased;
                () = wait_for_cancellation(cancel) => break,
                () = tokio::time::sleep_until(until.into()) => break,
                responses = run_round(&client, &urls, plan.concurrency.max(1)) => responses,
            };
            if let Some(why) = connection_failure(&responses) {
                return Err(CrawlError::Unreachable { origin: target.origin(), why });
            }
            result.rounds.push(summarize(&responses));
            result.steady = is_steady(&result.rounds);
        }
        if !result.steady && !cancel.is_cancelled() {
            events.warn(
                Stage::Warm,
                "response times were still changing when warming ended: the first seconds of load may measure the warm-up",
            );
        }
        result.took_us = Micros::from_duration(started.elapsed());
        Ok(result)
    })?
}

async fn run_round(client: &Client, urls: &[Url], copies: usize) -> Vec<Result<Response, ExchangeError>> {
    let mut waiting = urls.iter().flat_map(|url| std::iter::repeat_n(url, copies));
    let (mut tasks, mut responses) = (JoinSet::new(), Vec::new());
    loop {
        while tasks.len() < copies
            && let Some(url) = waiting.next()
        {
            let (client, url) = (client.clone(), url.clone());
            // Only times are needed; the bodies of a round would fill the memory.
            tasks.spawn(async move { client.get(&url, None).await.map(Response::without_body) });
        }
        match tasks.join_next().await {
            Some(Ok(response)) => responses.push(response),
            Some(Err(_panicked)) => {}
            None => return responses,
        }
    }
}

fn connection_failure(responses: &[Result<Response, ExchangeError>]) -> Option<String> {
    let not_connected = |response: &Result<Response, ExchangeError>| {
        matches!(response, Err(ExchangeError::Connection { failure: ConnectionFailure::NotConnected, .. }))
    };
    let why = responses.first()?.as_ref().err()?.describe();
    responses.iter().all(not_connected).then_some(why)
}

fn summarize(responses: &[Result<Response, ExchangeError>]) -> WarmRound {
    let good: Vec<&Response> = responses.iter().flatten().filter(|response| response.status < 400).collect();
    let mut times: Vec<Micros> = good.iter().map(|response| Micros::from_duration(response.total)).collect();
    times.sort_unstable();
    let with_outcome =
        good.iter().map(|response| response.cache_outcome()).filter(|outcome| *outcome != CacheOutcome::None);
    let (hits, lookups) = with_outcome
        .fold((0, 0), |(hits, lookups), outcome| (hits + u64::from(outcome.is_hit()), lookups + 1));
    WarmRound {
        requests: responses.len() as u64,
        errors: (responses.len() - good.len()) as u64,
        p50_us: percentile(&times, 50),
        p95_us: percentile(&times, 95),
        hit_ratio: Ratio::from_parts(hits, lookups),
    }
}

/// Percentile by nearest rank; zero for an empty slice.
pub(crate) fn percentile(sorted: &[Micros], percent: usize) -> Micros {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let times: Vec<Micros> = (1..=20).map(Micros).collect();
        assert_eq!((percentile(&times, 50), percentile(&times, 95)), (Micros(10), Micros(19)));
        assert_eq!((percentile(&times[..1], 95), percentile(&[], 50)), (Micros(1), Micros(0)));
    }
}
